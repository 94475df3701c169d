// Draws everything flat and still by casting rays: sky, ground, house fronts.
#pragma once

#include "vision/street/light.hpp"
#include "vision/street/raster.hpp"

namespace fovea::street {

/// Fills colours and ids (classes) of the whole canvas; four rays a pixel.
void draw_background(Canvas& canvas, const Camera& camera, const Layout& layout, const Illumination& illumination);

}  // namespace fovea::street
