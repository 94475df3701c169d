// ReferencePrinter: the second visitor of the settings' descriptions.
#include "daemon/config/reference.hpp"

#include <fmt/format.h>

#include "daemon/config/node_config.hpp"
#include "daemon/config/pipeline_config.hpp"

namespace fovea {
namespace {

std::string duration_text(std::chrono::milliseconds time) {
  const auto count = time.count();
  if (count % 3600000 == 0 && count > 0) {
    return fmt::format("{}h", count / 3600000);
  }
  if (count % 1000 == 0) {
    return fmt::format("{}s", count / 1000);
  }
  return fmt::format("{}ms", count);
}

class ReferencePrinter {
 public:
  ReferencePrinter(std::string& out, std::string prefix) : out_(out), prefix_(std::move(prefix)) {}

  void operator()(std::string_view key, const std::string& field, std::string_view help) {
    row(key, "text", field.empty() ? "" : fmt::format("`{}`", field), help);
  }
  void operator()(std::string_view key, bool field, std::string_view help) {
    row(key, "true, false", field ? "`true`" : "`false`", help);
  }
  void operator()(std::string_view key, const std::vector<std::string>& field, std::string_view help) {
    row(key, "list of texts", fmt::format("`[{}]`", fmt::join(field, ", ")), help);
  }
  void operator()(std::string_view key, std::int64_t field, Range<std::int64_t> range, std::string_view help) {
    row(key, fmt::format("{} … {}", range.least, range.most), fmt::format("`{}`", field), help);
  }
  void operator()(std::string_view key, double field, Range<double> range, std::string_view help) {
    row(key, fmt::format("{} … {}", range.least, range.most), fmt::format("`{}`", field), help);
  }
  void operator()(std::string_view key, std::chrono::milliseconds field, Range<std::chrono::milliseconds> range,
                  std::string_view help) {
    row(key, fmt::format("{} … {}", duration_text(range.least), duration_text(range.most)),
        fmt::format("`{}`", duration_text(field)), help);
  }
  template <class Enum>
  void operator()(std::string_view key, Enum field, Choices names, std::string_view help) {
    row(key, fmt::to_string(fmt::join(names, ", ")), fmt::format("`{}`", names[static_cast<std::size_t>(field)]), help);
  }
  template <class Section>
  void section(std::string_view key, Section& field, std::string_view help) {
    row(key, "map", "", help);
    ReferencePrinter inner(out_, fmt::format("{}{}.", prefix_, key));
    field.describe(inner);
  }

 private:
  void row(std::string_view key, std::string_view values, std::string_view fallback, std::string_view help) {
    out_ += fmt::format("| `{}{}` | {} | {} | {} |\n", prefix_, key, values, fallback, help);
  }

  std::string& out_;
  std::string prefix_;
};

template <class Settings>
std::string table(Settings settings) {
  std::string out = "| key | values | default | meaning |\n|---|---|---|---|\n";
  ReferencePrinter printer(out, "");
  settings.describe(printer);
  return out;
}

template <class Settings, class Kind>
std::string table_of(Kind Settings::*member, Kind kind) {
  Settings settings;
  settings.*member = kind;
  return table(settings);
}

constexpr const char* kPage = R"(# Settings

Written by `fovead --print-config-reference` from the descriptions in `daemon/config`; do not edit.

Durations carry their unit: `250ms`, `30s`, `5m`, `2h`. A key that is not listed here is refused, with file, line, column
and the nearest name. In nested maps a dot stands for the nesting: `mqtt.tls.enabled` is `enabled` inside `tls` inside
`mqtt`.

## fovea.yaml

`version: 1` comes first. The commented file with all defaults is [configs/fovea.yaml](../configs/fovea.yaml).

{node}
## Pipelines

`version: 1`, then:

| key | values | default | meaning |
|---|---|---|---|
| `name` | text | the file's name | One level of the topics. |
| `enabled` | true, false | `true` | false: the file is checked and not run. |
| `source` | map | | The one source. |
| `sources` | list of maps | | Several, each with a `name`; each runs an instance called `<pipeline>-<source>`. |
| `stages` | list | | What is done with each frame, in this order; see below. |
| `publish` | list | | Where results go; see below. |
| `outputs` | list | | Where pictures go; see below. |

### source

Exactly one of `uri`, `device`, `file` and `test`.

{source}
### stages: detect

{detect}
### stages: classify

{classify}
### stages: segment, inference

{segment}
### stages: track

{track}
### stages: gst

`- gst: "videoflip method=clockwise"` puts a piece of a gst-launch line into the pipeline as it is.

### publish: mqtt

{mqtt}
### publish: file

{file}
### publish: stdout

{stdout}
### outputs: file

{output_file}
### outputs: picture

{output_picture}
### outputs: display

{output_display})";

}  // namespace

std::string config_reference() {
  return fmt::format(
      fmt::runtime(kPage), fmt::arg("node", table(NodeConfig{})), fmt::arg("source", table(SourceConfig{})),
      fmt::arg("detect", table_of(&ModelStage::task, ModelTask::kDetect)),
      fmt::arg("classify", table_of(&ModelStage::task, ModelTask::kClassify)),
      fmt::arg("segment", table_of(&ModelStage::task, ModelTask::kSegment)), fmt::arg("track", table(TrackStage{})),
      fmt::arg("mqtt", table_of(&PublishConfig::kind, PublishKind::kMqtt)),
      fmt::arg("file", table_of(&PublishConfig::kind, PublishKind::kFile)),
      fmt::arg("stdout", table_of(&PublishConfig::kind, PublishKind::kStdout)),
      fmt::arg("output_file", table_of(&OutputConfig::kind, OutputKind::kFile)),
      fmt::arg("output_picture", table_of(&OutputConfig::kind, OutputKind::kPicture)),
      fmt::arg("output_display", table_of(&OutputConfig::kind, OutputKind::kDisplay)));
}

}  // namespace fovea
