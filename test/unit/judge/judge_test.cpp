#include "lintorch/models/judge/judge.h"

#include <catch2/catch.hpp>

#include "lintorch/core/json.h"
#include "lintorch/models/judge/judge_checkpoint.h"

using namespace lintorch;
using namespace lintorch::judge;

TEST_CASE("Judge gives logits and features of the promised shapes", "[judge]") {
  torch::manual_seed(1);
  Judge judge(JudgeConfig{});
  torch::NoGradGuard no_grad;
  const auto video = at::rand({2, 3, 17, 72, 96}) * 2 - 1;
  const JudgeOutput output = judge->forward(video);
  CHECK(output.class_logits.sizes() == at::IntArrayRef{2, 10});
  CHECK(output.direction_logits.sizes() == at::IntArrayRef{2, 10, 8});
  CHECK(output.features.sizes() == at::IntArrayRef{2, 128});
  int64_t count = 0;
  for (const auto& parameter : judge->parameters()) count += parameter.numel();
  CHECK(count < 1'000'000);
  // Clips of a batch are independent.
  CHECK(at::allclose(judge->forward(video.slice(0, 1, 2)).class_logits, output.class_logits.slice(0, 1, 2), 1e-4, 1e-5));
}

TEST_CASE("Judge takes other clip sizes and refuses tiny or unbatched ones", "[judge]") {
  Judge judge(JudgeConfig{});
  torch::NoGradGuard no_grad;
  CHECK(judge->forward(at::zeros({1, 3, 5, 32, 40})).class_logits.sizes() == at::IntArrayRef{1, 10});
  CHECK_THROWS_AS(judge->forward(at::zeros({3, 5, 32, 40})), Error);
  CHECK_THROWS_AS(judge->forward(at::zeros({1, 3, 5, 4, 40})), Error);
}

TEST_CASE("a saved judge answers as before", "[judge]") {
  const auto folder = std::filesystem::temp_directory_path() / "lintorch_judge_test";
  std::filesystem::remove_all(folder);
  Judge judge(JudgeConfig{});
  judge->set_accuracy(0.875, 0.75);
  judge->real_feature_mean.fill_(0.5);
  save_judge(folder, judge);
  Judge loaded = load_judge(folder, at::kCPU);
  CHECK(loaded->config().class_accuracy == 0.875);
  CHECK(loaded->config().direction_accuracy == 0.75);
  CHECK(at::equal(loaded->real_feature_mean, judge->real_feature_mean));
  torch::NoGradGuard no_grad;
  const auto video = at::rand({1, 3, 5, 16, 16});
  CHECK(at::equal(loaded->forward(video).direction_logits, judge->forward(video).direction_logits));

  Json json = read_json_file(folder / "config.json");
  json["channels"] = {8, 8, 8, 8, 8};
  write_json_file(folder / "config.json", json);
  CHECK_THROWS_AS(load_judge(folder, at::kCPU), CheckpointError);
  json["channels"] = {8, 8};
  write_json_file(folder / "config.json", json);
  CHECK_THROWS_AS(load_judge(folder, at::kCPU), ConfigError);
  json["channels"] = {8, 8, 8, 8, 12};
  write_json_file(folder / "config.json", json);
  CHECK_THROWS_AS(load_judge(folder, at::kCPU), ConfigError);
  std::filesystem::remove_all(folder);
}
