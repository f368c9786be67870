#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/linvideo/stored_states.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// How a student differs from its teacher under guidance, over stored states; scalars on the device.
struct GuidedErrors {
  /// velocity_error with the prompts.
  at::Tensor velocity_mse;
  /// How much of the teacher's guidance the student has: sum <D^, D> / sum <D, D> with D = u(prompt) - u(negative prompt) of the
  /// teacher and D^ that of the student. 1: as much; 0.75: its samples are those of three quarters of it. The velocity's error
  /// hardly shows this, since D is small beside u.
  at::Tensor guidance_ratio;
};

/// One pass over the states on both branches; the teacher's velocities as in velocity_error.
GuidedErrors guided_errors(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                           int64_t batch_size, c10::Device device, const VelocityFunction& teacher = {});

}  // namespace lintorch::linvideo
