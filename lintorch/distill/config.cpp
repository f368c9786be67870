#include "lintorch/distill/config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/linvideo/config_check.h"

namespace lintorch::distill {

using linvideo::check_field;

namespace {

void check_trainable(linvideo::TrainableKind trainable, const std::string& path) {
  check_field(trainable != linvideo::TrainableKind::kMaps, path, "trainable", "all, attention or lora", "maps");
}

}  // namespace

void CriticConfig::validate(const std::string& path) const {
  check_trainable(trainable, path);
  check_field(lr > 0, path, "lr", "a number above 0", lr);
  check_field(weight_decay >= 0, path, "weight_decay", "0 or more", weight_decay);
  check_field(updates > 0, path, "updates", "1 or more", updates);
}

void GanConfig::validate(const std::string& path) const {
  check_field(weight >= 0, path, "weight", "0 or more", weight);
  check_field(critic_weight > 0, path, "critic_weight", "a number above 0", critic_weight);
  check_field(weight == 0 || !trajectories.empty(), path, "trajectories",
              "a folder of lintorch-collect, since gan.weight is above 0", "none");
}

void DistillConfig::validate(const std::string& path) const {
  check_field(!steps.empty(), path, "steps", "at least one step", "none");
  for (size_t i = 0; i < steps.size(); ++i)
    check_field(steps[i] > 0 && steps[i] <= 1000 && (i == 0 || steps[i] < steps[i - 1]), path, "steps",
                "falling numbers in (0,1000]", steps[i]);
  check_field(sampler != diffusion::SamplerKind::kUniPc, path, "sampler", "renoise or euler", "unipc");
  check_field(!frames || *frames > 0, path, "frames", "1 or more", frames.value_or(0));
  check_field(!shift || *shift > 0, path, "shift", "a number above 0", shift.value_or(0));
  check_field(!guidance || *guidance >= 0, path, "guidance", "0 or more", guidance.value_or(0));
  check_trainable(trainable, path);
  check_field(weight_decay >= 0, path, "weight_decay", "0 or more", weight_decay);
  const bool regression = objective == DistillObjective::kRegression;
  check_field(!regression || !trajectories.empty(), path, "trajectories",
              "a folder of lintorch-collect, since objective is regression", "none");
  check_field(!regression || gan.weight == 0, path, "gan.weight", "0, since objective is regression", gan.weight);
  check_field(batch_size > 0, path, "batch_size", "1 or more", batch_size);
}

}  // namespace lintorch::distill
