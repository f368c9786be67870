#include "lintorch/models/wan/vae.h"

#include <algorithm>

#include "lintorch/core/error.h"

namespace lintorch::wan {
namespace {

constexpr int64_t kPixelChannels = 3;

/// "13 or 17", the valid sizes around `size`: offset + k * factor with k >= (offset ? 0 : 1).
std::string nearest_sizes(int64_t size, int64_t factor, int64_t offset) {
  const int64_t smallest = offset > 0 ? offset : factor;
  const int64_t below = std::max(smallest, (size - offset) / factor * factor + offset);
  if (size <= smallest) return std::to_string(smallest);
  return std::to_string(below) + " or " + std::to_string(below + factor);
}

/// Runs `block` over the chunks of x: its first frame, then frames_per_chunk frames at a time.
at::Tensor run_chunks(VaeBlockImpl& block, const at::Tensor& x_BCTHW, int64_t frames_per_chunk) {
  StreamCache cache;
  std::vector<at::Tensor> outputs;
  for (int64_t begin = 0; begin < x_BCTHW.size(2);) {
    const int64_t count = begin == 0 ? 1 : frames_per_chunk;
    outputs.push_back(block.forward(x_BCTHW.narrow(2, begin, count), &cache));
    cache.next_chunk();
    begin += count;
  }
  return at::cat(outputs, 2);
}

}  // namespace

WanVaeImpl::WanVaeImpl(const WanVaeConfig& config) : config_(config) {
  config_.validate("vae");
  encoder_ = register_module("encoder", WanEncoder(config_));
  quant_conv_ = register_module("quant_conv", CausalConv3d(2 * config_.z_dim, 2 * config_.z_dim, 1));
  post_quant_conv_ = register_module("post_quant_conv", CausalConv3d(config_.z_dim, config_.z_dim, 1));
  decoder_ = register_module("decoder", WanDecoder(config_));
}

at::Tensor WanVaeImpl::encode_moments(const at::Tensor& video_BCFHW, ClipMode mode) {
  check_video(video_BCFHW);
  const at::Tensor input = video_BCFHW.to(quant_conv_->dtype());
  const bool streaming = streams(mode, video_BCFHW.numel() / kPixelChannels);
  const at::Tensor features =
      streaming ? run_chunks(*encoder_, input, temporal_factor()) : encoder_->forward(input, nullptr);
  return quant_conv_->forward(features, nullptr).to(video_BCFHW.scalar_type()).contiguous();
}

at::Tensor WanVaeImpl::encode(const at::Tensor& video_BCFHW, ClipMode mode) {
  return normalize(encode_moments(video_BCFHW, mode).narrow(1, 0, config_.z_dim));
}

at::Tensor WanVaeImpl::decode_raw(const at::Tensor& z_BCTHW, ClipMode mode) {
  check_latent(z_BCTHW);
  const at::Tensor input = post_quant_conv_->forward(z_BCTHW.to(quant_conv_->dtype()), nullptr);
  const int64_t num_positions =
      z_BCTHW.numel() / config_.z_dim * temporal_factor() * spatial_factor() * spatial_factor();
  const bool streaming = streams(mode, num_positions);
  const at::Tensor video = streaming ? run_chunks(*decoder_, input, 1) : decoder_->forward(input, nullptr);
  return video.to(z_BCTHW.scalar_type()).contiguous();
}

at::Tensor WanVaeImpl::decode(const at::Tensor& latent_BCTHW, ClipMode mode) {
  check_latent(latent_BCTHW);
  return decode_raw(denormalize(latent_BCTHW), mode).clamp(-1, 1);
}

at::Tensor WanVaeImpl::normalize(const at::Tensor& z_BCTHW) {
  check_latent(z_BCTHW);
  return (z_BCTHW - statistics(config_.latents_mean, z_BCTHW)) / statistics(config_.latents_std, z_BCTHW);
}

at::Tensor WanVaeImpl::denormalize(const at::Tensor& latent_BCTHW) {
  check_latent(latent_BCTHW);
  return latent_BCTHW * statistics(config_.latents_std, latent_BCTHW) + statistics(config_.latents_mean, latent_BCTHW);
}

void WanVaeImpl::set_latent_statistics(const std::vector<double>& mean, const std::vector<double>& std) {
  WanVaeConfig config = config_;
  config.latents_mean = mean;
  config.latents_std = std;
  config.validate("set_latent_statistics");
  config_ = config;
}

bool WanVaeImpl::streams(ClipMode mode, int64_t num_positions) const {
  if (mode != ClipMode::kAuto) return mode == ClipMode::kStreaming;
  return !at::GradMode::is_enabled() && num_positions * config_.base_dim > kWholeClipValues;
}

at::Tensor WanVaeImpl::statistics(const std::vector<double>& values, const at::Tensor& like) const {
  return at::tensor(values, like.options()).view({1, config_.z_dim, 1, 1, 1});
}

void WanVaeImpl::check_video(const at::Tensor& video_BCFHW) const {
  LT_CHECK(video_BCFHW.dim() == 5 && video_BCFHW.size(1) == kPixelChannels && video_BCFHW.size(0) > 0, Error,
           "[WanVae::encode] expected a video [B, 3, F, H, W], got {}", fmt::join(video_BCFHW.sizes(), " x "));
  const int64_t num_frames = video_BCFHW.size(2);
  LT_CHECK(num_frames % temporal_factor() == 1 % temporal_factor() && num_frames > 0, Error,
           "[WanVae::encode] expected 1 + {} k frames, got {}: use {}", temporal_factor(), num_frames,
           nearest_sizes(num_frames, temporal_factor(), 1));
  for (const auto& [name, size] : {std::pair{"height", video_BCFHW.size(3)}, std::pair{"width", video_BCFHW.size(4)}})
    LT_CHECK(size > 0 && size % spatial_factor() == 0, Error,
             "[WanVae::encode] expected a {} divisible by {}, got {}: use {}", name, spatial_factor(), size,
             nearest_sizes(size, spatial_factor(), 0));
}

void WanVaeImpl::check_latent(const at::Tensor& latent_BCTHW) const {
  LT_CHECK(latent_BCTHW.dim() == 5 && latent_BCTHW.size(1) == config_.z_dim && latent_BCTHW.numel() > 0, Error,
           "[WanVae::decode] expected a latent [B, {}, T, h, w], got {}", config_.z_dim,
           fmt::join(latent_BCTHW.sizes(), " x "));
}

}  // namespace lintorch::wan
