#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/state_batch.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// A copy of a DiT on the same device, in the same dtypes. Weights that do not train use the original's memory.
wan::WanDit copy_wan_dit(wan::WanDit& dit, TrainableKind trainable = TrainableKind::kAll);

/// Whether a weight of the teacher (by its module name) trains in the student.
bool trains(const std::string& name, TrainableKind trainable);

/// The velocity of a DiT as it is at each call.
VelocityFunction velocity_of(wan::WanDit dit);

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The student's trainable weights, by module name.
struct StudentParameters {
  NamedTensors backbone;      ///< by TrainableKind; the adapters for kLora; empty for kMaps
  NamedTensors feature_maps;  ///< W~_q and W~_k of every layer
};

/// Splits the parameters of a student (with its mixed cores and adapters in place). Those that do not train stop requiring gradients
/// and share the teacher's storage, so that they take its dtype.
StudentParameters select_parameters(wan::WanDit& student, wan::WanDit& teacher, TrainableKind trainable);

}  // namespace lintorch::linvideo
