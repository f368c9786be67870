#include "lintorch/pretrain/flow_matching_unit.h"

#include <ATen/Parallel.h>

#include "lintorch/core/rng.h"
#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/models/umt5/encode_text.h"
#include "lintorch/pretrain/unit_support.h"

namespace lintorch::pretrain {

constexpr uint64_t kBatchStream = 0x666d31, kNoiseStream = 0x666d32;

FlowMatchingUnit::FlowMatchingUnit(const DitStageConfig& config, LatentPool pool, wan::WanDit dit,
                                   umt5::Umt5Encoder text_encoder)
    : config_(config),
      pool_(std::move(pool)),
      dit_(std::move(dit)),
      text_encoder_(std::move(text_encoder)),
      device_(pool_.latents_PCTHW.device()),
      batches_([this](int64_t index) { return draw(index); }) {}

std::vector<train::ParameterGroup> FlowMatchingUnit::parameter_groups() {
  return {{.name = "transformer", .parameters = named_parameters(*dit_, "transformer.")},
          {.name = "text_encoder", .parameters = named_parameters(*text_encoder_, "text_encoder.")}};
}

FlowMatchingUnit::Batch FlowMatchingUnit::draw(int64_t index) const {
  const int64_t size = config_.batch_size;
  const auto seed = static_cast<uint64_t>(config_.train.seed);
  auto generator = make_generator(mix_seed(seed, kBatchStream, static_cast<uint64_t>(index)));
  const at::Tensor clip_B = at::randint(pool_.size(), {size}, generator, at::kLong);
  const at::Tensor t_B = config_.time_sampling == TimeSampling::kUniform ? at::rand({size}, generator)
                                                                         : at::randn({size}, generator).sigmoid();
  const at::Tensor dropped_B1 = at::rand({size, 1}, generator) < config_.prompt_dropout;
  auto shape = pool_.latents_PCTHW.sizes().vec();
  shape[0] = size;
  const at::Tensor noise_BCTHW = at::empty(shape, at::kFloat);
  // One generator per sample: drawn in parallel, and the noise of a sample does not depend on the number of threads.
  at::parallel_for(0, size, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      auto own = make_generator(mix_seed(seed, kNoiseStream, static_cast<uint64_t>(index * size + i)));
      noise_BCTHW[i].normal_(0, 1, own);
    }
  });
  const auto stage = [&](const at::Tensor& t) { return stage_for(t, device_); };
  return {stage(clip_B), stage(diffusion::shift_time(t_B, config_.flow_shift)), stage(dropped_B1), stage(noise_BCTHW)};
}

at::Tensor FlowMatchingUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  const Batch batch = batches_.get(step * config_.train.accumulate + micro_step);
  const at::Tensor clip_B = send(batch.clip_B, device_), t_B = send(batch.t_B, device_);
  const at::Tensor dropped_B1 = send(batch.dropped_B1, device_), noise_BCTHW = send(batch.noise_BCTHW, device_);
  const at::Tensor x0_BCTHW = pool_.latents_PCTHW.index_select(0, clip_B).to(at::kFloat);
  const umt5::TokenBatch tokens = {at::where(dropped_B1, pool_.empty_ids_1S, pool_.ids_PS.index_select(0, clip_B)),
                                   at::where(dropped_B1, pool_.empty_mask_1S, pool_.mask_PS.index_select(0, clip_B))};
  const at::Tensor text_BSD = umt5::encode_text(text_encoder_, tokens);
  const at::Tensor x_t = diffusion::add_noise(x0_BCTHW, noise_BCTHW, t_B);
  const at::Tensor velocity = dit_->forward(x_t, 1000.0 * t_B, text_BSD);
  return (velocity - diffusion::velocity_target(x0_BCTHW, noise_BCTHW)).square().mean();
}

}  // namespace lintorch::pretrain
