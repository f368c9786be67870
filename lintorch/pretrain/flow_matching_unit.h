#pragma once

#include "lintorch/core/prefetcher.h"
#include "lintorch/models/umt5/encoder.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/pretrain/config.h"
#include "lintorch/pretrain/latent_pool.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::pretrain {

/// Trains transformer and text encoder together by flow matching on a pool of latents:
///
///   x_t = (1 - t) x_0 + t eps,   loss = mean (v(x_t, 1000 t, text) - (eps - x_0))^2
///
/// t is uniform or logit-normal, then shifted. A prompt is emptied now and then, for classifier-free guidance.
/// Source: Flow Matching (arXiv:2210.02747); logit-normal times: SD3 (arXiv:2403.03206) Sec. 3.1.
class FlowMatchingUnit : public train::TrainUnit {
 public:
  /// The modules are on the device of the pool.
  FlowMatchingUnit(const DitStageConfig& config, LatentPool pool, wan::WanDit dit, umt5::Umt5Encoder text_encoder);

  std::string name() const override { return "dit"; }
  std::vector<train::ParameterGroup> parameter_groups() override;
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;

 private:
  struct Batch {
    at::Tensor clip_B;      // int64, numbers in the pool
    at::Tensor t_B;         // flow times
    at::Tensor dropped_B1;  // bool: empty prompt
    at::Tensor noise_BCTHW;
  };
  Batch draw(int64_t index) const;

  DitStageConfig config_;
  LatentPool pool_;
  wan::WanDit dit_;
  umt5::Umt5Encoder text_encoder_;
  c10::Device device_;
  Prefetcher<Batch> batches_;
};

}  // namespace lintorch::pretrain
