// ONNX files made to hurt: each is refused with a message that names place, value and expectation, at little cost.
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "tests/engine/importers/limited_child.hpp"
#include "tests/support/onnx_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

namespace ox = fovea::test::onnx;

constexpr std::int64_t kHuge = std::int64_t{1} << 60;

class HostileOnnx : public ::testing::Test {
 protected:
  void refuses_bytes(const std::string& bytes, std::initializer_list<std::string_view> parts) {
    expect_refused_cheaply(dir_.write("m.onnx", bytes), parts);
  }
  void refuses(const ox::GraphParts& parts, std::initializer_list<std::string_view> expected, int opset = 13) {
    refuses_bytes(ox::model(ox::graph(parts), opset), expected);
  }
  /// A graph whose output is this initializer.
  void refuses_initializer(const ox::Message& tensor, std::initializer_list<std::string_view> parts) {
    refuses({.nodes = {}, .initializers = {tensor}, .inputs = {}, .outputs = {ox::value_info("w", {1})}}, parts);
  }
  static ox::Message external(std::int64_t elements, const std::string& location, const std::string& offset,
                              const std::string& length, const std::string& name = "w") {
    ox::Message tensor = ox::Message().number(1, static_cast<std::uint64_t>(elements)).number(2, ox::kFloat);
    tensor.text(8, name).number(14, 1);
    for (const auto& [key, value] :
         {std::pair<std::string, std::string>{"location", location}, {"offset", offset}, {"length", length}}) {
      tensor.message(13, ox::Message().text(1, key).text(2, value));
    }
    return tensor;
  }
  /// This many copies of an empty message in a field of a message around it.
  static ox::Message repeated(int field, int count) {
    ox::Message result;
    for (int i = 0; i < count; ++i) {
      result.text(field, "");
    }
    return result;
  }

  TempDir dir_;
};

TEST_F(HostileOnnx, Shapes) {
  refuses_initializer(ox::tensor("w", {kHuge}, ox::kFloat, "abcd"), {"initializer 'w'", "1152921504606846976", "2^40"});
  refuses_initializer(ox::tensor("w", {1 << 20, 1 << 20, 1 << 20}, ox::kFloat, ""), {"initializer 'w'", "2^40"});
  refuses_initializer(ox::tensor("w", {std::int64_t{1} << 38}, ox::kFloat, "abcd"),
                      {"initializer 'w' is f32[274877906944] and holds 4 bytes, expected 1099511627776"});
  refuses_initializer(ox::tensor("w", {-5}, ox::kFloat, ""), {"initializer 'w'", "-5"});
  refuses({.nodes = {ox::node("Relu", {"x"}, {"y"})},
           .initializers = {},
           .inputs = {ox::value_info("x", {kHuge, 2})},
           .outputs = {ox::value_info("y", {1})}},
          {"input 'x'", "2^40"});
}

TEST_F(HostileOnnx, SizesThatNodesAskFor) {
  const auto with_sizes = [&](const std::string& op, const std::vector<std::int64_t>& sizes,
                              std::initializer_list<std::string_view> parts, int opset = 17) {
    refuses({.nodes = {ox::node(op, {"s"}, {"y"}, {}, "n")},
             .initializers = {ox::integers("s", sizes)},
             .inputs = {},
             .outputs = {ox::value_info("y", {1})}},
            parts, opset);
  };
  with_sizes("ConstantOfShape", {kHuge, 4}, {"node 'n'", "1152921504606846976"});
  with_sizes("HannWindow", {std::int64_t{1} << 40}, {"node 'n'", "window of 1099511627776 values"});
  const auto eye = [&](std::int64_t rows, std::initializer_list<std::string_view> parts) {
    refuses({.nodes = {ox::node("EyeLike", {"x"}, {"y"}, {}, "n")},
             .initializers = {},
             .inputs = {ox::value_info("x", {rows, rows})},
             .outputs = {ox::value_info("y", {1})}},
            parts);
  };
  eye(1 << 19, {"node 'n'", "[524288,524288]"});
  refuses({.nodes = {ox::node("DFT", {"x"}, {"y"}, {}, "n")},
           .initializers = {},
           .inputs = {ox::value_info("x", {1, 1 << 20, 1})},
           .outputs = {ox::value_info("y", {1})}},
          {"node 'n'", "transforms 1048576 values into 1048576"}, 17);
  refuses({.nodes = {ox::node("Tile", {"x", "s"}, {"y"}, {}, "n")},
           .initializers = {ox::integers("s", {kHuge, kHuge})},
           .inputs = {ox::value_info("x", {2, 2})},
           .outputs = {ox::value_info("y", {1})}},
          {"node 'n"});
}

TEST_F(HostileOnnx, ExternalData) {
  dir_.write("w.bin", std::string(1 << 20, '\1'));
  refuses_initializer(external(4, "w.bin", "9223372036854775807", "16"), {"initializer 'w'", "9223372036854775807"});
  refuses_initializer(external(4, "w.bin", "18446744073709551600", "16"), {"offset is '18446744073709551600'", "≥ 0"});
  refuses_initializer(external(4, "w.bin", "1048570", "16"), {"needs 16 bytes from 1048570", "has 1048576"});
  refuses_initializer(external(4, "w.bin", "0", "9223372036854775807"), {"needs 16 bytes", "9223372036854775807"});
  refuses_initializer(external(4, "../w.bin", "0", "16"), {"'../w.bin', expected a file inside"});
  // The same megabyte a thousand times, unaligned, so that it has to be copied.
  ox::GraphParts parts;
  for (int i = 0; i < 1000; ++i) {
    parts.initializers.push_back(
        external(262'000, "w.bin", std::to_string(i + 1 + i / 3), "1048000", std::to_string(i)));
  }
  parts.outputs = {ox::value_info("0", {1})};
  refuses(parts, {"constant '", "take more than"});
}

TEST_F(HostileOnnx, Nesting) {
  ox::Message inner = ox::graph({.nodes = {}, .initializers = {}, .inputs = {}, .outputs = {}});
  for (int i = 0; i < 2000; ++i) {
    inner = ox::graph({.nodes = {ox::node("If", {"c"}, {"y"}, {ox::graph_attribute("then_branch", inner)})},
                       .initializers = {},
                       .inputs = {},
                       .outputs = {ox::value_info("y", {1})}});
  }
  refuses_bytes(ox::model(inner), {"'m.onnx' is no message", "near byte"});
  refuses_bytes(std::string("\x08\x07", 2) + std::string(3'000'000, '\x3b'), {"'m.onnx'"});  // groups in groups
}

TEST_F(HostileOnnx, Repetition) {
  for (const int field : {1, 5, 11, 12, 15}) {  // nodes, initializers, inputs, outputs, sparse initializers
    refuses_bytes(ox::model(repeated(field, 2'500'000)), {"'m.onnx'", "describe messages that take more than"});
  }
  for (const int field : {1, 5}) {  // of a node: inputs, attributes
    refuses_bytes(ox::model(ox::Message().message(1, repeated(field, 2'500'000))), {"take more than"});
  }
  refuses_bytes(ox::Message().number(1, 7).text(14, "").bytes() + repeated(14, 2'500'000).bytes(), {"take more than"});
  refuses_bytes(ox::Message().number(1, 7).bytes() + repeated(99, 2'500'000).bytes(), {"take more than"});
  // A packed list of small numbers takes eight times its size in memory.
  refuses_initializer(ox::Message().text(1, std::string(5'000'000, '\1')).number(2, 1).text(8, "w"),
                      {"'m.onnx'", "take more than"});
}

TEST_F(HostileOnnx, CyclesAndLongChains) {
  constexpr int kCount = 20'000;
  ox::GraphParts parts;
  for (int i = 0; i < kCount; ++i) {
    parts.nodes.push_back(ox::node("Relu", {std::to_string(i)}, {std::to_string((i + 1) % kCount)}));
  }
  parts.outputs = {ox::value_info("0", {1})};
  refuses(parts, {"cycle through nodes"});
}

TEST_F(HostileOnnx, LongChainOfKnownValues) {
  ox::GraphParts parts;
  parts.initializers = {ox::integers("0", std::vector<std::int64_t>(4096, 1))};
  constexpr int kCount = 12'000;
  for (int i = 0; i < kCount; ++i) {
    parts.nodes.push_back(ox::node("Add", {std::to_string(i), "0"}, {std::to_string(i + 1)}));
  }
  parts.outputs = {ox::value_info(std::to_string(kCount), {1})};
  refuses(parts, {"bytes of values are known"});
}

/// A Loop of `rounds` over a body with these nodes; the body takes a number of the round and a condition and returns
/// the condition.
ox::Message loop(const std::vector<ox::Message>& nodes, const std::vector<ox::Message>& initializers,
                 const std::string& name = "loop", const std::string& output = "y") {
  const ox::Message body = ox::graph({.nodes = nodes,
                                      .initializers = initializers,
                                      .inputs = {ox::value_info("i", {}, ox::kInt64), ox::value_info("c", {}, 9)},
                                      .outputs = {ox::value_info("c", {}, 9), ox::value_info("v", {1})}});
  return ox::node("Loop", {"rounds", ""}, {output}, {ox::graph_attribute("body", body)}, name);
}

TEST_F(HostileOnnx, Loops) {
  const auto parts_of = [](std::int64_t rounds, const ox::Message& node) {
    const ox::Message count =
        ox::tensor("rounds", {}, ox::kInt64, {reinterpret_cast<const char*>(&rounds), sizeof(rounds)});
    return ox::GraphParts{
        .nodes = {node}, .initializers = {count}, .inputs = {}, .outputs = {ox::value_info("y", {1})}};
  };
  const auto refuses_loop = [&](std::int64_t rounds, const ox::Message& node,
                                std::initializer_list<std::string_view> parts) {
    refuses(parts_of(rounds, node), parts);
  };
  const ox::Message cast = ox::node("Cast", {"i"}, {"v"}, {ox::integer_attribute("to", 1)}, std::string(10'000, 'n'));
  // Too many rounds to be written out: an operator, whose rounds are counted when it runs.
  const ox::GraphParts endless =
      parts_of(kHuge, loop({ox::node("Cast", {"i"}, {"v"}, {ox::integer_attribute("to", 1)})}, {}));
  EXPECT_EQ(read_model(dir_.write("m.onnx", ox::model(ox::graph(endless)))).graph.nodes.size(), 1U);
  refuses_loop(4000, loop({cast}, {}), {"names have more than"});
  // A list of values is copied in each round.
  const ox::Message list =
      ox::Message().number(1, 25'000).number(2, ox::kFloat).text(8, "v").text(4, std::string(100'000, '\1'));
  refuses_loop(4000, loop({}, {list}), {"constants of a model of", "take more than"});
  // Nodes that nothing reads cost time to go through.
  std::vector<ox::Message> idle = {cast};
  for (int i = 0; i < 2000; ++i) {
    idle.push_back(ox::node("Relu", {"i"}, {std::to_string(i)}));
  }
  ox::GraphParts many = parts_of(8, loop(idle, {}));
  for (int i = 0; i < 40; ++i) {
    const std::string output = "y" + std::to_string(i);
    many.nodes.push_back(loop(idle, {}, output, output));
    many.outputs.push_back(ox::value_info(output, {1}));
  }
  refuses(many, {"more than 500000 nodes, written-out loops included"});
}

TEST_F(HostileOnnx, Functions) {
  const auto function = [](const std::string& name, const std::vector<ox::Message>& nodes) {
    ox::Message result = ox::Message().text(1, name).text(4, "a").text(5, "b");
    for (const ox::Message& node : nodes) {
      result.message(7, node);
    }
    return result.message(9, ox::Message().text(1, "").number(2, 13)).text(10, "own");
  };
  const auto call = [](const std::string& name, const std::string& from, const std::string& to) {
    return ox::node(name, {from}, {to}).text(7, "own");
  };
  const auto file = [&](const std::vector<ox::Message>& nodes, const std::vector<ox::Message>& functions) {
    std::string bytes = ox::model(ox::graph({.nodes = nodes,
                                             .initializers = {},
                                             .inputs = {ox::value_info("x", {1})},
                                             .outputs = {ox::value_info("y", {1})}}));
    for (const ox::Message& each : functions) {
      bytes += ox::Message().message(25, each).bytes();
    }
    return bytes;
  };
  refuses_bytes(file({call("f", "x", "y")}, {function("f", {call("f", "a", "b")})}), {"functions call each other"});
  // A constant of a megabyte in a function that is called often.
  const ox::Message constant =
      ox::node("Constant", {}, {"k"},
               {ox::Message()
                    .text(1, "value")
                    .message(5, ox::tensor("", {250'000}, ox::kFloat, std::string(1'000'000, '\1')))
                    .number(20, 4)});
  std::vector<ox::Message> calls;
  for (int i = 0; i < 2000; ++i) {
    calls.push_back(call("f", i == 0 ? "x" : std::to_string(i), i == 1999 ? "y" : std::to_string(i + 1)));
  }
  refuses_bytes(file(calls, {function("f", {constant, ox::node("Add", {"a", "k"}, {"b"})})}), {"take more than"});
  // Doubling at each level.
  std::vector<ox::Message> levels;
  for (int i = 0; i < 30; ++i) {
    const std::string next = i == 29 ? "g" : "f" + std::to_string(i + 1);
    levels.push_back(function("f" + std::to_string(i), {call(next, "a", "m"), call(next, "m", "b")}));
  }
  levels.push_back(function("g", {ox::node("Relu", {"a"}, {"b"})}));
  refuses_bytes(file({call("f0", "x", "y")}, levels), {"more than"});
}

TEST_F(HostileOnnx, SparseTensors) {
  ox::Message graph = ox::graph({.nodes = {}, .initializers = {}, .inputs = {}, .outputs = {ox::value_info("0", {1})}});
  for (int i = 0; i < 200; ++i) {
    const ox::Message sparse = ox::Message()
                                   .message(1, ox::tensor(std::to_string(i), {0}, ox::kFloat, ""))
                                   .message(2, ox::integers("", {}))
                                   .number(3, 4'000'000);
    graph.message(15, sparse);
  }
  refuses_bytes(ox::model(graph), {"constant '", "take more than"});
}

TEST_F(HostileOnnx, LongNamesStayOutOfTheMessage) {
  refuses_initializer(ox::tensor(std::string(4'000'000, 'w'), {3}, ox::kFloat, ""), {"initializer 'www", "…"});
}

}  // namespace
}  // namespace fovea::test
