#include "lintorch/pretrain/moving_fashion.h"

#include <ATen/ops/equal.h>
#include <catch2/catch.hpp>

#include <cmath>

using namespace lintorch;
using namespace lintorch::pretrain;

namespace {

const MovingFashion& world() {
  static const MovingFashion instance{MovingFashionConfig{}};
  return instance;
}

// Centre of what is brighter than the background (at most 52 of 255), weighted by brightness.
std::array<double, 2> centre_of_mass(const at::Tensor& frames_CFHW, int64_t frame) {
  const auto grey = frames_CFHW.select(1, frame).to(at::kDouble).mean(0);
  const auto mass = (grey - 60).clamp_min(0);
  const auto x = at::arange(grey.size(1), at::kDouble), y = at::arange(grey.size(0), at::kDouble);
  const double total = mass.sum().item<double>();
  return {(mass.sum(0) * x).sum().item<double>() / total, (mass.sum(1) * y).sum().item<double>() / total};
}

}  // namespace

TEST_CASE("make_clip is a function of seed, split and index", "[moving_fashion]") {
  const Clip a = world().make_clip(Split::kTrain, 7);
  const Clip b = MovingFashion(MovingFashionConfig{}).make_clip(Split::kTrain, 7);
  CHECK(at::equal(a.frames_CFHW, b.frames_CFHW));
  CHECK(a.caption == b.caption);
  CHECK(a.frames_CFHW.sizes() == at::IntArrayRef{3, 17, 72, 96});
  CHECK_FALSE(at::equal(a.frames_CFHW, world().make_clip(Split::kTrain, 8).frames_CFHW));
  CHECK_FALSE(at::equal(a.frames_CFHW, world().make_clip(Split::kTest, 7).frames_CFHW));
  MovingFashionConfig other;
  other.seed = 2;
  CHECK_FALSE(at::equal(a.frames_CFHW, MovingFashion(other).make_clip(Split::kTrain, 7).frames_CFHW));
}

TEST_CASE("make_batch holds the clips of make_clip", "[moving_fashion]") {
  const ClipBatch batch = world().make_batch(Split::kTest, 20, 3);
  REQUIRE(batch.video_BCFHW.sizes() == at::IntArrayRef{3, 3, 17, 72, 96});
  for (int64_t i = 0; i < 3; ++i) {
    const Clip clip = world().make_clip(Split::kTest, 20 + i);
    CHECK(at::allclose(batch.video_BCFHW[i], to_unit_range(clip.frames_CFHW), 0, 1e-6));
    CHECK(batch.captions[i] == clip.caption);
    CHECK(batch.captions[i] == world().make_caption(Split::kTest, 20 + i));
  }
  CHECK(batch.video_BCFHW.min().item<double>() >= -1);
  CHECK(batch.video_BCFHW.max().item<double>() <= 1);
}

TEST_CASE("pixels of a clip with one object move as the caption says", "[moving_fashion]") {
  int64_t singles = 0;
  for (int64_t index = 0; singles < 40; ++index) {
    const Clip clip = world().make_clip(Split::kTrain, index);
    if (clip.objects.size() != 1) continue;
    ++singles;
    const auto told = judge::parse_prompt(clip.caption);
    REQUIRE(told);
    const auto first = centre_of_mass(clip.frames_CFHW, 0), last = centre_of_mass(clip.frames_CFHW, 16);
    const double dx = last[0] - first[0], dy = last[1] - first[1];
    const auto unit = judge::direction_vector(told->front().direction);
    INFO(clip.caption << " moved by " << dx << ", " << dy);
    CHECK(dx * unit[0] + dy * unit[1] >= 8);  // net travel along the told direction
    const double cosine = (dx * unit[0] + dy * unit[1]) / std::hypot(dx, dy);
    CHECK(cosine > std::cos(22.5 / 180 * M_PI));  // no other of the eight directions is nearer
  }
}

TEST_CASE("captions name the simulated motion", "[moving_fashion]") {
  int64_t bouncing = 0, two_objects = 0;
  for (int64_t index = 0; index < 1000; ++index) {
    const Clip clip = index < 10 ? world().make_clip(Split::kTest, index) : Clip{};
    const auto told = judge::parse_prompt(world().make_caption(Split::kTest, index));
    REQUIRE(told);
    two_objects += told->size() == 2;
    bool bounces = false;
    for (const auto& object : *told) bounces = bounces || !object.bounces.empty();
    bouncing += bounces;
    if (index >= 10) continue;
    REQUIRE(told->size() == clip.objects.size());
    for (size_t i = 0; i < told->size(); ++i) {
      CHECK((*told)[i].class_id == clip.objects[i].class_id);
      CHECK((*told)[i].direction == clip.objects[i].direction);
      CHECK(((*told)[i].bounces == clip.objects[i].path.bounces));
    }
  }
  CHECK((two_objects > 440 && two_objects < 560));
  CHECK((bouncing > 180 && bouncing < 280));
}

TEST_CASE("the splits share no garment and two objects have distinct classes", "[moving_fashion]") {
  const FashionImages train(kFashionMnistFolder, Split::kTrain), test(kFashionMnistFolder, Split::kTest);
  for (int64_t index = 0; index < 50; ++index) {
    const Clip clip = world().make_clip(Split::kTest, index);
    for (const auto& object : clip.objects) CHECK(test.label(object.image) == object.class_id);
    for (const auto& object : world().make_clip(Split::kTrain, index).objects)
      CHECK(train.label(object.image) == object.class_id);
    if (clip.objects.size() == 2) CHECK(clip.objects[0].class_id != clip.objects[1].class_id);
  }
}

TEST_CASE("advance reflects off both ends", "[moving_fashion]") {
  Axis axis{9, 2, 0, 10};
  CHECK(advance(axis) == 1);
  CHECK(axis.position == Approx(9));
  CHECK(axis.velocity == Approx(-2));
  axis = {1, -3, 0, 10};
  CHECK(advance(axis) == -1);
  CHECK(axis.position == Approx(2));
  CHECK(advance(axis) == 0);
}

TEST_CASE("MovingFashionConfig refuses worlds that do not fit the canvas", "[moving_fashion]") {
  MovingFashionConfig config;
  config.height = 48;
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
  config = {};
  config.travel = {1, 2};
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
  config = {};
  config.frames = 1;
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
  config = {};
  config.two_object_fraction = 2;
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
  config = {};
  config.bounce_probability = -1;
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
  config = {};
  config.object_scale = 0;
  CHECK_THROWS_AS(config.validate("data"), ConfigError);
}
