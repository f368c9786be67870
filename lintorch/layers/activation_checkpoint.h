#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace lintorch::layers {

/// f(inputs), one to four tensors, keeping the inputs instead of what f computes on the way (activation checkpointing): the backward computes f
/// again. Gradients reach the inputs and every parameter that f uses, as long as f is deterministic, does the same work both
/// times and leaves no traces (no dropout, no counters). Those of parameters used once have the bits they have without it;
/// those of an input that f uses several times are summed in another order.
///
/// f runs under the autocast setting of the call both times. Without gradient mode this is f(inputs). For loss.backward()
/// only: gradients of parameters are accumulated, so torch::autograd::grad would not see them.
at::Tensor checkpoint_activations(const std::function<at::Tensor(const std::vector<at::Tensor>&)>& f,
                                  const std::vector<at::Tensor>& inputs);

}  // namespace lintorch::layers
