#include "lintorch/linvideo/state_batch.h"

#include <ATen/Functions.h>

namespace lintorch::linvideo {

at::Tensor stack_to_device(const std::vector<at::Tensor>& samples, c10::Device device) {
  return at::stack(samples).to(device).to(at::kFloat);
}

at::Tensor per_sample(const at::Tensor& value_B, const at::Tensor& like) {
  std::vector<int64_t> shape(like.dim(), 1);
  shape[0] = value_B.size(0);
  return value_B.to(like.scalar_type()).reshape(shape);
}

at::Tensor times_to_device(const std::vector<double>& times, c10::Device device) {
  return at::tensor(times, at::TensorOptions(at::kDouble)).to(at::kFloat).to(device);
}

}  // namespace lintorch::linvideo
