#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

#include "lintorch/linvideo/stored_states.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// How much of the teacher's guidance the student has: sum <D^, D> / sum <D, D> over stored states, a scalar on the device, with
/// D = u(prompt) - u(negative prompt) of the teacher (stored, or what `teacher` says) and D^ that of the student. 1: as much; 0.75:
/// its samples are those of three quarters of it. The velocity's error hardly shows this, since D is small beside u.
at::Tensor guidance_ratio(wan::WanDit& student, const TrajectorySource& store, std::vector<StateIndex> indices,
                          int64_t batch_size, c10::Device device, const VelocityFunction& teacher = {});

}  // namespace lintorch::linvideo
