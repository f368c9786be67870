#include "lintorch/models/judge/judge.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lintorch/models/judge/motion_prompt.h"

namespace lintorch::judge {
namespace {

constexpr int64_t kNormGroups = 8;
constexpr size_t kNumConvolutions = 5;

using Triple = std::array<int64_t, 3>;  // frames, height, width
constexpr std::array<Triple, kNumConvolutions> kKernels = {
    {{1, 5, 5}, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}}};
// Three halvings in space, two in time; the last position sees all 17 frames.
constexpr std::array<Triple, kNumConvolutions> kStrides = {
    {{1, 2, 2}, {2, 2, 2}, {1, 2, 2}, {2, 1, 1}, {1, 1, 1}}};

torch::ExpandingArray<3> expand(const Triple& t) { return torch::ExpandingArray<3>({t[0], t[1], t[2]}); }

}  // namespace

void JudgeConfig::validate(const std::string& path) const {
  LT_CHECK(channels.size() == kNumConvolutions, ConfigError, "{}.channels: expected {} numbers, got {}", path,
           kNumConvolutions, channels.size());
  for (const int64_t width : channels)
    LT_CHECK(width > 0 && width % kNormGroups == 0, ConfigError, "{}.channels: expected positive multiples of {}, got {}",
             path, kNormGroups, width);
}

JudgeImpl::JudgeImpl(JudgeConfig config) : config_(std::move(config)) {
  config_.validate("judge");
  convolutions_ = register_module("convolutions", torch::nn::ModuleList());
  norms_ = register_module("norms", torch::nn::ModuleList());
  int64_t width = 3;
  for (size_t i = 0; i < kNumConvolutions; ++i) {
    const Triple& kernel = kKernels[i];
    const Triple padding = {kernel[0] / 2, kernel[1] / 2, kernel[2] / 2};
    convolutions_->push_back(torch::nn::Conv3d(
        torch::nn::Conv3dOptions(width, config_.channels[i], expand(kernel)).stride(expand(kStrides[i])).padding(
            expand(padding))));
    norms_->push_back(torch::nn::GroupNorm(kNormGroups, config_.channels[i]));
    width = config_.channels[i];
  }
  class_head_ = register_module("class_head", torch::nn::Conv3d(torch::nn::Conv3dOptions(width, kNumClasses, 1)));
  direction_head_ =
      register_module("direction_head", torch::nn::Conv3d(torch::nn::Conv3dOptions(width, kNumClasses * kNumDirections, 1)));
  class_bias_ = register_parameter("class_bias", at::zeros({kNumClasses}));
  real_feature_mean = register_buffer("real_feature_mean", at::zeros({width}, at::kDouble));
  real_feature_covariance = register_buffer("real_feature_covariance", at::eye(width, at::kDouble));
}

void JudgeImpl::set_accuracy(double class_accuracy, double direction_accuracy) {
  config_.class_accuracy = class_accuracy;
  config_.direction_accuracy = direction_accuracy;
}

JudgeOutput JudgeImpl::forward(const at::Tensor& video_BCFHW) {
  LT_CHECK(video_BCFHW.dim() == 5 && video_BCFHW.size(1) == 3 && video_BCFHW.size(3) >= 8 && video_BCFHW.size(4) >= 8, Error,
           "[Judge] expected a video [B, 3, F, H, W] of at least 8 x 8 pixels, got {} dimensions", video_BCFHW.dim());
  at::Tensor x = video_BCFHW.to(class_head_->weight.dtype());
  for (size_t i = 0; i < kNumConvolutions; ++i) {
    x = convolutions_[i]->as<torch::nn::Conv3dImpl>()->forward(x);
    x = at::silu(norms_[i]->as<torch::nn::GroupNormImpl>()->forward(x));
  }
  const int64_t batch = x.size(0);
  const at::Tensor votes = class_head_->forward(x).to(at::kFloat).flatten(2);  // [B, 10, P]
  const at::Tensor directions =
      direction_head_->forward(x).to(at::kFloat).reshape({batch, kNumClasses, kNumDirections, votes.size(2)});
  JudgeOutput output;
  output.class_logits = votes.logsumexp(2) - std::log(static_cast<double>(votes.size(2))) + class_bias_;
  output.direction_logits = (directions * votes.softmax(2).unsqueeze(2)).sum(3);
  output.features = x.to(at::kFloat).flatten(2).mean(2);
  return output;
}

}  // namespace lintorch::judge
