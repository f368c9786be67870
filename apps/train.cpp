#include <filesystem>
#include <memory>

#include "apps/app_main.h"
#include "apps/join_ranks.h"
#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/dist/launch.h"
#include "lintorch/distill/distill_unit.h"
#include "lintorch/distill/regression_unit.h"
#include "lintorch/linvideo/linearize_unit.h"
#include "lintorch/plan/train_plan.h"
#include "lintorch/train/trainer.h"

namespace {

namespace fs = std::filesystem;
using namespace lintorch;

using plan::Method;
using plan::TrainRunConfig;

/// Where the run would happen, without joining the other processes.
plan::PlanOptions machine_of(const std::string& device) {
  plan::PlanOptions options;
  const auto launch = dist::read_launch(dist::process_environment);
  if (launch) options.ranks = launch->size;
  const auto resolved = resolve_device(device);
  options.gpu = resolved.is_cuda();
  if (options.gpu) options.gpu_bytes = available_memory_bytes(resolved);
  return options;
}

/// Exit status 0 if the run can start, 2 if not.
int dry_run(TrainRunConfig config) {
  const auto launch = dist::read_launch(dist::process_environment);
  if (launch && launch->rank > 0) return 0;
  const Json plan = plan::plan_training(config, machine_of(config.device));
  fmt::print("{}\n\n{}", config_to_json(config).dump(2), plan::plan_text(plan));
  return plan["problems"].empty() ? 0 : 2;
}

int train_model(const TrainRunConfig& config) {
  if (config.dry_run) return dry_run(config);
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
  if (distilling && config.distill.objective == distill::DistillObjective::kRegression)
    unit = std::make_unique<distill::RegressionUnit>(teacher, config.distill);
  else if (distilling)
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

int main(int argc, char** argv) {
  return apps::run_app<TrainRunConfig>(
      argc, argv, "lintorch-train",
      "Linearizes a video diffusion transformer by selective transfer, or distills one to a few steps.", train_model,
      {{"output", "output", "run folder"}},
      {{"resume", "resume", "go on at the newest checkpoint"},
       {"dry-run", "dry_run",
        "print config, memory, disk and time, and start nothing; exit status 2 if it cannot start"}});
}
