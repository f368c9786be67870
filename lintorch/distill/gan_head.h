#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <map>
#include <vector>

#include "lintorch/models/wan/dit.h"

namespace lintorch::distill {

/// A discriminator on the features of another network: for each chosen block, LayerNorm (without weights), a linear layer
/// to the same width, SiLU and a linear layer to one number, for every token; the logit of a sample is the mean over its
/// tokens and blocks. Parameters "<block>.hidden.*" and "<block>.logit.*"; the last layer starts at zero (undecided).
///
/// Source: DMD2 (arXiv:2405.14867) Sec. 4.3: the discriminator reads the fake score network's features.
class GanHeadImpl : public torch::nn::Module {
 public:
  /// layers: blocks of the network, counted from 0; empty = the middle and the last. Initial values from `seed`. Throws
  /// ConfigError for a block that the network lacks.
  GanHeadImpl(const wan::WanDitConfig& network, std::vector<int64_t> layers, uint64_t seed);

  /// The network's velocity and the logit of every sample, in one forward of the network.
  struct Result {
    at::Tensor velocity_BCTHW;
    at::Tensor logit_B;
  };
  Result forward(wan::WanDit& network, const at::Tensor& x_BCTHW, const at::Tensor& timestep_B,
                 const at::Tensor& text_BSD);

 private:
  at::Tensor logit(int64_t layer, const at::Tensor& x_BLD);

  struct Head {
    torch::nn::Linear hidden{nullptr}, logit{nullptr};
  };
  std::map<int64_t, Head> heads_;
};
TORCH_MODULE(GanHead);

/// Non-saturating losses: softplus(-D(real)) + softplus(D(fake)) of the discriminator, softplus(-D(fake)) of the
/// generator; means over the samples.
at::Tensor discriminator_loss(const at::Tensor& real_logit_B, const at::Tensor& fake_logit_B);
at::Tensor adversarial_loss(const at::Tensor& fake_logit_B);

}  // namespace lintorch::distill
