// The GStreamer plugin: registers the elements of elements.inc. Quick and without side effects: no device is probed,
// no model loaded.
#define PACKAGE "fovea"  // GST_PLUGIN_DEFINE wants it
#include <gst/gst.h>

#include "elements/registration.hpp"
#include "engine/base/log.hpp"

GST_DEBUG_CATEGORY(fovea_debug);

namespace {

gboolean plugin_init(GstPlugin* plugin) {
  GST_DEBUG_CATEGORY_INIT(fovea_debug, "fovea", 0, "Fovea video analytics");
  gboolean ok = TRUE;
#define FOVEA_ELEMENT(name)                                                                                           \
  ok = ok != FALSE && gst_element_register(plugin, #name, GST_RANK_NONE, fovea::elements::name##_get_type()) != FALSE \
           ? TRUE                                                                                                     \
           : FALSE;
#include "elements/elements.inc"
#undef FOVEA_ELEMENT
  return ok;
}

}  // namespace

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, fovea, "Edge video analytics on CPU, GPU and USB sticks",
                  plugin_init, FOVEA_VERSION, "Apache 2.0", "fovea", "https://example.org/fovea")
