#include "lintorch/linvideo/feature_matching.h"

#include <ATen/ops/stack.h>

#include "lintorch/core/error.h"

namespace lintorch::linvideo {

BlockFeatures::BlockFeatures() : observer_([this](int64_t, const at::Tensor& x_BLD) { values_.push_back(x_BLD); }) {}

at::Tensor feature_matching_loss(const std::vector<at::Tensor>& features_hat, const std::vector<at::Tensor>& features) {
  LT_CHECK(
      !features.empty() && features_hat.size() == features.size(), Error,
      "[feature_matching_loss] expected the student's and the teacher's features of the same blocks, got {} and {}",
      features_hat.size(), features.size());
  std::vector<at::Tensor> errors;
  for (size_t layer = 0; layer < features.size(); ++layer) {
    const at::Tensor h = features[layer].detach().to(at::kFloat);
    errors.push_back((features_hat[layer].to(at::kFloat) - h).square().mean() / h.square().mean());
  }
  return at::stack(errors).mean();
}

}  // namespace lintorch::linvideo
