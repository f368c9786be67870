#pragma once

#include <torch/nn/module.h>

#include <string>
#include <utility>
#include <vector>

namespace lintorch::pretrain {

/// The parameters of a module as a train::ParameterGroup wants them, names prefixed.
inline std::vector<std::pair<std::string, at::Tensor>> named_parameters(const torch::nn::Module& module,
                                                                        const std::string& prefix) {
  std::vector<std::pair<std::string, at::Tensor>> result;
  for (const auto& item : module.named_parameters()) result.emplace_back(prefix + item.key(), item.value());
  return result;
}

/// Copies to the device; from pinned memory without waiting.
inline at::Tensor send(const at::Tensor& tensor, c10::Device device) {
  return tensor.to(device, /*non_blocking=*/true);
}

/// Page-locked copy when it is going to a GPU.
inline at::Tensor stage_for(const at::Tensor& tensor, c10::Device device) {
  return device.is_cuda() ? tensor.pin_memory() : tensor;
}

}  // namespace lintorch::pretrain
