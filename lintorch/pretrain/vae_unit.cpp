#include "lintorch/pretrain/vae_unit.h"

#include <cmath>

#include "lintorch/core/rng.h"
#include "lintorch/pretrain/unit_support.h"

namespace lintorch::pretrain {

constexpr uint64_t kNoiseStream = 0x766165;  // "vae"
constexpr double kMinLogVariance = -30, kMaxLogVariance = 20;
constexpr double kMinLatentStd = 1e-3;  // a channel that the VAE does not use must not be blown up

VaeUnit::VaeUnit(const VaeStageConfig& config, std::shared_ptr<const MovingFashion> clips, wan::WanVae vae,
                 c10::Device device)
    : config_(config), clips_(std::move(clips)), vae_(std::move(vae)), device_(device), batches_([this](int64_t index) {
        return draw(index);
      }) {}

std::vector<train::ParameterGroup> VaeUnit::parameter_groups() {
  return {{.name = "vae", .parameters = named_parameters(*vae_, "")}};
}

VaeUnit::Batch VaeUnit::draw(int64_t index) const {
  const auto& data = clips_->config();
  const int64_t space = vae_->spatial_factor(), time = vae_->temporal_factor();
  auto generator = make_generator(mix_seed(static_cast<uint64_t>(config_.train.seed), kNoiseStream, index));
  return {
      stage_for(clips_->make_batch(Split::kTrain, index * config_.batch_size, config_.batch_size).video_BCFHW, device_),
      stage_for(at::randn({config_.batch_size, vae_->config().z_dim, 1 + (data.frames - 1) / time, data.height / space,
                           data.width / space},
                          generator),
                device_)};
}

at::Tensor VaeUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  const Batch batch = batches_.get(step * config_.train.accumulate + micro_step);
  const at::Tensor video_BCFHW = send(batch.video_BCFHW, device_);
  const auto moments = vae_->encode_moments(video_BCFHW, wan::ClipMode::kWholeClip).to(at::kFloat).chunk(2, 1);
  const at::Tensor log_variance = moments[1].clamp(kMinLogVariance, kMaxLogVariance);
  const at::Tensor z_BCTHW = moments[0] + (0.5 * log_variance).exp() * send(batch.noise_BCTHW, device_);
  const at::Tensor error = vae_->decode_raw(z_BCTHW, wan::ClipMode::kWholeClip).to(at::kFloat) - video_BCFHW;
  const at::Tensor l1 = error.abs().mean(), l2 = error.square().mean();
  const at::Tensor kl = 0.5 * (moments[0].square() + log_variance.exp() - 1 - log_variance).mean();
  metrics.add("l1", l1.detach());
  metrics.add("l2", l2.detach());
  metrics.add("kl", kl.detach());
  return config_.l1_weight * l1 + config_.l2_weight * l2 + config_.kl_weight * kl;
}

void VaeUnit::estimate_latent_statistics() {
  const at::NoGradGuard no_grad;
  at::Tensor sum, square_sum;
  int64_t count = 0;
  for (int64_t first = 0; first < config_.statistics_clips; first += config_.batch_size) {
    const int64_t size = std::min(config_.batch_size, config_.statistics_clips - first);
    const auto video = clips_->make_batch(Split::kTrain, first, size).video_BCFHW.to(device_);
    const at::Tensor mean = vae_->encode_moments(video).chunk(2, 1)[0].to(at::kDouble);
    const auto batch_sum = mean.sum({0, 2, 3, 4}), batch_square_sum = mean.square().sum({0, 2, 3, 4});
    sum = first == 0 ? batch_sum : sum + batch_sum;
    square_sum = first == 0 ? batch_square_sum : square_sum + batch_square_sum;
    count += mean.numel() / mean.size(1);
  }
  const at::Tensor mean = (sum / static_cast<double>(count)).cpu();
  const at::Tensor std =
      (square_sum.cpu() / static_cast<double>(count) - mean.square()).clamp_min(0).sqrt().clamp_min(kMinLatentStd);
  const auto values = [](const at::Tensor& t) {
    return std::vector<double>(t.data_ptr<double>(), t.data_ptr<double>() + t.numel());
  };
  vae_->set_latent_statistics(values(mean), values(std));
}

double VaeUnit::test_psnr() {
  const at::NoGradGuard no_grad;
  double total = 0;
  for (int64_t first = 0; first < config_.test_clips; first += config_.batch_size) {
    const int64_t size = std::min(config_.batch_size, config_.test_clips - first);
    const auto video = clips_->make_batch(Split::kTest, first, size).video_BCFHW.to(device_);
    const auto error = (vae_->decode(vae_->encode(video)) - video).square().flatten(1).mean(1);
    total += (10 * (4 / error.clamp_min(1e-10)).log10()).sum().item<double>();
  }
  return total / static_cast<double>(config_.test_clips);
}

}  // namespace lintorch::pretrain
