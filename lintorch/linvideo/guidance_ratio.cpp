#include "lintorch/linvideo/guidance_ratio.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/linvideo/velocity_error.h"

namespace lintorch::linvideo {

GuidedErrors guided_errors(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                           int64_t batch_size, c10::Device device, const VelocityFunction& teacher) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> errors, products, squares;
  for (size_t begin = 0; begin < indices.size(); begin += batch_size) {
    std::vector<StateIndex> batch(indices.begin() + begin,
                                  indices.begin() + std::min(indices.size(), begin + batch_size));
    const auto with_prompt = [&](bool prompt) {
      for (auto& index : batch) index.dropped = !prompt;
      return velocity_pair(student, store, batch, device, teacher);
    };
    const VelocityPair cond = with_prompt(true), uncond = with_prompt(false);
    const at::Tensor difference = cond.velocity_BCTHW.to(at::kFloat) - uncond.velocity_BCTHW;
    const at::Tensor difference_hat = cond.velocity_hat_BCTHW.to(at::kFloat) - uncond.velocity_hat_BCTHW;
    errors.push_back(cond.errors_B());
    products.push_back((difference_hat * difference).sum());
    squares.push_back(difference.square().sum());
  }
  return {at::cat(errors).mean(), at::stack(products).sum() / at::stack(squares).sum()};
}

}  // namespace lintorch::linvideo
