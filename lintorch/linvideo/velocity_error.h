#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/stored_states.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// What teacher and student say at the same states.
struct VelocityPair {
  at::Tensor velocity_BCTHW, velocity_hat_BCTHW;
  /// mean (u - u^)^2 of each state.
  at::Tensor errors_B() const;
};

/// The teacher's velocity is the stored one, or what `teacher` says where the store has none.
VelocityPair velocity_pair(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                           c10::Device device, const VelocityFunction& teacher);

/// mean (u - u^)^2 over stored states, a scalar on the device; u is the stored velocity of the teacher, or what `teacher`
/// says where the store has states alone.
at::Tensor velocity_error(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                          int64_t batch_size, c10::Device device, const VelocityFunction& teacher = {});

/// What each layer costs: velocity_error of the whole model with that layer alone linear, for every layer. `transfer` is
/// the student's, and is left as it was. Waits for the device; one pass over the states per layer.
std::vector<double> measure_block_errors(wan::WanDit& student, SelectiveTransfer& transfer,
                                         const TrajectorySource& store, const std::vector<StateIndex>& indices,
                                         int64_t batch_size, c10::Device device, const VelocityFunction& teacher = {});

}  // namespace lintorch::linvideo
