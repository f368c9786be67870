#include "lintorch/distill/regression_unit.h"

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/distill/export.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/state_batch.h"

namespace lintorch::distill {

using namespace linvideo;

namespace {

constexpr uint64_t kRegressionStream = 0x7267;
constexpr double kNear = 0.05;

int64_t nearest_step(const TrajectoryManifest& manifest, double time, const std::string& folder) {
  int64_t nearest = 0;
  for (int64_t i = 1; i < manifest.steps; ++i)
    if (std::abs(manifest.sigmas[i] - time) < std::abs(manifest.sigmas[nearest] - time)) nearest = i;
  LT_CHECK(std::abs(manifest.sigmas[nearest] - time) < kNear, ConfigError,
           "distill.trajectories: {} has no state within {} of time {:.3f} of distill.steps, the nearest is at {:.3f}: "
           "collect with more steps",
           folder, kNear, time, manifest.sigmas[nearest]);
  return nearest;
}

}  // namespace

RegressionUnit::RegressionUnit(pipeline::VideoModel& teacher, DistillConfig config) : run_(teacher, std::move(config)) {
  reseed(0);
  pipeline::release_text_encoder(teacher);
  for (const double time : run_.times)
    stored_steps_.push_back(nearest_step(run_.trajectories->manifest(), time, run_.config.trajectories));
}

void RegressionUnit::reseed(int64_t rollbacks) {
  data_seed_ = mix_seed(static_cast<uint64_t>(run_.config.seed), kRegressionStream, static_cast<uint64_t>(rollbacks));
}

at::Tensor RegressionUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  auto random = make_generator(mix_seed(data_seed_, static_cast<uint64_t>(step), static_cast<uint64_t>(micro_step)));
  const TrajectoryStore& store = *run_.trajectories;
  const int64_t B = run_.config.batch_size;
  const auto trajectories = random_indices(store.num_trajectories(), B, random);
  const auto places = random_indices(static_cast<int64_t>(stored_steps_.size()), B, random);
  std::vector<at::Tensor> x, x0, text;
  std::vector<double> times, timesteps;
  for (int64_t b = 0; b < B; ++b) {
    const int64_t stored = stored_steps_[places[b]];
    x.push_back(store.state(trajectories[b], stored));
    x0.push_back(store.state(trajectories[b], store.num_steps()));
    text.push_back(store.text(trajectories[b]));
    times.push_back(store.manifest().sigmas[stored]);
    timesteps.push_back(store.manifest().timesteps[stored]);
  }
  const at::Tensor x_BCTHW = stack_to_device(x, run_.device);
  const at::Tensor velocity =
      run_.generator.dit->forward(x_BCTHW, times_to_device(timesteps, run_.device), stack_to_device(text, run_.device));
  const at::Tensor t_B = times_to_device(times, run_.device);
  const at::Tensor loss =
      mse_objective(x_BCTHW - per_sample(t_B, x_BCTHW) * velocity, stack_to_device(x0, run_.device));
  metrics.add("loss/regression", loss.detach());
  return loss;
}

void RegressionUnit::load_extra_state(const TensorMap& state) { distill_record_from_tensors(state); }

Json RegressionUnit::identity() const {
  Json identity = run_.identity();
  identity["trajectories"] = trajectories_identity(run_.trajectories->manifest());
  return identity;
}

}  // namespace lintorch::distill
