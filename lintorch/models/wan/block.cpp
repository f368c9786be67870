#include "lintorch/models/wan/block.h"

#include <ATen/ops/randn.h>

#include <cmath>

#include "lintorch/layers/precision.h"
#include "lintorch/ops/residual_layer_norm.h"

namespace lintorch::wan {
namespace {

std::shared_ptr<torch::nn::Module> container() { return std::make_shared<torch::nn::Module>(); }

}  // namespace

WanBlockImpl::WanBlockImpl(const WanDitConfig& config, AttentionKind kind) : eps_(config.eps) {
  const int64_t D = config.width();
  attn1 = register_module("attn1", WanSelfAttention(config, kind));
  attn2 = register_module("attn2", WanCrossAttention(config));
  if (config.cross_attn_norm)
    norm2 = register_module("norm2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({D}).eps(config.eps)));
  // Diffusers: ffn.net = [activation with projection "proj", dropout, Linear].
  const auto net = register_module("ffn", container())->register_module("net", container());
  ffn_in = net->register_module("0", container())->register_module("proj", torch::nn::Linear(D, config.ffn_dim));
  ffn_out = net->register_module("2", torch::nn::Linear(config.ffn_dim, D));
  scale_shift_table = register_parameter("scale_shift_table", at::randn({1, 6, D}) / std::sqrt(static_cast<double>(D)));
}

at::Tensor WanBlockImpl::forward(const at::Tensor& x_BLD, const TextKeysValues& text, const at::Tensor& modulation_B6D,
                                 const at::Tensor& rope_2L1P) {
  // fp32, or fp64 for an fp64 model.
  const at::ScalarType dtype = modulation_B6D.scalar_type();
  const auto m = (modulation_B6D + scale_shift_table.to(dtype)).chunk(6, 1);
  const auto step = [&](const at::Tensor& x, const std::optional<ops::GatedUpdate>& update, const at::Tensor& shift,
                        const at::Tensor& scale, const torch::nn::Linear& next) {
    return ops::residual_layer_norm(x, update, shift, scale, eps_, layers::compute_dtype(next->weight));
  };

  // Each step adds a branch to the residual stream and normalizes the sum for the next branch.
  auto s = step(x_BLD, std::nullopt, m[0], m[1], attn1->to_q);
  const ops::GatedUpdate self_attended{attn1->forward(s.h_BLD, rope_2L1P), m[2]};
  if (norm2) {
    s = step(s.x_BLD, self_attended, norm2->bias.to(dtype), norm2->weight.to(dtype), attn2->to_q);
  } else {
    s.x_BLD = s.h_BLD = ops::gated_residual(s.x_BLD, self_attended);
  }
  s = step(s.x_BLD, ops::GatedUpdate{attn2->forward(s.h_BLD, text), {}}, m[3], m[4], ffn_in);
  return ops::gated_residual(s.x_BLD, {layers::apply_feed_forward(ffn_in, ffn_out, s.h_BLD), m[5]});
}

}  // namespace lintorch::wan
