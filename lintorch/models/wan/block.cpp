#include "lintorch/models/wan/block.h"

#include <ATen/ops/addcmul.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/randn.h>

#include <cmath>

#include "lintorch/layers/precision.h"

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

at::Tensor WanBlockImpl::forward(const at::Tensor& x_BLD, const at::Tensor& text_BSD, const at::Tensor& modulation_B6D,
                                 const at::Tensor& rope_2L1P) {
  // fp32, or fp64 for an fp64 model.
  const at::ScalarType dtype = modulation_B6D.scalar_type();
  const auto m = (modulation_B6D + scale_shift_table.to(dtype)).chunk(6, 1);
  const auto modulated_norm = [&](const at::Tensor& x, const at::Tensor& one_plus_scale, const at::Tensor& shift) {
    const layers::NoAutocast no_autocast;
    return at::addcmul(shift, at::layer_norm(x, {x.size(-1)}, {}, {}, eps_), one_plus_scale);
  };
  const auto add_gated = [](const at::Tensor& x, const at::Tensor& update, const at::Tensor& gate) {
    const layers::NoAutocast no_autocast;
    return at::addcmul(x, update, gate);
  };

  at::Tensor x = add_gated(x_BLD, attn1->forward(modulated_norm(x_BLD, m[1], m[0]), rope_2L1P), m[2]);
  at::Tensor h = x;
  if (norm2) h = at::layer_norm(x, {x.size(-1)}, norm2->weight.to(dtype), norm2->bias.to(dtype), eps_);
  x = x + attn2->forward(h, text_BSD);
  const at::Tensor inner = at::gelu(layers::apply_linear(ffn_in, modulated_norm(x, m[4], m[3])), "tanh");
  return add_gated(x, layers::apply_linear(ffn_out, inner), m[5]);
}

}  // namespace lintorch::wan
