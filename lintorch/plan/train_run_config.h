#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/enum_names.h"
#include "lintorch/core/error.h"
#include "lintorch/distill/config.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::plan {

enum class Method { kLinearize, kDistill };

/// A run of lintorch-train.
struct TrainRunConfig {
  std::string output = "runs/linearize";
  bool resume = false;
  bool dry_run = false;
  std::string device = "auto";
  Method method = Method::kLinearize;
  train::TrainerConfig train;
  linvideo::LinearizeConfig linearize;
  distill::DistillConfig distill;

  template <class V>
  void visit(V& v) {
    v("output", output, "run folder: resolved_config.json, metrics.jsonl, tensorboard/, previews/, checkpoints/");
    v("resume", resume, "go on at the newest checkpoint of the run folder");
    v("dry_run", dry_run, "say what the run takes (memory, disk, time) and whether it can start; nothing is started");
    v("device", device, "auto, cpu, cuda, cuda:N");
    v("method", method, "what is trained");
    v("train", train);
    v("linearize", linearize);
    v("distill", distill);
  }

  /// Throws ConfigError if the run would never update what it trains.
  void validate(const std::string& path) const {
    LT_CHECK(method != Method::kDistill || distill.objective != distill::DistillObjective::kDmd ||
                 train.steps > distill.critic.updates,
             ConfigError,
             "{}: expected more than distill.critic.updates = {}, after which the generator has its first, got {}",
             detail::join_path(path, "train.steps"), distill.critic.updates, train.steps);
  }

  /// Folder of the teacher.
  const std::string& teacher_folder() const {
    return method == Method::kDistill ? distill.teacher_folder() : linearize.model;
  }
};

}  // namespace lintorch::plan

template <>
struct lintorch::EnumNames<lintorch::plan::Method> {
  static constexpr std::pair<lintorch::plan::Method, std::string_view> table[] = {
      {lintorch::plan::Method::kLinearize, "linearize"}, {lintorch::plan::Method::kDistill, "distill"}};
};
