#include "lintorch/pretrain/pretrain.h"

#include <ATen/Context.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/scheduler_config.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/judge/judge_checkpoint.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/tokenizer_training.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pretrain/flow_matching_unit.h"
#include "lintorch/pretrain/judge_unit.h"
#include "lintorch/pretrain/prompts.h"
#include "lintorch/pretrain/unit_support.h"
#include "lintorch/pretrain/vae_unit.h"
#include "lintorch/train/autocast.h"

namespace lintorch::pretrain {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCollectPromptStream = 0x636f6c;  // "col"
constexpr uint64_t kEvalPromptStream = 0x657661;     // "eva"
using train::TrainResult;

// Loads the weights that a run goes on from, which must fit exactly.
void start_from(torch::nn::Module& module, const TensorMap& state, const fs::path& folder) {
  layers::load_module_state(module, state, "run_pretrain: init_from " + folder.string());
}

class Run {
 public:
  Run(const PretrainConfig& config, c10::Device device)
      : config_(config),
        device_(device),
        model_(fs::path(config.output) / "model"),
        training_(fs::path(config.output) / "training"),
        clips_(std::make_shared<const MovingFashion>(config.data)) {
    LT_CHECK(config.init_from.empty() || fs::is_directory(config.init_from), ConfigError,
             "init_from: expected a model folder, found none at {}", config.init_from);
  }

  TrainResult run_stage(Stage stage) {
    const std::string name(enum_name(stage));
    if (std::ranges::all_of(parts(stage), [&](const char* part) { return io::is_complete_dir(model_ / part); })) {
      log_info("{}: complete in {}, skipped", name, model_.string());
      return TrainResult::kFinished;
    }
    log_info("{}: training in {}", name, (training_ / name).string());
    at::manual_seed(mix_seed(static_cast<uint64_t>(config_.seed), static_cast<uint64_t>(stage)));
    switch (stage) {
      case Stage::kTokenizer:
        return tokenizer();
      case Stage::kVae:
        return vae();
      case Stage::kJudge:
        return judge();
      case Stage::kDit:
        return dit();
    }
    LT_ASSERT(false);
  }

 private:
  static std::vector<const char*> parts(Stage stage) {
    switch (stage) {
      case Stage::kTokenizer:
        return {"tokenizer"};
      case Stage::kVae:
        return {"vae"};
      case Stage::kJudge:
        return {"judge"};
      case Stage::kDit:
        return {"text_encoder", "scheduler", "transformer"};
    }
    LT_ASSERT(false);
  }

  template <class Write>
  void write_part(const char* part, Write write) {
    io::AtomicDir folder(model_ / part);
    write(folder.path());
    folder.commit();
  }

  // Takes a part that no run has trained from init_from, if that has it.
  void adopt_part(const char* part) {
    const fs::path source = fs::path(config_.init_from) / part;
    if (config_.init_from.empty() || io::is_complete_dir(model_ / part) || !fs::is_directory(source)) return;
    log_info("{}: taken from {}", part, config_.init_from);
    write_part(part, [&](const fs::path& folder) { fs::copy(source, folder, fs::copy_options::recursive); });
  }

  fs::path need_part(const char* part, Stage stage) {
    adopt_part(part);
    LT_CHECK(io::is_complete_dir(model_ / part), ConfigError,
             "[run_pretrain] stages: {} needs {}, which is not complete: run the earlier stages first",
             enum_name(stage), (model_ / part).string());
    return model_ / part;
  }

  // Trains until done; the averaged weights are in place afterwards.
  TrainResult train(train::TrainUnit& unit, const train::TrainerConfig& config) {
    train::Trainer trainer(config, unit, training_ / unit.name());
    trainer.resume();
    const TrainResult result = trainer.run();
    if (result == TrainResult::kFinished && trainer.ema().enabled()) trainer.ema().swap();
    return result;
  }

  TrainResult tokenizer() {
    std::vector<std::string> captions;
    for (int64_t i = 0; i < config_.tokenizer.captions; ++i) captions.push_back(clips_->make_caption(Split::kTrain, i));
    write_part("tokenizer", [&](const fs::path& folder) {
      umt5::train_tokenizer(captions, config_.tokenizer.vocab_size, config_.tokenizer.max_length, folder);
    });
    const auto tokenizer = umt5::Tokenizer::load(model_ / "tokenizer");
    const auto held_out = fitting_prompts(kEvalPromptStream, config_.tokenizer.eval_prompts, tokenizer, {});
    write_prompts(fs::path(config_.output) / "eval_prompts.txt", held_out);
    write_prompts(fs::path(config_.output) / "collect_prompts.txt",
                  fitting_prompts(kCollectPromptStream, config_.tokenizer.collect_prompts, tokenizer, held_out));
    return TrainResult::kFinished;
  }

  // Different prompts that the tokenizer need not cut, from a random stream of their own, without those of another list.
  std::vector<PromptSpec> fitting_prompts(uint64_t stream, int64_t count, const umt5::Tokenizer& tokenizer,
                                          const std::vector<PromptSpec>& excluded) const {
    std::set<std::string> taken;
    for (const auto& spec : excluded) taken.insert(spec.prompt);
    const uint64_t seed = mix_seed(static_cast<uint64_t>(config_.seed), stream);
    std::vector<PromptSpec> prompts;
    for (int64_t index = 0; static_cast<int64_t>(prompts.size()) < count; ++index) {
      PromptSpec spec = make_prompt(seed, index);
      if (!taken.insert(spec.prompt).second) continue;
      if (tokenizer.num_tokens(spec.prompt) <= tokenizer.max_length()) prompts.push_back(std::move(spec));
    }
    return prompts;
  }

  TrainResult vae() {
    wan::WanVae vae(config_.vae.model);
    vae->to(device_);
    VaeUnit unit(config_.vae, clips_, vae, device_);
    if (train(unit, config_.vae.train) == TrainResult::kInterrupted) return TrainResult::kInterrupted;
    vae->eval();
    unit.estimate_latent_statistics();
    const double psnr_db = unit.test_psnr();
    log_info("vae: PSNR {:.2f} dB on {} test clips", psnr_db, config_.vae.test_clips);
    write_json_file(training_ / "vae.json", {{"test_psnr_db", psnr_db}, {"test_clips", config_.vae.test_clips}});
    write_part("vae", [&](const fs::path& folder) { wan::save_wan_vae(folder, vae, dtype_from_name(config_.dtype)); });
    return TrainResult::kFinished;
  }

  TrainResult judge() {
    judge::Judge judge(config_.judge.model);
    judge->to(device_);
    JudgeUnit unit(config_.judge, clips_, judge, device_);
    if (train(unit, config_.judge.train) == TrainResult::kInterrupted) return TrainResult::kInterrupted;
    judge->eval();
    const judge::Recognition result = unit.test();
    log_info("judge: class {:.1f} %, direction {:.1f} % of {} objects in {} test clips", 100 * result.class_accuracy(),
             100 * result.direction_accuracy(), result.objects, config_.judge.test_clips);
    write_json_file(training_ / "judge.json", {{"class_accuracy", result.class_accuracy()},
                                               {"direction_accuracy", result.direction_accuracy()},
                                               {"test_clips", config_.judge.test_clips}});
    write_part("judge", [&](const fs::path& folder) { judge::save_judge(folder, judge); });
    return TrainResult::kFinished;
  }

  TrainResult dit() {
    const auto& stage = config_.dit;
    const auto tokenizer = umt5::Tokenizer::load(need_part("tokenizer", Stage::kDit));
    wan::WanVae vae = wan::load_wan_vae(need_part("vae", Stage::kDit), at::kFloat, device_);
    adopt_part("judge");
    umt5::Umt5Encoder text_encoder(stage.text_encoder);
    wan::WanDit dit(stage.model);
    text_encoder->to(device_);
    dit->to(device_);
    if (const fs::path start = config_.init_from; !start.empty() && fs::is_directory(start / "transformer")) {
      start_from(*text_encoder, umt5::open_umt5(start / "text_encoder").state, start / "text_encoder");
      start_from(*dit, wan::open_wan_dit(start / "transformer").state, start / "transformer");
    }
    LatentPool pool = make_latent_pool(*clips_, vae, tokenizer, stage.latent_pool_clips, stage.encode_batch, device_,
                                       train::autocast_dtype(stage.train.precision, device_));
    FlowMatchingUnit unit(stage, std::move(pool), dit, text_encoder);
    if (train(unit, stage.train) == TrainResult::kInterrupted) return TrainResult::kInterrupted;
    write_part("text_encoder",
               [&](const fs::path& folder) { umt5::save_umt5(folder, text_encoder, dtype_from_name(config_.dtype)); });
    write_part("scheduler", [&](const fs::path& folder) {
      diffusion::SchedulerConfig scheduler;
      scheduler.flow_shift = stage.flow_shift;
      diffusion::write_scheduler_config(folder, scheduler);
    });
    write_part("transformer",
               [&](const fs::path& folder) { wan::save_wan_dit(folder, dit, dtype_from_name(config_.dtype)); });
    return TrainResult::kFinished;
  }

  const PretrainConfig& config_;
  c10::Device device_;
  fs::path model_, training_;
  std::shared_ptr<const MovingFashion> clips_;
};

}  // namespace

TrainResult run_pretrain(const PretrainConfig& config, c10::Device device, const Json& model_index) {
  config.validate("");
  // Clips all have one size: let cuDNN look for its best convolutions.
  at::globalContext().setBenchmarkCuDNN(true);
  Run run(config, device);
  write_json_file(fs::path(config.output) / "model" / "model_index.json", model_index);
  for (const Stage stage : {Stage::kTokenizer, Stage::kVae, Stage::kJudge, Stage::kDit}) {
    if (std::ranges::find(config.stages, stage) == config.stages.end()) continue;
    if (run.run_stage(stage) == TrainResult::kInterrupted) return TrainResult::kInterrupted;
  }
  return TrainResult::kFinished;
}

}  // namespace lintorch::pretrain
