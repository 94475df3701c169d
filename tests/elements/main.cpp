// Runs the element tests against the plugin of this build, whatever the environment says.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  const std::string binary_dir = FOVEA_BINARY_DIR;
  const std::string source_dir = FOVEA_SOURCE_DIR;
  ::setenv("GST_PLUGIN_PATH", (binary_dir + "/lib/gstreamer-1.0").c_str(), 1);
  ::setenv("GST_REGISTRY", (binary_dir + "/tests/registry.bin").c_str(), 1);
  // No other plugins than ours and the few below: quicker, and sanitizers see no foreign library.
  ::setenv("GST_PLUGIN_SYSTEM_PATH", "", 1);
  // A plugin built with a sanitizer loads into this process only, not into GStreamer's scanner.
  ::setenv("GST_REGISTRY_FORK", "no", 1);
  ::setenv("FOVEA_MODEL_SPECS", (source_dir + "/models/omz").c_str(), 1);
  ::testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  for (const char* file : {"/libgstcoreelements.so", "/libgstvideotestsrc.so"}) {
    gst_object_unref(gst_plugin_load_file((std::string(FOVEA_GST_PLUGINS_DIR) + file).c_str(), nullptr));
  }
  const int failed = RUN_ALL_TESTS();
  gst_deinit();
  return failed;
}
