// From a pipeline's configuration to the text gst-launch understands.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/node_config.hpp"
#include "daemon/config/pipeline_config.hpp"

namespace fovea {

/// The description of one instance for gst_parse_launch. The same configuration always gives the same text. The first
/// sink is called "sink0": a frame that reached it is a frame done.
std::string launch_description(const PipelineConfig& pipeline, const SourceConfig& source, const NodeConfig& node);

/// The stages alone, linked; empty without stages. For those who bring their own source and sink.
std::string stages_description(const PipelineConfig& pipeline);

/// The queue behind a live source: the one place where frames are dropped when inference cannot keep up; the oldest go.
std::string intake_queue_description();

/// `description` as a command for a shell.
std::string shell_command(const std::string& description);

/// A property value as gst-launch reads it: in quotes where needed.
std::string quote_value(std::string_view value);

/// `text` with {base}, {node} and {pipeline} filled in.
std::string fill_in(std::string text, const NodeConfig& node, const std::string& instance);

}  // namespace fovea
