#pragma once

#include <memory>

#include "lintorch/core/prefetcher.h"
#include "lintorch/models/wan/vae.h"
#include "lintorch/pretrain/config.h"
#include "lintorch/train/train_unit.h"

namespace lintorch::pretrain {

/// Trains the video autoencoder on Moving Fashion clips:
///
///   loss = l1 mean|x' - x| + l2 mean(x' - x)^2 + kl mean KL(N(mu, sigma^2) || N(0, 1)),   x' = decode(mu + sigma eps)
class VaeUnit : public train::TrainUnit {
 public:
  VaeUnit(const VaeStageConfig& config, std::shared_ptr<const MovingFashion> clips, wan::WanVae vae,
          c10::Device device);

  std::string name() const override { return "vae"; }
  std::vector<train::ParameterGroup> parameter_groups() override;
  at::Tensor training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) override;

  /// Takes mean and standard deviation of every latent channel over training clips and sets them in the VAE's config.
  void estimate_latent_statistics();
  /// Mean PSNR in dB over test clips (peak to peak 2), decoded from the latent's mean.
  double test_psnr();

 private:
  struct Batch {
    at::Tensor video_BCFHW, noise_BCTHW;
  };
  Batch draw(int64_t index) const;

  VaeStageConfig config_;
  std::shared_ptr<const MovingFashion> clips_;
  wan::WanVae vae_;
  c10::Device device_;
  Prefetcher<Batch> batches_;
};

}  // namespace lintorch::pretrain
