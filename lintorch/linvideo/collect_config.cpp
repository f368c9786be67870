#include "lintorch/linvideo/collect_config.h"

#include "lintorch/linvideo/config_check.h"

namespace lintorch::linvideo {

void CollectConfig::validate(const std::string& path) const {
  check_field(num_trajectories >= 0, path, "num_trajectories", "0 or more", num_trajectories);
  check_field(!frames || *frames > 0, path, "frames", "1 or more", frames.value_or(0));
  check_field(!sampler || *sampler != diffusion::SamplerKind::kRenoise, path, "sampler", "euler or unipc", "renoise");
  check_field(!steps || *steps > 0, path, "steps", "1 or more", steps.value_or(0));
  check_field(!shift || *shift > 0, path, "shift", "a number above 0", shift.value_or(0));
  check_field(!guidance || *guidance >= 0, path, "guidance", "0 or more", guidance.value_or(0));
  check_field(storage_dtype == "fp32" || storage_dtype == "bf16" || storage_dtype == "fp16", path, "storage_dtype",
              "fp32|fp16|bf16", storage_dtype);
  check_field(batch_size > 0, path, "batch_size", "1 or more", batch_size);
  check_field(trajectories_per_shard > 0, path, "trajectories_per_shard", "1 or more", trajectories_per_shard);
  check_field(dtype == "fp32" || dtype == "bf16", path, "dtype", "fp32|bf16", dtype);
}

}  // namespace lintorch::linvideo
