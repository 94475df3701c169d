// What gst-inspect-1.0 shows of our elements reads well, and docs/elements.md says the same.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

namespace fovea::testing {
namespace {

using ElementPtr = std::unique_ptr<GstElement, void (*)(GstElement*)>;

/// One of each element of our plugin, by name.
std::vector<ElementPtr> all_elements() {
  GList* features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "fovea");
  std::vector<std::string> names;
  for (const GList* item = features; item != nullptr; item = item->next) {
    names.emplace_back(gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(item->data)));
  }
  gst_plugin_feature_list_free(features);
  std::ranges::sort(names);
  std::vector<ElementPtr> elements;
  for (const std::string& name : names) {
    GstElement* element = gst_element_factory_make(name.c_str(), nullptr);
    gst_object_ref_sink(element);
    elements.emplace_back(element, [](GstElement* made) { gst_object_unref(made); });
  }
  return elements;
}

std::string name_of(GstElement* element) {
  return gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(gst_element_get_factory(element)));
}

/// The properties the element adds to those of its GStreamer base class.
std::vector<GParamSpec*> own_properties(GstElement* element) {
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  std::vector<GParamSpec*> own;
  for (guint i = 0; i < count; ++i) {
    if (specs[i]->owner_type == G_OBJECT_TYPE(element)) {
      own.push_back(specs[i]);
    }
  }
  g_free(specs);
  return own;
}

/// Type with range, or the choices of an enum.
std::string type_text(GParamSpec* spec) {
  if (G_IS_PARAM_SPEC_UINT(spec)) {
    const auto* range = G_PARAM_SPEC_UINT(spec);
    return fmt::format("unsigned, {}…{}", range->minimum, range->maximum);
  }
  if (G_IS_PARAM_SPEC_UINT64(spec)) {
    const auto* range = G_PARAM_SPEC_UINT64(spec);
    return fmt::format("unsigned, {}…{}", range->minimum, range->maximum);
  }
  if (G_IS_PARAM_SPEC_INT(spec)) {
    const auto* range = G_PARAM_SPEC_INT(spec);
    return fmt::format("integer, {}…{}", range->minimum, range->maximum);
  }
  if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
    const auto* range = G_PARAM_SPEC_DOUBLE(spec);
    return fmt::format("number, {}…{}", range->minimum, range->maximum);
  }
  if (G_IS_PARAM_SPEC_ENUM(spec)) {
    std::string choices;
    const GEnumClass* values = G_PARAM_SPEC_ENUM(spec)->enum_class;
    for (guint i = 0; i < values->n_values; ++i) {
      choices += fmt::format("{}`{}`", i == 0 ? "" : ", ", values->values[i].value_nick);
    }
    return choices;
  }
  if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    return "boolean";
  }
  return G_IS_PARAM_SPEC_STRING(spec) != FALSE ? "text" : "structure, read only";
}

std::string default_text(GParamSpec* spec) {
  const GValue* value = g_param_spec_get_default_value(spec);
  if (G_IS_PARAM_SPEC_ENUM(spec)) {
    return fmt::format("`{}`",
                       g_enum_get_value(G_PARAM_SPEC_ENUM(spec)->enum_class, g_value_get_enum(value))->value_nick);
  }
  if (G_IS_PARAM_SPEC_STRING(spec)) {
    const gchar* text = g_value_get_string(value);
    return text == nullptr || *text == '\0' ? "" : fmt::format("`{}`", text);
  }
  if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    return g_value_get_boolean(value) != FALSE ? "`true`" : "`false`";
  }
  if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
    return fmt::format("`{}`", static_cast<float>(g_value_get_double(value)));
  }
  if (G_IS_PARAM_SPEC_UINT(spec)) {
    return fmt::format("`{}`", g_value_get_uint(value));
  }
  if (G_IS_PARAM_SPEC_UINT64(spec)) {
    return fmt::format("`{}`", g_value_get_uint64(value));
  }
  return G_IS_PARAM_SPEC_INT(spec) != FALSE ? fmt::format("`{}`", g_value_get_int(value)) : "";
}

/// "from …" for elements that take a stream, "gives …" for sources.
std::string stream_text(GstElement* element) {
  GstPadTemplate* sink = gst_element_get_pad_template(element, "sink");
  if (sink == nullptr) {
    return "gives `video/x-raw`";
  }
  GstCaps* caps = gst_pad_template_get_caps(sink);
  const bool any = gst_caps_is_any(caps) != FALSE;
  gst_caps_unref(caps);
  return any ? "from any stream; results come from raw video"
             : "from `video/x-raw` NV12, I420, BGR, RGB, BGRx, RGBx, BGRA, RGBA, GRAY8";
}

/// Keeps "<model>" from being read as a tag.
std::string escaped(std::string text) {
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at)) {
    text.replace(at, 1, "&lt;");
  }
  return text;
}

std::string document() {
  std::string text =
      "# Elements\n\n"
      "Properties, defaults and what they mean, as `gst-inspect-1.0` prints them. Written by "
      "`scripts/generate-element-docs`;\nedit the texts in `elements/`. All properties can be changed in NULL and "
      "READY "
      "unless stated otherwise.\n";
  for (const ElementPtr& owner : all_elements()) {
    GstElement* element = owner.get();
    GstElementFactory* factory = gst_element_get_factory(element);
    text += fmt::format("\n## {}\n\n{}.\n\n{} ({}), {}\n\n", name_of(element),
                        gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_DESCRIPTION),
                        gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_LONGNAME),
                        gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS), stream_text(element));
    text += "| property | type | default | meaning |\n|---|---|---|---|\n";
    for (GParamSpec* spec : own_properties(element)) {
      text += fmt::format("| `{}` | {} | {} | {} |\n", spec->name, type_text(spec), default_text(spec),
                          escaped(g_param_spec_get_blurb(spec)));
    }
  }
  return text;
}

TEST(Docs, EveryElementOfTheListIsThere) {
  std::ifstream list(FOVEA_SOURCE_DIR "/elements/elements.inc");
  std::string line;
  std::vector<std::string> expected;
  while (std::getline(list, line)) {
    if (line.starts_with("FOVEA_ELEMENT(")) {
      expected.push_back(line.substr(14, line.find(')') - 14));
    }
  }
  std::vector<std::string> found;
  for (const ElementPtr& element : all_elements()) {
    found.push_back(name_of(element.get()));
  }
  ASSERT_FALSE(expected.empty());
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
}

TEST(Docs, PropertiesReadWell) {
  for (const ElementPtr& element : all_elements()) {
    for (GParamSpec* spec : own_properties(element.get())) {
      const std::string where = name_of(element.get()) + " " + spec->name;
      const gchar* given = g_param_spec_get_blurb(spec);
      ASSERT_NE(given, nullptr) << where;
      const std::string blurb = given;
      ASSERT_GT(blurb.size(), std::string(spec->name).size()) << where << ": says no more than its name";
      EXPECT_NE(blurb, g_param_spec_get_nick(spec)) << where;
      EXPECT_EQ(blurb.find('|'), std::string::npos) << where << ": breaks the table";
      EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(blurb.back())) != 0 || blurb.back() == ')')
          << where << ": ends with '" << blurb.back() << "'; texts have no full stop";
      const std::string name = spec->name;
      EXPECT_TRUE(std::ranges::all_of(name, [](unsigned char c) { return std::islower(c) != 0 || c == '-'; })) << where;
      if ((spec->flags & G_PARAM_WRITABLE) != 0) {
        EXPECT_NE(static_cast<int>(spec->flags) & GST_PARAM_MUTABLE_READY, 0)
            << where << ": does not say when it can be changed";
      }
    }
  }
}

TEST(Docs, PropertiesReadBackWhatWasSet) {
  for (const ElementPtr& element : all_elements()) {
    for (GParamSpec* spec : own_properties(element.get())) {
      const std::string where = name_of(element.get()) + " " + spec->name;
      if (std::string_view(spec->name) == "batch-size" || (spec->flags & G_PARAM_WRITABLE) == 0) {
        continue;  // accepted for compatibility and always 1; nothing to write
      }
      GValue before = G_VALUE_INIT;
      GValue after = G_VALUE_INIT;
      g_value_init(&before, spec->value_type);
      g_value_init(&after, spec->value_type);
      if (G_IS_PARAM_SPEC_STRING(spec)) {
        g_value_set_string(&before, "some text");
      } else if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
        g_value_set_boolean(&before, g_value_get_boolean(g_param_spec_get_default_value(spec)) == FALSE);
      } else if (G_IS_PARAM_SPEC_UINT(spec)) {
        g_value_set_uint(&before, G_PARAM_SPEC_UINT(spec)->maximum);
      } else if (G_IS_PARAM_SPEC_UINT64(spec)) {
        g_value_set_uint64(&before, G_PARAM_SPEC_UINT64(spec)->maximum);
      } else if (G_IS_PARAM_SPEC_INT(spec)) {
        g_value_set_int(&before, G_PARAM_SPEC_INT(spec)->maximum);
      } else if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
        g_value_set_double(&before, G_PARAM_SPEC_DOUBLE(spec)->maximum);
      } else {
        const GEnumClass* values = G_PARAM_SPEC_ENUM(spec)->enum_class;
        g_value_set_enum(&before, values->values[values->n_values - 1].value);
      }
      g_object_set_property(G_OBJECT(element.get()), spec->name, &before);
      g_object_get_property(G_OBJECT(element.get()), spec->name, &after);
      EXPECT_EQ(g_param_values_cmp(spec, &before, &after), 0) << where;
      g_value_unset(&before);
      g_value_unset(&after);
    }
  }
}

TEST(Docs, ElementsMdIsFresh) {
  const std::string path = FOVEA_SOURCE_DIR "/docs/elements.md";
  const std::string expected = document();
  if (std::getenv("FOVEA_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << expected;
  }
  std::ostringstream found;
  found << std::ifstream(path).rdbuf();
  EXPECT_EQ(found.str(), expected) << "run scripts/generate-element-docs";
}

}  // namespace
}  // namespace fovea::testing
