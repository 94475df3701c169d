// The ONNX importer on small files: what graphs become, and what hostile or broken files get to hear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "tests/support/onnx_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea {
namespace {

using test::onnx::graph_attribute;
using test::onnx::integer_attribute;
using test::onnx::integers;
using test::onnx::kFloat;
using test::onnx::Message;
using test::onnx::node;
using test::onnx::tensor;
using test::onnx::value_info;
using testing::AllOf;
using testing::HasSubstr;

class OnnxReader : public testing::Test {
 protected:
  Model read(const std::string& bytes) const { return read_model(folder_.write("m.onnx", bytes)); }
  Model read(const test::onnx::GraphParts& parts, int opset = 13) const {
    return read(test::onnx::model(test::onnx::graph(parts), opset));
  }

  /// The error a file gets; "" when it is accepted.
  std::string refusal(const std::string& bytes, ErrorCode code = ErrorCode::kInvalidModel) const {
    try {
      (void)read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    return {};
  }
  std::string refusal(const test::onnx::GraphParts& parts, ErrorCode code = ErrorCode::kInvalidModel,
                      int opset = 13) const {
    return refusal(test::onnx::model(test::onnx::graph(parts), opset), code);
  }

  test::TempDir folder_;
};

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST_F(OnnxReader, BuildsAGraph) {
  const Model model = read({.nodes = {node("Add", {"x", "w"}, {"s"}, {}, "sum"), node("Relu", {"s"}, {"y"})},
                            .initializers = {tensor("w", {2}, kFloat, floats({1, 2}))},
                            .inputs = {value_info("x", {3, 2})},
                            .outputs = {value_info("y", {3, 2})}});
  EXPECT_EQ(model.format, "ONNX opset 13");
  EXPECT_EQ(model.hash.size(), 16U);
  EXPECT_EQ(to_text(model.graph),
            "sum = Add(x: f32[3,2], w: f32[2]{1,2}) auto_broadcast=numpy axis=-1\ny = Relu(sum)\n-> y\n");
}

TEST_F(OnnxReader, TellsTheFormatFromTheContent) {
  const std::string bytes = test::onnx::model(test::onnx::graph({.nodes = {node("Relu", {"x"}, {"y"})},
                                                                 .initializers = {},
                                                                 .inputs = {value_info("x", {1})},
                                                                 .outputs = {value_info("y", {1})}}));
  EXPECT_EQ(read_model(folder_.write("no_ending", bytes)).graph.nodes.size(), 1U);
}

TEST_F(OnnxReader, KeepsMetadata) {
  const std::string bytes = test::onnx::model(test::onnx::graph({.nodes = {node("Relu", {"x"}, {"y"})},
                                                                 .initializers = {},
                                                                 .inputs = {value_info("x", {1})},
                                                                 .outputs = {value_info("y", {1})}}),
                                              13, {{"names", "{0: 'person'}"}});
  EXPECT_EQ(read(bytes).metadata.at("framework/names"), "{0: 'person'}");
}

TEST_F(OnnxReader, ListsInitializersAmongInputsAsOldFilesDo) {
  const Model model = read({.nodes = {node("Add", {"x", "w"}, {"y"})},
                            .initializers = {tensor("w", {1}, kFloat, floats({1}))},
                            .inputs = {value_info("x", {2}), value_info("w", {1})},
                            .outputs = {value_info("y", {2})}});
  EXPECT_EQ(model.graph.inputs.size(), 1U);
}

TEST_F(OnnxReader, AnOpenBatchMeansOne) {
  const Model model = read({.nodes = {node("Relu", {"x"}, {"y"})},
                            .initializers = {},
                            .inputs = {value_info("x", {-1, 3, -1, 8})},
                            .outputs = {value_info("y", {-1, 3, -1, 8})}});
  EXPECT_EQ(model.graph.value(model.graph.inputs[0].value).type.shape, (Shape{1, 3, kDynamic, 8}));
}

TEST_F(OnnxReader, SaysWhatToDoAboutOpenExtents) {
  EXPECT_THAT(refusal({.nodes = {node("Shape", {"x"}, {"s"}), node("Tile", {"x", "s"}, {"y"}, {}, "r")},
                       .initializers = {},
                       .inputs = {value_info("x", {1, -1})},
                       .outputs = {value_info("y", {1, -1})}},
                      ErrorCode::kUnsupported),
              AllOf(HasSubstr("node 'r' (Tile): needs constant repeats"),
                    HasSubstr("input 'x' is f32[1,?]: export the model with fixed extents")));
}

TEST_F(OnnxReader, SortsNodesAndDropsDeadOnes) {
  const Model model =
      read({.nodes = {node("Relu", {"s"}, {"y"}), node("NoSuchOp", {"x"}, {"dead"}), node("Neg", {"x"}, {"s"})},
            .initializers = {},
            .inputs = {value_info("x", {1})},
            .outputs = {value_info("y", {1})}});
  EXPECT_EQ(to_text(model.graph), "s = Negative(x: f32[1])\ny = Relu(s)\n-> y\n");
}

TEST_F(OnnxReader, SeesSwishInItsParts) {
  for (const std::vector<std::string>& factors : {std::vector<std::string>{"x", "s"}, {"s", "x"}}) {
    const Model model = read({.nodes = {node("Sigmoid", {"x"}, {"s"}), node("Mul", factors, {"y"})},
                              .initializers = {},
                              .inputs = {value_info("x", {2})},
                              .outputs = {value_info("y", {2})}});
    ASSERT_EQ(model.graph.nodes.size(), 1U);
    EXPECT_EQ(model.graph.nodes[0].op->name, "Swish");
  }
}

TEST_F(OnnxReader, TakesTheKnownBranch) {
  const auto branch = [](const char* op) {
    return test::onnx::graph(
        {.nodes = {node(op, {"x"}, {"r"})}, .initializers = {}, .inputs = {}, .outputs = {value_info("r", {1})}});
  };
  const Model model = read(
      {.nodes = {node("If", {"c"}, {"y"},
                      {graph_attribute("then_branch", branch("Relu")), graph_attribute("else_branch", branch("Neg"))})},
       .initializers = {tensor("c", {}, 9, std::string_view("\0", 1))},
       .inputs = {value_info("x", {1})},
       .outputs = {value_info("y", {1})}});
  ASSERT_EQ(model.graph.nodes.size(), 1U);
  EXPECT_EQ(model.graph.nodes[0].op->name, "Negative");
}

TEST_F(OnnxReader, NamesAllUnsupportedOperatorsAtOnce) {
  const std::string message =
      refusal({.nodes = {node("Foo", {"x"}, {"a"}, {}, "first"), node("Foo", {"a"}, {"b"}, {}, "second"),
                         node("Upsample", {"b"}, {"y"}, {}, "third")},
               .initializers = {},
               .inputs = {value_info("x", {1})},
               .outputs = {value_info("y", {1})}},
              ErrorCode::kUnsupported);
  EXPECT_THAT(message, AllOf(HasSubstr("2 operators are not supported"), HasSubstr("Foo-13 of ai.onnx"),
                             HasSubstr("2 nodes: 'first', 'second'"), HasSubstr("needs a converter"),
                             HasSubstr("known for opsets 7 to 9, the model says 13")));
}

TEST_F(OnnxReader, RefusesOperatorsOfOldOpsets) {
  EXPECT_THAT(refusal({.nodes = {node("Add", {"x", "x"}, {"y"})},
                       .initializers = {},
                       .inputs = {value_info("x", {1})},
                       .outputs = {value_info("y", {1})}},
                      ErrorCode::kUnsupported, 6),
              HasSubstr("known for opsets 7 to the newest, the model says 6"));
}

TEST_F(OnnxReader, RefusesCycles) {
  EXPECT_THAT(refusal({.nodes = {node("Add", {"x", "b"}, {"a"}, {}, "one"), node("Relu", {"a"}, {"b"}, {}, "two")},
                       .initializers = {},
                       .inputs = {value_info("x", {1})},
                       .outputs = {value_info("b", {1})}}),
              HasSubstr("the graph has a cycle through nodes"));
}

TEST_F(OnnxReader, RefusesNamesThatNobodyComputesOrTwoDo) {
  EXPECT_THAT(refusal({.nodes = {node("Relu", {"nowhere"}, {"y"}, {}, "n")},
                       .initializers = {},
                       .inputs = {},
                       .outputs = {value_info("y", {1})}}),
              HasSubstr("node 'n' (Relu) reads 'nowhere'"));
  EXPECT_THAT(refusal({.nodes = {node("Relu", {"x"}, {"y"}), node("Neg", {"x"}, {"y"})},
                       .initializers = {},
                       .inputs = {value_info("x", {1})},
                       .outputs = {value_info("y", {1})}}),
              HasSubstr("'y' is computed by two nodes"));
}

TEST_F(OnnxReader, RefusesTensorsThatHoldTooLittle) {
  const auto with = [](const Message& initializer) {
    return test::onnx::GraphParts{.nodes = {node("Add", {"x", "w"}, {"y"})},
                                  .initializers = {initializer},
                                  .inputs = {value_info("x", {1})},
                                  .outputs = {value_info("y", {1})}};
  };
  EXPECT_THAT(refusal(with(tensor("w", {2}, kFloat, floats({1})))),
              HasSubstr("initializer 'w' is f32[2] and holds 4 bytes, expected 8"));
  EXPECT_THAT(refusal(with(tensor("w", {std::int64_t{1} << 60, 16}, kFloat, ""))), HasSubstr("more than 2^40"));
  EXPECT_THAT(refusal(with(tensor("w", {-5}, kFloat, ""))), HasSubstr("initializer 'w'"));
  EXPECT_THAT(refusal(with(tensor("w", {1}, 99, ""))), HasSubstr("element type is 99"));
}

TEST_F(OnnxReader, RefusesHugeExtents) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 60;
  EXPECT_THAT(refusal({.nodes = {node("Relu", {"x"}, {"y"})},
                       .initializers = {},
                       .inputs = {value_info("x", {kHuge, kHuge})},
                       .outputs = {value_info("y", {1})}}),
              HasSubstr("input 'x'"));
  EXPECT_NE(refusal({.nodes = {node("Expand", {"x", "shape"}, {"y"})},
                     .initializers = {integers("shape", {kHuge, kHuge})},
                     .inputs = {value_info("x", {1})},
                     .outputs = {value_info("y", {1})}}),
            "");
}

TEST_F(OnnxReader, RefusesWrongAttributeTypes) {
  const Message axis = Message().text(1, "axis").text(4, "one").number(20, 3);
  EXPECT_THAT(refusal({.nodes = {node("Concat", {"x", "x"}, {"y"}, {axis}, "c")},
                       .initializers = {},
                       .inputs = {value_info("x", {1})},
                       .outputs = {value_info("y", {1})}}),
              HasSubstr("node 'c' (Concat) attribute axis is of type 3, expected an integer"));
}

TEST_F(OnnxReader, RefusesEndlessLoops) {
  const Message body =
      test::onnx::graph({.nodes = {node("Identity", {"go"}, {"still"}), node("Relu", {"v"}, {"w"})},
                         .initializers = {},
                         .inputs = {value_info("i", {}, 7), value_info("go", {}, 9), value_info("v", {1})},
                         .outputs = {value_info("still", {}, 9), value_info("w", {1})}});
  EXPECT_THAT(refusal({.nodes = {node("Loop", {"", "", "x"}, {"y"}, {graph_attribute("body", body)}, "l")},
                       .initializers = {},
                       .inputs = {value_info("x", {1})},
                       .outputs = {value_info("y", {1})}},
                      ErrorCode::kUnsupported),
              HasSubstr("node 'l' (Loop)"));
}

TEST_F(OnnxReader, RefusesDeeplyNestedGraphs) {
  Message graph;
  for (int i = 0; i < 2000; ++i) {
    Message outer;
    outer.message(1, node("If", {"c"}, {"y"}, {graph_attribute("then_branch", graph)}));
    graph = outer;
  }
  EXPECT_THAT(refusal(test::onnx::model(graph)), HasSubstr("nested deeper than 100 messages"));
}

TEST_F(OnnxReader, RefusesFilesCutOffAnywhere) {
  const std::string whole =
      test::onnx::model(test::onnx::graph({.nodes = {node("Concat", {"x", "w"}, {"y"}, {integer_attribute("axis", 0)})},
                                           .initializers = {tensor("w", {2}, kFloat, floats({1, 2}))},
                                           .inputs = {value_info("x", {3})},
                                           .outputs = {value_info("y", {5})}}));
  ASSERT_EQ(refusal(whole), "");
  int refused = 0;
  for (std::size_t length = 1; length < whole.size(); ++length) {
    try {
      (void)read(whole.substr(0, length));
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
      ++refused;
    }
  }
  // Without its last field, the opset, the file is one of an older opset and refused, too.
  EXPECT_EQ(refused, static_cast<int>(whole.size()) - 1);
}

class OnnxExternalData : public OnnxReader {
 protected:
  /// A model whose only constant, f32[2], lies outside the file.
  static test::onnx::GraphParts with(const std::vector<std::pair<std::string, std::string>>& entries) {
    Message initializer = Message().number(1, 2).number(2, kFloat).text(8, "w").number(14, 1);
    for (const auto& [key, value] : entries) {
      initializer.message(13, Message().text(1, key).text(2, value));
    }
    return {.nodes = {node("Add", {"x", "w"}, {"y"})},
            .initializers = {initializer},
            .inputs = {value_info("x", {2})},
            .outputs = {value_info("y", {2})}};
  }
};

TEST_F(OnnxExternalData, IsRead) {
  folder_.write("data.bin", "????" + floats({3, 4}));
  const Model model = read(with({{"location", "data.bin"}, {"offset", "4"}, {"length", "8"}}));
  EXPECT_THAT(to_text(model.graph), HasSubstr("w: f32[2]{3,4}"));
  folder_.write("data.bin", "????" + floats({3, 5}));
  EXPECT_NE(read(with({{"location", "data.bin"}, {"offset", "4"}})).hash, model.hash);
}

TEST_F(OnnxExternalData, StaysInsideTheFolder) {
  for (const char* location : {"", "/etc/passwd", "../data.bin", "sub/../../data.bin"}) {
    EXPECT_THAT(refusal(with({{"location", location}})), HasSubstr("expected a file inside the model's folder"));
  }
  std::filesystem::create_symlink("/etc/passwd", folder_ / "link");
  EXPECT_THAT(refusal(with({{"location", "link"}})), HasSubstr("expected a file inside the model's folder"));
}

TEST_F(OnnxExternalData, IsCheckedAgainstTheFile) {
  folder_.write("data.bin", floats({3, 4}));
  EXPECT_THAT(refusal(with({{"location", "data.bin"}, {"offset", "1"}})), HasSubstr("which has 8"));
  EXPECT_THAT(refusal(with({{"location", "data.bin"}, {"offset", "9223372036854775807"}})), HasSubstr("which has 8"));
  EXPECT_THAT(refusal(with({{"location", "data.bin"}, {"offset", "-1"}})), HasSubstr("expected a number"));
  EXPECT_THAT(refusal(with({{"location", "data.bin"}, {"length", "7"}})), HasSubstr("external data length is 7"));
  EXPECT_NE(refusal(with({{"location", "missing.bin"}}), ErrorCode::kNotFound), "");
}

}  // namespace
}  // namespace fovea
