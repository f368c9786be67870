#include "lintorch/linvideo/rollout_pool.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

namespace lintorch::linvideo {

RolloutPool::RolloutPool(const TrajectoryStore& store, int64_t num_trajectories, int64_t pool_size, uint64_t seed,
                         c10::Device device)
    : store_(store),
      num_trajectories_(num_trajectories),
      seed_(seed),
      device_(device),
      step_P_(at::empty({pool_size}, at::TensorOptions(at::kLong))),
      trajectory_P_(at::empty({pool_size}, at::TensorOptions(at::kLong))) {
  for (int64_t member = 0; member < pool_size; ++member) {
    const int64_t step = member * store.num_steps() / pool_size;
    const int64_t trajectory = member % num_trajectories;
    step_P_[member] = step;
    trajectory_P_[member] = trajectory;
    x_CTHW_.push_back(store.state(trajectory, step).to(device).to(at::kFloat));
  }
}

StateBatch RolloutPool::next(const std::vector<bool>& dropped) {
  const TrajectoryManifest& manifest = store_.manifest();
  std::vector<at::Tensor> x, text;
  std::vector<double> t, next_t, timestep;
  last_.clear();
  for (const bool drop : dropped) {
    const int64_t member = cursor_;
    cursor_ = (cursor_ + 1) % static_cast<int64_t>(x_CTHW_.size());
    last_.push_back(member);
    const int64_t step = step_P_.const_data_ptr<int64_t>()[member];
    x.push_back(x_CTHW_[member]);
    t.push_back(manifest.sigmas[step]);
    next_t.push_back(manifest.sigmas[step + 1]);
    timestep.push_back(manifest.timesteps[step]);
    text.push_back(drop ? store_.unconditional_text() : store_.text(trajectory_P_.const_data_ptr<int64_t>()[member]));
  }
  StateBatch batch;
  batch.x_BCTHW = at::stack(x);
  batch.t_B = times_to_device(t, device_);
  batch.next_t_B = times_to_device(next_t, device_);
  batch.timestep_B = times_to_device(timestep, device_);
  batch.text_BSD = stack_to_device(text, device_);
  return batch;
}

void RolloutPool::advance(const at::Tensor& velocity_BCTHW) {
  at::NoGradGuard no_grad;
  const TrajectoryManifest& manifest = store_.manifest();
  LT_ASSERT(velocity_BCTHW.size(0) == static_cast<int64_t>(last_.size()));
  for (size_t b = 0; b < last_.size(); ++b) {
    const int64_t member = last_[b];
    int64_t& step = step_P_.mutable_data_ptr<int64_t>()[member];
    const double dt = manifest.sigmas[step + 1] - manifest.sigmas[step];
    if (++step < manifest.steps) {
      x_CTHW_[member] = x_CTHW_[member] + dt * velocity_BCTHW[static_cast<int64_t>(b)].detach().to(at::kFloat);
      continue;
    }
    auto generator = make_generator(mix_seed(seed_, static_cast<uint64_t>(num_restarts_)));
    x_CTHW_[member] = at::randn(manifest.latent_shape, generator, at::TensorOptions(at::kFloat)).to(device_);
    trajectory_P_[member] = num_restarts_ % num_trajectories_;
    step = 0;
    ++num_restarts_;
  }
}

at::Tensor RolloutPool::conditional_text_BSD() const {
  std::vector<at::Tensor> text;
  for (const int64_t member : last_) text.push_back(store_.text(trajectory_P_.const_data_ptr<int64_t>()[member]));
  return stack_to_device(text, device_);
}

at::Tensor RolloutPool::unconditional_text_BSD() const {
  return stack_to_device(std::vector<at::Tensor>(last_.size(), store_.unconditional_text()), device_);
}

TensorMap RolloutPool::state() const {
  return {{"x", at::stack(x_CTHW_)},
          {"step", step_P_.clone()},
          {"trajectory", trajectory_P_.clone()},
          {"counters", at::tensor({cursor_, num_restarts_}, at::TensorOptions(at::kLong))}};
}

void RolloutPool::load_state(const TensorMap& state) {
  const at::Tensor& x = state.at("x");
  LT_CHECK(x.size(0) == static_cast<int64_t>(x_CTHW_.size()), ConfigError,
           "objective.pool_size: the checkpoint has {} members, the config says {}", x.size(0), x_CTHW_.size());
  x_CTHW_ = x.to(device_).clone().unbind(0);
  step_P_ = state.at("step").clone();
  trajectory_P_ = state.at("trajectory").clone();
  const at::Tensor counters = state.at("counters").contiguous();
  cursor_ = counters.const_data_ptr<int64_t>()[0];
  num_restarts_ = counters.const_data_ptr<int64_t>()[1];
}

}  // namespace lintorch::linvideo
