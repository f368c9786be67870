#include "lintorch/linvideo/rollout_pool.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/guidance.h"
#include "lintorch/linvideo/seed_streams.h"

namespace lintorch::linvideo {

RolloutPool::RolloutPool(const TrajectorySource& source, int64_t num_trajectories, int64_t pool_size, uint64_t seed,
                         c10::Device device, int64_t num_starts)
    : source_(source),
      num_trajectories_(num_trajectories),
      num_starts_(num_starts > 0 ? num_starts : num_trajectories),
      seed_(seed),
      device_(device),
      step_P_(at::empty({pool_size}, at::TensorOptions(at::kLong))),
      trajectory_P_(at::empty({pool_size}, at::TensorOptions(at::kLong))) {
  for (int64_t member = 0; member < pool_size; ++member) {
    const int64_t step = member * source.num_steps() / pool_size;
    const int64_t trajectory = member % num_starts_;
    step_P_[member] = step;
    trajectory_P_[member] = trajectory;
    x_CTHW_.push_back(source.state(trajectory, step).to(device).to(at::kFloat));
  }
}

StateBatch RolloutPool::next(const std::vector<bool>& dropped) {
  const TrajectoryManifest& manifest = source_.manifest();
  std::vector<at::Tensor> x, text;
  std::vector<double> t, next_t, timestep;
  last_.clear();
  last_dropped_ = dropped;
  for (const bool drop : dropped) {
    const auto members = static_cast<int64_t>(x_CTHW_.size());
    const int64_t member = (cursor_ + rollbacks_) % members;
    cursor_ = (cursor_ + 1) % members;
    last_.push_back(member);
    const int64_t step = step_P_.const_data_ptr<int64_t>()[member];
    x.push_back(x_CTHW_[member]);
    t.push_back(manifest.sigmas[step]);
    next_t.push_back(manifest.sigmas[step + 1]);
    timestep.push_back(manifest.timesteps[step]);
    text.push_back(drop ? source_.unconditional_text() : source_.text(trajectory_P_.const_data_ptr<int64_t>()[member]));
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
  const TrajectoryManifest& manifest = source_.manifest();
  LT_ASSERT(velocity_BCTHW.size(0) == static_cast<int64_t>(last_.size()));
  for (size_t b = 0; b < last_.size(); ++b) {
    const int64_t member = last_[b];
    int64_t& step = step_P_.mutable_data_ptr<int64_t>()[member];
    const double dt = manifest.sigmas[step + 1] - manifest.sigmas[step];
    if (++step < manifest.steps) {
      x_CTHW_[member] = x_CTHW_[member] + dt * velocity_BCTHW[static_cast<int64_t>(b)].detach().to(at::kFloat);
      continue;
    }
    uint64_t seed = mix_seed(seed_, static_cast<uint64_t>(num_restarts_));
    if (rollbacks_ > 0) seed = mix_seed(seed, kRollbackStream, static_cast<uint64_t>(rollbacks_));
    auto generator = make_generator(seed);
    x_CTHW_[member] = at::randn(manifest.latent_shape, generator, at::TensorOptions(at::kFloat)).to(device_);
    trajectory_P_[member] = (num_starts_ + num_restarts_) % num_trajectories_;
    step = 0;
    ++num_restarts_;
  }
}

void RolloutPool::advance_guided(const StateBatch& batch, const VelocityFunction& mover, at::Tensor velocity_BCTHW) {
  const double guidance = source_.manifest().guidance;
  const at::NoGradGuard no_grad;
  if (!velocity_BCTHW.defined()) velocity_BCTHW = mover(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
  if (guidance == 1.0 && std::none_of(last_dropped_.begin(), last_dropped_.end(), [](bool drop) { return drop; })) {
    advance(velocity_BCTHW);
    return;
  }
  // Sampling takes both branches: the matched one is there, the other is evaluated.
  const std::vector<int64_t> flags(last_dropped_.begin(), last_dropped_.end());
  const at::Tensor is_dropped = at::tensor(flags, at::TensorOptions(at::kLong)).to(at::kBool).to(device_);
  const at::Tensor by_text = is_dropped.reshape({-1, 1, 1});
  const at::Tensor other_text = at::where(by_text, conditional_text_BSD(), unconditional_text_BSD());
  const at::Tensor other = mover(batch.x_BCTHW, batch.timestep_B, other_text);
  const at::Tensor by_latent = is_dropped.reshape({-1, 1, 1, 1, 1});
  const at::Tensor cond = at::where(by_latent, other, velocity_BCTHW);
  const at::Tensor uncond = at::where(by_latent, velocity_BCTHW, other);
  advance(diffusion::guide(cond, uncond, guidance));
}

at::Tensor RolloutPool::conditional_text_BSD() const {
  std::vector<at::Tensor> text;
  for (const int64_t member : last_) text.push_back(source_.text(trajectory_P_.const_data_ptr<int64_t>()[member]));
  return stack_to_device(text, device_);
}

at::Tensor RolloutPool::unconditional_text_BSD() const {
  return stack_to_device(std::vector<at::Tensor>(last_.size(), source_.unconditional_text()), device_);
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
