#include "lintorch/linvideo/guidance_ratio.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/core/error.h"

namespace lintorch::linvideo {

at::Tensor guidance_ratio(wan::WanDit& student, const TrajectorySource& store, std::vector<StateIndex> indices,
                          int64_t batch_size, c10::Device device, const VelocityFunction& teacher) {
  const at::NoGradGuard no_grad;
  at::Tensor product, square;
  for (size_t begin = 0; begin < indices.size(); begin += batch_size) {
    const size_t end = std::min(indices.size(), begin + batch_size);
    at::Tensor difference, difference_hat;
    for (const bool dropped : {false, true}) {
      for (size_t i = begin; i < end; ++i) indices[i].dropped = dropped;
      const StateBatch batch = load_states(store, {indices.begin() + begin, indices.begin() + end}, device);
      LT_ASSERT(batch.velocity_BCTHW.defined() || teacher);
      const at::Tensor velocity = batch.velocity_BCTHW.defined()
                                      ? batch.velocity_BCTHW
                                      : teacher(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
      const at::Tensor velocity_hat = student->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
      difference = dropped ? difference - velocity : velocity.to(at::kFloat);
      difference_hat = dropped ? difference_hat - velocity_hat : velocity_hat.to(at::kFloat);
    }
    const at::Tensor dot = (difference_hat * difference).sum(), norm = difference.square().sum();
    product = product.defined() ? product + dot : dot;
    square = square.defined() ? square + norm : norm;
  }
  return product / square;
}

}  // namespace lintorch::linvideo
