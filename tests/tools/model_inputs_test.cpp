// What --input, --image and --input-shape make of a model's inputs.
#include "tools/model_inputs.hpp"

#include <gtest/gtest.h>

#include "engine/ops/graph_text.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/npy.hpp"
#include "vision/image_file.hpp"

namespace fovea::tools {
namespace {

Model model_of(std::string_view text) {
  Model model;
  model.name = "test";
  model.graph = parse_graph(text);
  return model;
}

Shape shape_of(const Model& model, std::size_t input) {
  return model.graph.value(model.graph.inputs[input].value).type.shape;
}

InputOptions arrays(std::vector<std::string> texts) {
  InputOptions options;
  options.arrays = std::move(texts);
  return options;
}

TEST(ModelInputs, OpenExtentsTakeThoseOfArrays) {
  const test::TempDir dir;
  write_npy(dir / "a.npy", Tensor(DataType::kF32, {2, 3, 4}).view());
  Model model = model_of("y = Relu(x: f32[?,3,?])\nz = Relu(w: f32[5])");
  const GivenInputs given = prepare_inputs(model, arrays({"x=" + (dir / "a.npy").string()}));
  EXPECT_EQ(given.size(), 1U);
  EXPECT_EQ(shape_of(model, 0), (Shape{2, 3, 4}));
  EXPECT_EQ(model.graph.value(model.graph.outputs[0].value).type.shape, (Shape{2, 3, 4}));
  EXPECT_EQ(shape_of(model, 1), (Shape{5}));
}

TEST(ModelInputs, AMissingLeadingOneIsAdded) {
  const test::TempDir dir;
  write_npy(dir / "a.npy", Tensor(DataType::kU8, {3, 4}).view());
  Model model = model_of("y = Relu(x: f32[1,3,4])");
  EXPECT_EQ(prepare_inputs(model, arrays({(dir / "a.npy").string()})).at(0).shape(), (Shape{1, 3, 4}));
}

TEST(ModelInputs, OpenPicturesTakeThePicturesSize) {
  const test::TempDir dir;
  Image picture;
  picture.width_px = 6;
  picture.height_px = 4;
  picture.bgr.assign(std::size_t{3} * 6 * 4, 77);
  write_image(dir / "p.png", picture);
  Model model = model_of("y = Relu(x: f32[?,3,?,?])");
  InputOptions options;
  options.image = dir / "p.png";
  const GivenInputs given = prepare_inputs(model, options);
  ASSERT_EQ(shape_of(model, 0), (Shape{1, 3, 4, 6}));
  EXPECT_EQ(given.at(0).data<float>()[0], 77);
}

TEST(ModelInputs, ShapesAskedForGoFirst) {
  Model model = model_of("y = Relu(x: f32[1,3,8,8])");
  InputOptions options;
  options.shapes = "x[1,3,4,5]";
  EXPECT_TRUE(prepare_inputs(model, options).empty());
  EXPECT_EQ(shape_of(model, 0), (Shape{1, 3, 4, 5}));
}

TEST(ModelInputs, WhatDoesNotFitIsNamed) {
  const test::TempDir dir;
  const std::string file = (dir / "a.npy").string();
  write_npy(file, Tensor(DataType::kF32, {2, 2}).view());
  Model model = model_of("y = Relu(x: f32[2,3])");
  test::expect_error(ErrorCode::kInvalidArgument, {"the array for 'x' is [2,2], the model takes [2,3]"},
                     [&] { prepare_inputs(model, arrays({file})); });
  test::expect_error(ErrorCode::kNotFound, {"no input 'q'"}, [&] { prepare_inputs(model, arrays({"q=" + file})); });
  test::expect_error(ErrorCode::kInvalidArgument, {"'x' is given twice"}, [&] {
    prepare_inputs(model, arrays({file, "x=" + file}));
  });
}

}  // namespace
}  // namespace fovea::tools
