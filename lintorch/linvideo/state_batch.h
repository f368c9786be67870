#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <functional>
#include <vector>

namespace lintorch::linvideo {

/// Training states x_t, on the device of the model.
struct StateBatch {
  at::Tensor x_BCTHW;
  at::Tensor t_B;             ///< flow time of each state, in (0,1]
  at::Tensor next_t_B;        ///< the next (lower) time of the sampling grid
  at::Tensor timestep_B;      ///< what the network is told: 1000 t, rounded as the sampler does
  at::Tensor text_BSD;        ///< embedding of the prompt, or of the negative prompt where it was dropped
  at::Tensor velocity_BCTHW;  ///< the teacher's velocity for exactly this input; undefined if not stored
};

/// u(x_t, t) of a network, or of an analytic model in tests.
using VelocityFunction =
    std::function<at::Tensor(const at::Tensor& x_BCTHW, const at::Tensor& timestep_B, const at::Tensor& text_BSD)>;

/// Samples of one shape as an fp32 batch on the device.
at::Tensor stack_to_device(const std::vector<at::Tensor>& samples, c10::Device device);

/// value_B as [B, 1, 1, ...] in the dtype of `like`, to scale the samples of a batch.
at::Tensor per_sample(const at::Tensor& value_B, const at::Tensor& like);

/// Flow times or timesteps as an fp32 vector on the device.
at::Tensor times_to_device(const std::vector<double>& times, c10::Device device);

}  // namespace lintorch::linvideo
