#include "lintorch/pretrain/pretrain.h"

#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <set>
#include <sstream>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/models/judge/judge_checkpoint.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/tokenizer.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pipeline/prompt_file.h"

using namespace lintorch;
using namespace lintorch::pretrain;
namespace fs = std::filesystem;

namespace {

// Seconds on one core.
PretrainConfig micro_config(const fs::path& output) {
  PretrainConfig config;
  config.output = output.string();
  config.data.width = 40;
  config.data.height = 32;
  config.data.frames = 5;
  config.data.object_scale = 0.5;
  config.data.travel = {9, 12, 16};
  config.tokenizer.captions = 2000;
  config.tokenizer.vocab_size = 400;
  config.tokenizer.max_length = 48;
  config.tokenizer.collect_prompts = 200;
  config.tokenizer.eval_prompts = 200;

  config.vae.model = wan::tiny_vae();
  config.vae.model.base_dim = 8;
  config.vae.model.z_dim = 4;
  config.vae.model.dim_mult = {1, 2, 2};
  config.vae.model.num_res_blocks = 1;
  config.vae.model.latents_mean.assign(4, 0.0);
  config.vae.model.latents_std.assign(4, 1.0);
  config.vae.batch_size = 2;
  config.vae.statistics_clips = 6;
  config.vae.test_clips = 4;
  config.judge.model.channels = {8, 16, 16, 16, 16};
  config.judge.batch_size = 4;
  config.judge.test_clips = 8;
  config.dit.model.num_attention_heads = 2;
  config.dit.model.attention_head_dim = 16;
  config.dit.model.in_channels = config.dit.model.out_channels = 4;
  config.dit.model.ffn_dim = 64;
  config.dit.model.freq_dim = 32;
  config.dit.model.num_layers = 2;
  config.dit.model.text_dim = 32;
  config.dit.text_encoder.d_model = 32;
  config.dit.text_encoder.d_kv = 16;
  config.dit.text_encoder.num_heads = 2;
  config.dit.text_encoder.d_ff = 64;
  config.dit.text_encoder.num_layers = 1;
  config.dit.latent_pool_clips = 12;
  config.dit.encode_batch = 5;
  config.dit.batch_size = 4;
  for (auto* train : {&config.vae.train, &config.judge.train, &config.dit.train}) {
    train->steps = 24;
    train->lr = 2e-3;
    train->warmup_steps = 2;
    train->log_every = 4;
    train->save_every = 0;
  }
  return config;
}

// One thread: the tensors are tiny, and threads that wait for each other are slow on a busy machine.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

std::vector<double> logged_losses(const fs::path& run_dir) {
  std::vector<double> losses;
  std::istringstream lines(read_file(run_dir / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) losses.push_back(Json::parse(line).at("loss").get<double>());
  return losses;
}

}  // namespace

TEST_CASE("run_pretrain makes a complete model folder, losses fall, and a second run repeats nothing", "[pretrain]") {
  const fs::path output = fs::temp_directory_path() / "lintorch_pretrain_test";
  fs::remove_all(output);
  const OneThread one_thread;
  const PretrainConfig config = micro_config(output);
  const Json index = {{"_class_name", "WanPipeline"}};
  REQUIRE(run_pretrain(config, at::kCPU, index) == train::TrainResult::kFinished);
  for (const char* stage : {"vae", "judge", "dit"}) {
    const auto losses = logged_losses(output / "training" / stage);
    INFO(stage << ": " << losses.front() << " -> " << losses.back());
    CHECK(losses.size() == 6);
    CHECK(losses.back() < losses.front());
  }
  std::set<std::string> prompts;
  size_t lines = 0;
  for (const char* list : {"collect_prompts.txt", "eval_prompts.txt"})
    for (const auto& prompt : pipeline::read_prompts(output / list)) {
      prompts.insert(prompt);
      ++lines;
    }
  CHECK(static_cast<int64_t>(lines) == config.tokenizer.collect_prompts + config.tokenizer.eval_prompts);
  CHECK(prompts.size() == lines);  // all different: the evaluation's are held out

  const fs::path model = output / "model";
  CHECK(read_json_file(model / "model_index.json").at("_class_name") == "WanPipeline");
  CHECK(fs::exists(model / "scheduler" / "scheduler_config.json"));

  wan::WanVae vae = wan::load_wan_vae(model / "vae", at::kFloat, at::kCPU);
  const MovingFashion clips(config.data);
  const at::NoGradGuard no_grad;
  const auto latent = vae->encode(clips.make_batch(Split::kTrain, 0, 6).video_BCFHW);
  CHECK(latent.sizes() == at::IntArrayRef{6, 4, 2, 8, 10});
  // The clips that the statistics come from; the written weights may be rounded to bf16.
  CHECK(at::allclose(latent.mean({0, 2, 3, 4}), at::zeros({4}), 0, 0.1));
  CHECK(at::allclose(latent.square().mean({0, 2, 3, 4}), at::ones({4}), 0, 0.1));

  const auto tokens = umt5::Tokenizer::load(model / "tokenizer").encode({"A bag moves left."});
  auto text_encoder = umt5::load_umt5(model / "text_encoder", at::kFloat, at::kCPU);
  auto dit = wan::load_wan_dit(model / "transformer", at::kFloat, at::kCPU);
  const auto velocity =
      dit->forward(latent.slice(0, 0, 1), at::full({1}, 500.0), text_encoder->forward(tokens.ids_BS, tokens.mask_BS));
  CHECK(velocity.sizes() == latent.slice(0, 0, 1).sizes());
  CHECK(velocity.abs().max().item<double>() > 0);
  const auto judge = judge::load_judge(model / "judge", at::kCPU);
  CHECK(judge->config().class_accuracy.has_value());
  CHECK(judge->real_feature_covariance.diagonal().min().item<double>() >= 0);

  const auto written = fs::last_write_time(model / "transformer" / "config.json");
  REQUIRE(run_pretrain(config, at::kCPU, index) == train::TrainResult::kFinished);
  CHECK(fs::last_write_time(model / "transformer" / "config.json") == written);

  // A run that goes on from this model: with a learning rate of nothing, it ends where that one ended.
  PretrainConfig more = micro_config(output / "more");
  more.init_from = model.string();
  more.stages = {Stage::kDit};
  more.dit.train.steps = 1;
  more.dit.train.lr = 1e-12;
  more.dit.train.warmup_steps = 0;
  const at::AutoGradMode with_grad(true);
  REQUIRE(run_pretrain(more, at::kCPU, index) == train::TrainResult::kFinished);
  const fs::path more_model = output / "more" / "model";
  for (const char* file :
       {"vae/diffusion_pytorch_model.safetensors", "judge/model.safetensors", "tokenizer/spiece.model"})
    CHECK(read_file(more_model / file) == read_file(model / file));
  const auto dit_after = wan::load_wan_dit(more_model / "transformer", at::kFloat, at::kCPU);
  for (const auto& item : dit->named_parameters())
    CHECK(at::allclose(dit_after->named_parameters()[item.key()], item.value(), 0, 1e-9));
  more.output = (output / "other").string();
  more.dit.model.num_layers = 3;
  CHECK_THROWS_AS(run_pretrain(more, at::kCPU, index), CheckpointError);
  more.init_from = (output / "nowhere").string();
  CHECK_THROWS_WITH(run_pretrain(more, at::kCPU, index), Catch::Contains("init_from") && Catch::Contains("nowhere"));
  fs::remove_all(output);
}

TEST_CASE("run_pretrain refuses stages whose input is missing and configs that do not fit", "[pretrain]") {
  const fs::path output = fs::temp_directory_path() / "lintorch_pretrain_missing_test";
  fs::remove_all(output);
  PretrainConfig config = micro_config(output);
  config.stages = {Stage::kDit};
  CHECK_THROWS_AS(run_pretrain(config, at::kCPU, Json::object()), ConfigError);
  const auto refused = [&](auto change) {
    PretrainConfig changed = micro_config(output);
    change(changed);
    CHECK_THROWS_AS(changed.validate(""), ConfigError);
  };
  refused([](auto& c) { c.data.frames = 6; });
  refused([](auto& c) { c.dit.model.in_channels = 8; });
  refused([](auto& c) { c.dit.text_encoder.vocab_size = 100; });
  refused([](auto& c) { c.dit.text_encoder.d_model = 48; });
  refused([](auto& c) { c.dit.prompt_dropout = 2; });
  refused([](auto& c) { c.dit.flow_shift = 0; });
  refused([](auto& c) { c.dit.batch_size = 0; });
  refused([](auto& c) { c.vae.kl_weight = -1; });
  refused([](auto& c) { c.judge.test_clips = 1; });
  refused([](auto& c) { c.judge.noise = -1; });
  fs::remove_all(output);
}

TEST_CASE("the default PretrainConfig is valid and survives JSON", "[pretrain]") {
  const PretrainConfig config;
  CHECK_NOTHROW(config.validate(""));
  const Json json = config_to_json(config);
  CHECK(config_to_json(config_from_json<PretrainConfig>(json)) == json);
}
