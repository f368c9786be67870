#include "lintorch/linvideo/config.h"

#include "lintorch/core/dtype.h"
#include "lintorch/linvideo/config_check.h"

namespace lintorch::linvideo {

void SelectiveTransferConfig::validate(const std::string& path) const {
  check_field(target >= 0, path, "target", "0 or more", target);
  check_field(linear_layers.empty() || selection == SelectionKind::kManual, path, "linear_layers",
              "an empty list unless selection is manual", linear_layers.size());
  check_field(init >= 0 && init <= 1, path, "init", "a value in [0,1]", init);
  check_field(init_noise >= 0 && init_noise < 0.5, path, "init_noise", "a value in [0,0.5)", init_noise);
  check_field(init_spread >= 0 && init_spread <= 1, path, "init_spread", "a value in [0,1]", init_spread);
  check_field(init_spread == 0 || selection == SelectionKind::kLearned, path, "init_spread",
              "0 unless selection is learned", init_spread);
  check_field(lr > 0, path, "lr", "a number above 0", lr);
  check_field(lambda >= 0, path, "lambda", "0 or more", lambda);
  check_field(alpha_start > 0, path, "alpha_start", "a number above 0", alpha_start);
  check_field(alpha_end > 0, path, "alpha_end", "a number above 0", alpha_end);
  check_field(alpha_fraction > 0 && alpha_fraction <= 1, path, "alpha_fraction", "a value in (0,1]", alpha_fraction);
  check_field(freeze_fraction > 0 && freeze_fraction <= 1, path, "freeze_fraction", "a value in (0,1]",
              freeze_fraction);
  check_field(!gate_margin || *gate_margin >= 0, path, "gate_margin", "0 or more", gate_margin.value_or(0));
  check_field(measured_states > 0, path, "measured_states", "1 or more", measured_states);
}

void WarmupConfig::validate(const std::string& path) const {
  check_field(steps >= 0, path, "steps", "0 or more", steps);
}

void LoraConfig::validate(const std::string& path) const {
  check_field(rank > 0, path, "rank", "1 or more", rank);
  check_field(alpha > 0, path, "alpha", "a number above 0", alpha);
  check_field(!modules.empty(), path, "modules", "at least one linear layer", "none");
}

void ValidationConfig::validate(const std::string& path) const {
  check_field(every >= 0, path, "every", "0 or more", every);
  check_field(trajectories >= 0, path, "trajectories", "0 or more", trajectories);
  check_field(states >= 0, path, "states", "0 or more", states);
}

void PreviewConfig::validate(const std::string& path) const {
  check_field(steps > 0, path, "steps", "1 or more", steps);
}

void LinearizeConfig::validate(const std::string& path) const {
  check_field(feature_map_lr > 0, path, "feature_map_lr", "a number above 0", feature_map_lr);
  check_field(backbone_weight_decay >= 0, path, "backbone_weight_decay", "0 or more", backbone_weight_decay);
  check_field(batch_size > 0, path, "batch_size", "1 or more", batch_size);
  check_field(prefetch >= 0, path, "prefetch", "0 or more", prefetch);
  check_field(frozen_dtype == "fp32" || frozen_dtype == "bf16", path, "frozen_dtype", "fp32|bf16", frozen_dtype);
  const bool weights = ops::has_weights(linear_attention.feature_map);
  check_field(weights || warmup.steps == 0, path, "warmup.steps", "0 with a feature map that has no weights",
              warmup.steps);
  check_field(weights || trainable != TrainableKind::kMaps, path, "trainable",
              "all, attention or lora with a feature map that has no weights", enum_name(trainable));
}

at::ScalarType LinearizeConfig::load_dtype() const {
  const bool starts_from_weights = trainable == TrainableKind::kAll || trainable == TrainableKind::kAttention;
  return starts_from_weights ? at::kFloat : dtype_from_name(frozen_dtype);
}

void ExportConfig::validate(const std::string& path) const {
  check_field(!dtype || *dtype == "bf16" || *dtype == "fp16" || *dtype == "fp32", path, "dtype", "bf16|fp32|fp16",
              dtype.value_or(""));
  check_field(max_shard_bytes >= 0, path, "max_shard_bytes", "0 or more", max_shard_bytes);
}

}  // namespace lintorch::linvideo
