#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include "lintorch/models/judge/config.h"

namespace lintorch::judge {

/// What the judge says about a batch of clips; fp32.
struct JudgeOutput {
  at::Tensor class_logits;      ///< [B, 10], one yes/no question per garment class: is it in the clip?
  at::Tensor direction_logits;  ///< [B, 10, 8], direction of the object of a class, given that it is in the clip
  at::Tensor features;          ///< [B, feature_dim], for distances between sets of clips
};

/// A small 3-D convolutional network that recognises which garments a clip shows and where each of them moves.
///
/// Five convolutions with GroupNorm and SiLU give one feature vector per position (8 x 8 pixels, 4 frames). Every
/// position votes for each class (m) and for a direction (d); with the softmax over positions:
///
///   class logit_c = log mean_p exp(m_cp) + b_c,   direction logit_c = sum_p softmax_p(m_cp) d_cp
///
/// Also keeps mean and covariance of its features over real test clips (buffers), the reference of the Frechet distance.
class JudgeImpl : public torch::nn::Module {
 public:
  /// Random weights from LibTorch's default generator. Throws ConfigError for an invalid config.
  explicit JudgeImpl(JudgeConfig config);

  /// video_BCFHW: RGB in [-1,1], [B, 3, F, H, W], at least 8 x 8 pixels.
  JudgeOutput forward(const at::Tensor& video_BCFHW);

  const JudgeConfig& config() const { return config_; }
  void set_accuracy(double class_accuracy, double direction_accuracy);

  at::Tensor real_feature_mean;        ///< [feature_dim], fp64
  at::Tensor real_feature_covariance;  ///< [feature_dim, feature_dim], fp64

 private:
  JudgeConfig config_;
  torch::nn::ModuleList convolutions_, norms_;
  torch::nn::Conv3d class_head_{nullptr}, direction_head_{nullptr};
  at::Tensor class_bias_;
};
TORCH_MODULE(Judge);

}  // namespace lintorch::judge
