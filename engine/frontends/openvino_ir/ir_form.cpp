#include "engine/frontends/openvino_ir/ir_form.hpp"

#include <algorithm>
#include <sstream>

#include "engine/base/text.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::openvino_ir {
namespace {

std::string* find(IrForm& form, std::string_view attribute) {
  for (auto& [name, value] : form.attributes) {
    if (name == attribute) {
      return &value;
    }
  }
  return nullptr;
}

std::vector<std::pair<std::string, std::string>> printed_attributes(const Node& node) {
  std::vector<std::pair<std::string, std::string>> attributes;
  if (!node.attributes.has_value()) {
    return attributes;
  }
  std::ostringstream text;
  node.op->attributes.print(text, node.attributes);
  for (const std::string& pair : split(text.str(), ' ')) {
    if (const auto equals = pair.find('='); equals != std::string::npos) {
      attributes.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
  }
  return attributes;
}

int opset_of(const Node& node, IrVersion version) {
  const auto& versions = node.op->openvino.versions;
  if (const int own = node.op->attributes.opset == nullptr ? 0 : node.op->attributes.opset(node.attributes); own > 0) {
    return std::ranges::find(versions, own) != versions.end() ? own : versions[0];
  }
  const int newest = version == IrVersion::k10 ? 7 : 8;
  int chosen = versions[0];
  for (const int each : versions) {
    chosen = each > chosen && each <= newest ? each : chosen;
  }
  return chosen;
}

/// Opset 8 lets indices count from the end; the forms before do not.
bool has_no_negative_index(const Graph& graph, const Node& node) {
  const Tensor* indices = graph.constant(node.inputs[1]);
  return indices != nullptr &&
         std::ranges::none_of(to_ints(indices->view()), [](std::int64_t index) { return index < 0; });
}

std::string mask_text(const std::vector<bool>& mask) {
  std::string text;
  for (const bool bit : mask) {
    text += (text.empty() ? "" : ",") + std::string(bit ? "1" : "0");
  }
  return text;
}

/// Slice, an operator of opset 8, as StridedSlice where its bounds are constants.
void make_strided(const Graph& graph, const Node& node, IrForm& form) {
  constexpr std::size_t kBounds = 3;
  std::vector<std::vector<std::int64_t>> lists;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* values = graph.constant(node.inputs[i]);
    if (values == nullptr) {
      return;
    }
    lists.push_back(to_ints(values->view()));
  }
  const std::size_t rank = graph.value(node.inputs[0]).type.shape.size();
  std::vector<std::int64_t> begin(rank, 0);
  std::vector<std::int64_t> end(rank, 0);
  std::vector<std::int64_t> stride(rank, 1);
  std::vector<bool> ignored(rank, true);
  for (std::size_t i = 0; i < lists[0].size(); ++i) {
    const std::int64_t given = lists.size() > kBounds ? lists[kBounds][i] : static_cast<std::int64_t>(i);
    const auto axis = static_cast<std::size_t>(given + (given < 0 ? static_cast<std::int64_t>(rank) : 0));
    begin[axis] = lists[0][i];
    end[axis] = lists[1][i];
    stride[axis] = lists[2][i];
    ignored[axis] = false;
  }
  const std::vector<bool> none(rank, false);
  form.type = "StridedSlice";
  form.opset = 1;
  form.attributes = {{"begin_mask", mask_text(ignored)},
                     {"end_mask", mask_text(ignored)},
                     {"new_axis_mask", mask_text(none)},
                     {"shrink_axis_mask", mask_text(none)},
                     {"ellipsis_mask", mask_text(none)}};
  form.constants = {{"begin", begin}, {"end", end}, {"strides", stride}};
}

/// Files may leave out lists of a window that say nothing; readers of the past want them.
void complete_window(const Graph& graph, const Node& node, IrForm& form) {
  if (find(form, "strides") == nullptr || find(form, "auto_pad") == nullptr) {
    return;
  }
  constexpr std::size_t kBatchAndChannels = 2;
  const std::size_t rank = graph.value(node.outputs[0]).type.shape.size();
  for (auto& [name, value] : form.attributes) {
    const bool ones = name == "strides" || name == "dilations";
    if (value.empty() && (ones || name == "pads_begin" || name == "pads_end")) {
      for (std::size_t i = kBatchAndChannels; i < rank; ++i) {
        value += (value.empty() ? "" : ",") + std::string(ones ? "1" : "0");
      }
    }
  }
}

/// Poolings of opset 14 differ from the older ones by a way of rounding; those of opset 1 have fewer attributes.
void lower_pool(const Node& node, IrForm& form) {
  const std::string* rounding = find(form, "rounding_type");
  if (form.opset == 14 && (rounding == nullptr || *rounding != "ceil_torch")) {
    form.opset = node.op->name == "MaxPool" ? 8 : 1;
  }
  const std::string* dilations = find(form, "dilations");
  const bool dilated = dilations != nullptr && dilations->find_first_not_of("1,") != std::string::npos;
  if ((node.op->name == "MaxPool" || node.op->name == "AvgPool") && form.opset == 1 && !dilated) {
    std::erase_if(form.attributes, [](const auto& attribute) {
      return attribute.first == "dilations" || attribute.first == "index_element_type" || attribute.first == "axis";
    });
  }
}

void lower_for_v10(const Graph& graph, const Node& node, IrForm& form) {
  const std::string_view op = node.op->name;
  if (op == "Softmax") {
    std::string& axis = *find(form, "axis");
    const std::int64_t number = parse_int(axis).value_or(0);
    const auto rank = static_cast<std::int64_t>(graph.value(node.inputs[0]).type.shape.size());
    axis = std::to_string(number + (number < 0 ? rank : 0));
  } else if (op == "Gather" && form.opset == 8 && has_no_negative_index(graph, node)) {
    form.opset = 7;
  } else if (op == "GatherND" && form.opset == 8 && has_no_negative_index(graph, node)) {
    const std::string* batch = find(form, "batch_dims");
    form.opset = batch == nullptr || parse_int(*batch).value_or(2) <= 1 ? 5 : 8;  // 5 merges batch axes, 8 keeps them
  } else if (op == "NonMaxSuppression" && form.opset == 9) {
    form.opset = 5;
  } else if (op == "Slice") {
    make_strided(graph, node, form);
  }
}

}  // namespace

IrForm ir_form(const Graph& graph, const Node& node, IrVersion version) {
  IrForm form{.type = std::string(node.op->openvino.type),
              .opset = opset_of(node, version),
              .attributes = printed_attributes(node),
              .constants = {}};
  lower_pool(node, form);
  complete_window(graph, node, form);
  if (version == IrVersion::k10) {
    lower_for_v10(graph, node, form);
  }
  if (const std::string* padding = find(form, "auto_pad"); padding != nullptr && *padding != "explicit") {
    for (const char* name : {"pads_begin", "pads_end"}) {
      if (std::string* pads = find(form, name)) {
        const auto count = split(*pads, ',').size();
        pads->clear();
        for (std::size_t i = 0; i < count; ++i) {
          *pads += i == 0 ? "0" : ",0";
        }
      }
    }
  }
  return form;
}

}  // namespace fovea::openvino_ir
