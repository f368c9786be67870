#pragma once

#include <torch/nn/functional/activation.h>

#include <unistd.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "lintorch/core/files.h"
#include "lintorch/core/rng.h"
#include "lintorch/train/trainer.h"

namespace lintorch::train {

/// A folder that disappears with the object.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lintorch-train-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// Regression of a fixed function by a two-layer network, plus a scalar gate in a group of its own.
class TinyUnit : public TrainUnit {
 public:
  explicit TinyUnit(int64_t batch = 8) : batch_(batch) {
    auto generator = make_generator(11);
    w1 = at::randn({6, 5}, generator).mul_(0.4).requires_grad_();
    w2 = at::randn({5}, generator).mul_(0.4).requires_grad_();
    gate = at::full({}, 0.9f).requires_grad_();
  }

  std::string name() const override { return "tiny"; }

  std::vector<ParameterGroup> parameter_groups() override {
    ParameterGroup weights{.name = "weights", .parameters = {{"w1", w1}, {"w2", w2}}};
    ParameterGroup gates{.name = "gates", .parameters = {{"gate", gate}}};
    gates.lr = 0.3;
    gates.weight_decay = 0.0;
    gates.constant_lr = true;
    gates.min_value = 0.0;
    gates.max_value = 1.0;
    return {weights, gates};
  }

  at::Tensor training_loss(int64_t step, int64_t micro_step, MetricBag& metrics) override {
    // One batch of rows a step, split over the micro-steps.
    auto generator = make_generator(mix_seed(3, static_cast<uint64_t>(rollbacks), static_cast<uint64_t>(step)));
    const auto all = at::randn({16, 6}, generator);
    const auto x = all.narrow(0, micro_step * batch_, batch_);
    const auto noise = 1e-3 * at::randn({batch_}).mean();  // the default generator: must not break resuming
    const auto y = at::matmul(at::tanh(at::matmul(x, w1)), w2) * gate;
    auto loss = (y - x.sum(1).sin()).square().mean() + (use_noise ? noise * w2.sum() : at::zeros({}));
    if (step == nan_step && rollbacks < healthy_after) loss = loss * std::numeric_limits<float>::quiet_NaN();
    if (step == spike_step && rollbacks < healthy_after) loss = loss * 1e3;
    metrics.add("error", loss);
    return loss;
  }

  bool group_steps(const std::string& group, int64_t step) const override {
    return group != "gates" || step % gate_every == 0;
  }

  void reseed(int64_t count) override { rollbacks = count; }

  void after_step(int64_t step, MetricBag&) override {
    ++steps_done;
    if (on_step) on_step(step);
  }

  TensorMap extra_state() override { return {{"steps_done", at::scalar_tensor(steps_done, at::kLong)}}; }
  void load_extra_state(const TensorMap& state) override { steps_done = state.at("steps_done").item<int64_t>(); }
  Json identity() const override { return {{"batch", batch_}}; }

  void preview(int64_t step, const std::filesystem::path& folder) override {
    preview_w1 = w1.detach().clone();
    write_file_atomic(folder / "preview.txt", std::to_string(step));
  }

  at::Tensor w1, w2, gate, preview_w1;
  int64_t nan_step = -1, spike_step = -1;
  int64_t healthy_after = 1000;  ///< roll-backs after which neither comes again
  int64_t rollbacks = 0;
  int64_t gate_every = 1;
  int64_t steps_done = 0;
  bool use_noise = true;
  std::function<void(int64_t)> on_step;

 private:
  int64_t batch_;
};

inline TrainerConfig tiny_config(int64_t steps) {
  TrainerConfig config;
  config.steps = steps;
  config.lr = 0.01;
  config.warmup_steps = 2;
  config.lr_schedule = LrScheduleKind::kCosine;
  config.ema_decay = 0.9;
  config.clip_norm = 0.5;
  config.log_every = 1;
  config.save_every = 4;
  config.keep_last = 2;
  return config;
}

/// Whether two units hold the same bits.
inline bool same_weights(const TinyUnit& a, const TinyUnit& b) {
  return a.w1.equal(b.w1) && a.w2.equal(b.w2) && a.gate.equal(b.gate) && a.steps_done == b.steps_done;
}

inline bool same_tensors(const TensorMap& a, const TensorMap& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a)
    if (!b.contains(name) || !tensor.equal(b.at(name))) return false;
  return true;
}

}  // namespace lintorch::train
