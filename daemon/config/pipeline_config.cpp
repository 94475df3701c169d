// Reading of pipeline files.
#include "daemon/config/pipeline_config.hpp"

#include <algorithm>
#include <array>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "vision/model_files.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSources = 256;
constexpr std::size_t kMaxStages = 64;

struct Reader {
  fs::path directory;  ///< Of the pipeline file.
  std::vector<fs::path> model_directories;
};

std::string absolute(const Reader& reader, const std::string& path) {
  return path.empty() ? path : (reader.directory / path).lexically_normal().string();
}

/// The one entry of a list item such as `- detect: {…}`; a bare name stands for no settings.
struct Entry {
  std::size_t index;  ///< Into the names.
  YamlValue place;
  std::optional<YamlValue> settings;
};

Entry read_entry(const YamlValue& item, std::string_view what, Choices names) {
  if (item.kind() == YamlNode::Kind::kScalar) {
    return {item.as_one_of(names), item, std::nullopt};
  }
  YamlMap map = item.as_map(what);
  for (std::size_t index = 0; index < names.size(); ++index) {
    if (const auto settings = map.find(names[index])) {
      for (std::size_t other = index + 1; other < names.size(); ++other) {
        if (const auto second = map.find(names[other])) {
          second->complain(fmt::format("{} has one key; '{}' is another one, put '- ' before it", what, names[other]));
        }
      }
      map.finish();
      return {index, item, settings};
    }
  }
  map.finish();  // Complains about the unknown key; what is left has a known key with nothing behind it, or none.
  for (const auto& [name, value] : map.entries()) {
    const auto found = std::find(names.begin(), names.end(), name);
    return {static_cast<std::size_t>(found - names.begin()), value, std::nullopt};
  }
  item.complain(fmt::format("{} needs one key of {}", what, fmt::join(names, ", ")));
}

template <class Settings>
void read_entry_settings(const Entry& entry, std::string_view what, Settings& settings) {
  if (entry.settings) {
    read_settings(*entry.settings, what, settings);
  }
}

/// Where a model given by name lies, most specific layout first.
std::string find_model(const Reader& reader, const std::string& model, const YamlValue& place) {
  const bool is_path = model.find('/') != std::string::npos || fs::path(model).has_extension();
  if (is_path) {
    std::string path = absolute(reader, model);
    if (fs::exists(path)) {
      return path;
    }
    if (model.find('/') != std::string::npos) {
      place.complain(fmt::format("model '{}': {} does not exist", model, path));
    }
  }
  if (const auto found = find_model_file(model, reader.model_directories)) {
    return found->string();
  }
  std::vector<std::string> names;
  for (const fs::path& directory : reader.model_directories) {
    names.push_back(directory.string());
  }
  place.complain(fmt::format("model '{}' is neither a file nor in {}", model,
                             fmt::join(names, ", ")));
}

void require_file(const Reader& reader, const YamlValue& place, std::string_view key, std::string& path) {
  if (path.empty()) {
    return;
  }
  path = absolute(reader, path);
  if (!fs::exists(path)) {
    place.complain(fmt::format("{}: {} does not exist", key, path));
  }
}

StageConfig read_model_stage(const Reader& reader, const Entry& entry, std::string_view name, ModelTask task) {
  ModelStage stage;
  stage.task = task;
  read_entry_settings(entry, fmt::format("a {} stage", name), stage);
  if (stage.model.empty()) {
    entry.place.complain(fmt::format("a {} stage needs the key 'model'", name));
  }
  YamlMap map = entry.settings->as_map(name);
  stage.model = find_model(reader, stage.model, map.require("model"));
  require_file(reader, map.find("model-proc").value_or(entry.place), "model-proc", stage.model_proc);
  require_file(reader, map.find("model-spec").value_or(entry.place), "model-spec", stage.model_spec);
  require_file(reader, map.find("labels-file").value_or(entry.place), "labels-file", stage.labels_file);
  static constexpr std::array<std::string_view, 2> kRegions = {"full-frame", "roi-list"};
  if (const auto region = map.find("inference-region")) {
    (void)region->as_one_of(kRegions);
  }
  const bool full_frame =
      stage.inference_region == "full-frame" || (stage.inference_region.empty() && task != ModelTask::kClassify);
  if (full_frame && !stage.object_class.empty()) {
    map.require("object-class").complain("object-class chooses among regions: it needs inference-region: roi-list");
  }
  return stage;
}

StageConfig read_stage(const Reader& reader, const YamlValue& item) {
  static constexpr std::array<std::string_view, 7> kNames = {"detect", "classify",  "segment", "inference",
                                                             "track",  "analytics", "gst"};
  const Entry entry = read_entry(item, "a stage", kNames);
  switch (entry.index) {
    case 4: {
      TrackStage track;
      read_entry_settings(entry, "a track stage", track);
      return track;
    }
    case 5:
      entry.place.complain("analytics (zones and lines) is not part of this version");
    case 6: {
      GstStage gst;
      gst.fragment = entry.settings ? trim(entry.settings->as_text()) : "";
      if (gst.fragment.empty()) {
        entry.place.complain("gst needs a piece of a gst-launch line");
      }
      return gst;
    }
    default:
      return read_model_stage(reader, entry, kNames[entry.index], static_cast<ModelTask>(entry.index));
  }
}

SourceConfig read_source(const Reader& reader, const YamlValue& value) {
  SourceConfig source;
  read_settings(value, "a source", source);
  const int given = !source.uri.empty() + !source.device.empty() + !source.file.empty() + !source.test.empty();
  if (given != 1) {
    value.complain("a source has exactly one of uri, device, file and test");
  }
  YamlMap map = value.as_map("a source");
  if (!source.file.empty()) {
    require_file(reader, map.require("file"), "file", source.file);
  } else if (source.loop) {
    map.require("loop").complain("loop is for files only");
  }
  if (!source.uri.empty() && source.uri.find("://") == std::string::npos) {
    map.require("uri").complain("expected a URI like rtsp://camera/stream; recordings are given as 'file'");
  }
  if (!source.caps.empty() && source.device.empty() && source.test.empty()) {
    map.require("caps").complain("caps is for device and test only");
  }
  if (source.frames != 0 && source.test.empty()) {
    map.require("frames").complain("frames is for test only");
  }
  if (!source.name.empty() && !is_plain_name(source.name)) {
    map.require("name").complain("a name is one level of a topic: letters, digits, '-', '_' and '.', at most 64");
  }
  if (source.reconnect.min_backoff > source.reconnect.max_backoff) {
    map.require("reconnect").complain("min-backoff is above max-backoff");
  }
  return source;
}

void read_sources(const Reader& reader, YamlMap& root, PipelineConfig& config) {
  const auto one = root.find("source");
  const auto many = root.find("sources");
  if (one.has_value() == many.has_value()) {
    root.value().complain("a pipeline has either 'source' or 'sources'");
  }
  if (one) {
    config.sources.push_back(read_source(reader, *one));
    return;
  }
  config.listed = true;
  for (const YamlValue& item : many->as_list()) {
    SourceConfig source = read_source(reader, item);
    if (source.name.empty()) {
      item.complain("a source in a list needs the key 'name'");
    }
    const auto same = [&](const SourceConfig& other) { return other.name == source.name; };
    if (std::any_of(config.sources.begin(), config.sources.end(), same)) {
      item.complain(fmt::format("two sources are called '{}'", source.name));
    }
    config.sources.push_back(std::move(source));
  }
  if (config.sources.empty() || config.sources.size() > kMaxSources) {
    many->complain(fmt::format("expected 1 to {} sources, found {}", kMaxSources, config.sources.size()));
  }
}

/// \throws with `place` for placeholders that do not exist.
void check_placeholders(const YamlValue& place, const std::string& text, Choices names) {
  for (auto open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
    const auto close = text.find('}', open);
    const std::string name = text.substr(open + 1, close == std::string::npos ? close : close - open - 1);
    if (close == std::string::npos || std::find(names.begin(), names.end(), name) == names.end()) {
      place.complain(fmt::format("'{{{}}}' is no placeholder{}; there are {}", name, did_you_mean(name, names),
                                 fmt::join(names, ", ")));
    }
  }
}

PublishConfig read_publish(const Reader& reader, const YamlValue& item) {
  static constexpr std::array<std::string_view, 3> kNames = {"mqtt", "file", "stdout"};
  static constexpr std::array<std::string_view, 3> kTopicNames = {"base", "node", "pipeline"};
  static constexpr std::array<std::string_view, 2> kPathNames = {"node", "pipeline"};
  const Entry entry = read_entry(item, "an entry of publish", kNames);
  PublishConfig publish;
  publish.kind = static_cast<PublishKind>(entry.index);
  read_entry_settings(entry, fmt::format("'{}'", kNames[entry.index]), publish);
  const auto place = [&](std::string_view key) {
    if (entry.settings) {
      YamlMap map = entry.settings->as_map("publish");
      return map.find(key).value_or(entry.place);
    }
    return entry.place;
  };
  if (publish.kind == PublishKind::kMqtt) {
    check_placeholders(place("topic"), publish.topic, kTopicNames);
    try {
      check_topic(publish.topic);
    } catch (const Error& error) {
      place("topic").complain(error.what());
    }
  }
  if (publish.kind == PublishKind::kFile) {
    if (publish.path.empty()) {
      entry.place.complain("'file' needs the key 'path'");
    }
    check_placeholders(place("path"), publish.path, kPathNames);
    publish.path = absolute(reader, publish.path);
  }
  return publish;
}

OutputConfig read_output(const Reader& reader, const YamlValue& item) {
  static constexpr std::array<std::string_view, 3> kNames = {"file", "picture", "display"};
  static constexpr std::array<std::string_view, 4> kExtensions = {".mkv", ".mp4", ".webm", ".avi"};
  static constexpr std::array<std::string_view, 2> kPathNames = {"node", "pipeline"};
  const Entry entry = read_entry(item, "an entry of outputs", kNames);
  OutputConfig output;
  output.kind = static_cast<OutputKind>(entry.index);
  read_entry_settings(entry, fmt::format("'{}'", kNames[entry.index]), output);
  if (output.kind == OutputKind::kDisplay) {
    return output;
  }
  if (output.path.empty()) {
    entry.place.complain(fmt::format("'{}' needs the key 'path'", kNames[entry.index]));
  }
  const YamlValue place = entry.settings->as_map("outputs").require("path");
  check_placeholders(place, output.path, kPathNames);
  const std::string extension = fs::path(output.path).extension().string();
  if (output.kind == OutputKind::kFile &&
      std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end()) {
    place.complain(
        fmt::format("expected a name that ends in one of {}, found '{}'", fmt::join(kExtensions, ", "), output.path));
  }
  output.path = absolute(reader, output.path);
  return output;
}

template <class Item, class Read>
void read_list(YamlMap& root, std::string_view key, std::vector<Item>& items, Read read) {
  const auto list = root.find(key);
  if (!list) {
    return;
  }
  for (const YamlValue& item : list->as_list()) {
    items.push_back(read(item));
  }
  if (items.size() > kMaxStages) {
    list->complain(fmt::format("expected at most {} entries, found {}", kMaxStages, items.size()));
  }
}

}  // namespace

PipelineConfig read_pipeline_config(const fs::path& path, const std::vector<std::string>& model_directories) {
  const YamlDocument document = YamlDocument::read(path);
  PipelineConfig config;
  config.file = fs::absolute(path).lexically_normal();
  Reader reader{config.file.parent_path(), {model_directories.begin(), model_directories.end()}};
  // A tree with pipelines/ and models/ side by side (the source, an installation, a bundle) works wherever it lies.
  reader.model_directories.push_back((reader.directory / "../models").lexically_normal());
  std::ranges::move(fovea::model_directories(), std::back_inserter(reader.model_directories));
  YamlMap root = document.root().as_map("a pipeline");
  check_version(root);
  config.name = path.stem().string();
  root.read("name", config.name);
  root.read("enabled", config.enabled);
  if (!is_plain_name(config.name)) {
    root.find("name")
        .value_or(document.root())
        .complain(fmt::format("name '{}' is one level of a topic: letters, digits, '-', '_' and '.', at most 64",
                              config.name));
  }
  read_sources(reader, root, config);
  read_list(root, "stages", config.stages, [&](const YamlValue& item) { return read_stage(reader, item); });
  read_list(root, "publish", config.publish, [&](const YamlValue& item) { return read_publish(reader, item); });
  read_list(root, "outputs", config.outputs, [&](const YamlValue& item) { return read_output(reader, item); });
  root.finish();
  return config;
}

std::vector<fs::path> find_pipeline_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".yaml" && entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace fovea
