#include "lintorch/linvideo/state_batch.h"

#include <ATen/Functions.h>

namespace lintorch::linvideo {

at::Tensor stack_to_device(const std::vector<at::Tensor>& samples, c10::Device device) {
  return at::stack(samples).to(device).to(at::kFloat);
}

at::Tensor times_to_device(const std::vector<double>& times, c10::Device device) {
  return at::tensor(times, at::TensorOptions(at::kDouble)).to(at::kFloat).to(device);
}

}  // namespace lintorch::linvideo
