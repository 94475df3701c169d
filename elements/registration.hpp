// The element types of this plugin, one function each, from elements.inc.
#pragma once

#include <glib-object.h>

namespace fovea::elements {

#define FOVEA_ELEMENT(name) GType name##_get_type();
#include "elements/elements.inc"
#undef FOVEA_ELEMENT

}  // namespace fovea::elements
