#include "lintorch/linvideo/velocity_error.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/core/error.h"

namespace lintorch::linvideo {

at::Tensor VelocityPair::errors_B() const { return (velocity_hat_BCTHW - velocity_BCTHW).square().flatten(1).mean(1); }

VelocityPair velocity_pair(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                           c10::Device device, const VelocityFunction& teacher) {
  const StateBatch batch = load_states(store, indices, device);
  LT_ASSERT(batch.velocity_BCTHW.defined() || teacher);
  const at::Tensor velocity =
      batch.velocity_BCTHW.defined() ? batch.velocity_BCTHW : teacher(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
  return {velocity, student->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD)};
}

at::Tensor velocity_error(wan::WanDit& student, const TrajectorySource& store, const std::vector<StateIndex>& indices,
                          int64_t batch_size, c10::Device device, const VelocityFunction& teacher) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> errors;
  for (size_t begin = 0; begin < indices.size(); begin += batch_size) {
    const size_t end = std::min(indices.size(), begin + batch_size);
    errors.push_back(
        velocity_pair(student, store, {indices.begin() + begin, indices.begin() + end}, device, teacher).errors_B());
  }
  return at::cat(errors).mean();
}

std::vector<double> measure_block_errors(wan::WanDit& student, SelectiveTransfer& transfer,
                                         const TrajectorySource& store, const std::vector<StateIndex>& indices,
                                         int64_t batch_size, c10::Device device, const VelocityFunction& teacher) {
  std::vector<double> errors;
  for (int64_t layer = 0; layer < student->num_layers(); ++layer) {
    transfer.set_only_linear(layer);
    errors.push_back(velocity_error(student, store, indices, batch_size, device, teacher).item<double>());
  }
  transfer.set_only_linear(std::nullopt);
  return errors;
}

}  // namespace lintorch::linvideo
