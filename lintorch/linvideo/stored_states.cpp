#include "lintorch/linvideo/stored_states.h"

#include <ATen/Functions.h>

#include <algorithm>

namespace lintorch::linvideo {

std::vector<StateIndex> draw_states(const TrajectoryManifest& manifest, int64_t num_trajectories, int64_t batch_size,
                                    double prompt_drop, at::Generator& generator) {
  const at::TensorOptions integer(at::kLong);
  const at::Tensor trajectory = at::randint(num_trajectories, {batch_size}, generator, integer);
  const at::Tensor step = at::randint(manifest.steps, {batch_size}, generator, integer);
  const at::Tensor uniform = at::rand({batch_size}, generator, at::TensorOptions(at::kDouble));
  std::vector<StateIndex> indices(batch_size);
  for (int64_t b = 0; b < batch_size; ++b)
    indices[b] = {trajectory.const_data_ptr<int64_t>()[b], step.const_data_ptr<int64_t>()[b],
                  uniform.const_data_ptr<double>()[b] < prompt_drop};
  return indices;
}

std::vector<StateIndex> spread_states(const TrajectoryManifest& manifest, int64_t first, int64_t end, int64_t count) {
  std::vector<StateIndex> indices(count);
  for (int64_t i = 0; i < count; ++i)
    indices[i] = {first + i % (end - first), (2 * i + 1) * manifest.steps / (2 * count), false};
  return indices;
}

namespace {

at::Tensor stack_on_host(const std::vector<at::Tensor>& samples, bool pinned) {
  if (!pinned) return at::stack(samples);
  std::vector<int64_t> shape = samples.front().sizes().vec();
  shape.insert(shape.begin(), static_cast<int64_t>(samples.size()));
  at::Tensor stacked = at::empty(shape, at::TensorOptions(samples.front().scalar_type()).pinned_memory(true));
  return at::stack_out(stacked, samples);
}

}  // namespace

StateBatch read_states(const TrajectorySource& store, const std::vector<StateIndex>& indices, bool pinned) {
  const TrajectoryManifest& manifest = store.manifest();
  std::vector<at::Tensor> x, text, velocity;
  std::vector<double> t, next_t, timestep;
  bool all_stored = true;
  for (const auto& [trajectory, step, dropped] : indices) {
    x.push_back(store.state(trajectory, step));
    text.push_back(dropped ? store.unconditional_text() : store.text(trajectory));
    t.push_back(manifest.sigmas[step]);
    next_t.push_back(manifest.sigmas[step + 1]);
    timestep.push_back(manifest.timesteps[step]);
    if (!manifest.has_velocities()) {
      all_stored = false;
    } else if (!dropped) {
      velocity.push_back(store.conditional_velocity(trajectory, step));
    } else if (manifest.has_unconditional()) {
      velocity.push_back(store.unconditional_velocity(trajectory, step));
    } else {
      all_stored = false;
    }
  }
  StateBatch batch;
  batch.x_BCTHW = stack_on_host(x, pinned);
  batch.t_B = times_to_device(t, at::kCPU);
  batch.next_t_B = times_to_device(next_t, at::kCPU);
  batch.timestep_B = times_to_device(timestep, at::kCPU);
  batch.text_BSD = stack_on_host(text, pinned);
  if (all_stored) batch.velocity_BCTHW = stack_on_host(velocity, pinned);
  return batch;
}

StateBatch to_device(const StateBatch& batch, c10::Device device) {
  const auto move = [&](const at::Tensor& tensor) {
    return tensor.defined()
               ? tensor.to(device, tensor.scalar_type(), /*non_blocking=*/tensor.is_pinned()).to(at::kFloat)
               : tensor;
  };
  return {move(batch.x_BCTHW),    move(batch.t_B),      move(batch.next_t_B),
          move(batch.timestep_B), move(batch.text_BSD), move(batch.velocity_BCTHW)};
}

StateBatch load_states(const TrajectorySource& store, const std::vector<StateIndex>& indices, c10::Device device) {
  return to_device(read_states(store, indices, /*pinned=*/false), device);
}

}  // namespace lintorch::linvideo
