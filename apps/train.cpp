#include <filesystem>
#include <memory>

#include "apps/app_main.h"
#include "apps/join_ranks.h"
#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/distill/distill_unit.h"
#include "lintorch/linvideo/linearize_unit.h"
#include "lintorch/train/trainer.h"

namespace {

namespace fs = std::filesystem;
using namespace lintorch;

enum class Method { kLinearize, kDistill };

struct TrainAppConfig {
  std::string output = "runs/linearize";
  bool resume = false;
  std::string device = "auto";
  Method method = Method::kLinearize;
  train::TrainerConfig train;
  linvideo::LinearizeConfig linearize;
  distill::DistillConfig distill;

  template <class V>
  void visit(V& v) {
    v("output", output, "run folder: resolved_config.json, metrics.jsonl, tensorboard/, previews/, checkpoints/");
    v("resume", resume, "go on at the newest checkpoint of the run folder");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("method", method, "what is trained");
    v("train", train);
    v("linearize", linearize);
    v("distill", distill);
  }
};

int train_model(const TrainAppConfig& config) {
  const fs::path run_dir = config.output;
  const bool started = train::latest_checkpoint_folder(run_dir).has_value();
  LT_CHECK(config.resume || !started, ConfigError,
           "output: {} already holds checkpoints: pass --resume to go on, or choose another folder", config.output);
  const auto ranks = apps::join_ranks(config.device);
  log_info("training on {}{}", ranks.size() > 1 ? fmt::format("{} x ", ranks.size()) : "",
           device_description(ranks.device));
  const bool distilling = config.method == Method::kDistill;
  auto teacher = distilling
                     ? pipeline::load_video_model(config.distill.teacher_folder(), at::kFloat, ranks.device)
                     : pipeline::load_video_model(config.linearize.model, config.linearize.load_dtype(), ranks.device);
  std::unique_ptr<train::TrainUnit> unit;
  if (distilling)
    unit = std::make_unique<distill::DistillUnit>(teacher, config.distill);
  else
    unit = std::make_unique<linvideo::LinearizeUnit>(teacher, config.linearize, config.train.steps,
                                                     config.train.precision);
  train::Trainer trainer(config.train, *unit, run_dir, ranks.group.get());
  if (config.resume && !trainer.resume()) log_info("no checkpoint in {}: starting at step 0", config.output);
  if (ranks.leads()) write_json_file(run_dir / "resolved_config.json", config_to_json(config));
  const auto result = trainer.run();
  if (ranks.group) ranks.group->close();
  if (result == train::TrainResult::kInterrupted) return apps::kInterruptedExitCode;
  log_info("finished; checkpoint in {}", train::latest_checkpoint_folder(run_dir)->string());
  return 0;
}

}  // namespace

template <>
struct lintorch::EnumNames<Method> {
  static constexpr std::pair<Method, std::string_view> table[] = {{Method::kLinearize, "linearize"},
                                                                  {Method::kDistill, "distill"}};
};

int main(int argc, char** argv) {
  return apps::run_app<TrainAppConfig>(
      argc, argv, "lintorch-train",
      "Linearizes a video diffusion transformer by selective transfer, or distills one to a few steps.", train_model,
      {{"output", "output", "run folder"}}, {{"resume", "resume", "go on at the newest checkpoint"}});
}
