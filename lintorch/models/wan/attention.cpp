#include "lintorch/models/wan/attention.h"

#include <torch/nn/modules/container/modulelist.h>

#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/precision.h"
#include "lintorch/layers/softmax_core.h"
#include "lintorch/ops/rms_norm_rope.h"

namespace lintorch::wan {
namespace {

// Registers the parts that both attentions share, under Diffusers' names.
template <class Attention>
void register_projections(Attention& attention, const WanDitConfig& config) {
  const int64_t D = config.width();
  attention.to_q = attention.register_module("to_q", torch::nn::Linear(D, D));
  attention.to_k = attention.register_module("to_k", torch::nn::Linear(D, D));
  attention.to_v = attention.register_module("to_v", torch::nn::Linear(D, D));
  attention.to_out = torch::nn::Linear(D, D);
  attention.register_module("to_out", torch::nn::ModuleList(attention.to_out));
  attention.norm_q = attention.register_module("norm_q", layers::RmsNorm(D, config.eps));
  attention.norm_k = attention.register_module("norm_k", layers::RmsNorm(D, config.eps));
}

}  // namespace

std::shared_ptr<layers::AttentionCore> make_attention_core(const WanDitConfig& config, AttentionKind kind) {
  if (kind == AttentionKind::kSoftmax) return std::make_shared<layers::SoftmaxCore>();
  return std::make_shared<layers::LinearCore>(config.num_attention_heads, config.attention_head_dim,
                                              config.linear_attention);
}

WanSelfAttentionImpl::WanSelfAttentionImpl(const WanDitConfig& config, AttentionKind kind)
    : num_heads_(config.num_attention_heads) {
  register_projections(*this, config);
  core_ = register_module("core", make_attention_core(config, kind));
}

void WanSelfAttentionImpl::set_core(std::shared_ptr<layers::AttentionCore> core) {
  core_ = replace_module("core", std::move(core));
}

at::Tensor WanSelfAttentionImpl::forward(const at::Tensor& x_BLD, const at::Tensor& rope_2L1P) {
  layers::LinearInput h_BLD(x_BLD);
  const at::Tensor v_BLNV = layers::apply_linear(to_v, h_BLD).unflatten(-1, {num_heads_, -1});
  const at::ScalarType dtype = v_BLNV.scalar_type();
  const auto normed_and_rotated = [&](const torch::nn::Linear& projection, const layers::RmsNorm& norm) {
    return ops::rms_norm_rope(layers::apply_linear(projection, h_BLD), norm->weight, rope_2L1P, norm->eps(), dtype);
  };
  const at::Tensor q_BLNK = normed_and_rotated(to_q, norm_q);
  const at::Tensor k_BLNK = normed_and_rotated(to_k, norm_k);
  const at::Tensor o_BLNV = core_->forward(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
  return layers::apply_linear(to_out, o_BLNV.flatten(2));
}

WanCrossAttentionImpl::WanCrossAttentionImpl(const WanDitConfig& config) : num_heads_(config.num_attention_heads) {
  register_projections(*this, config);
}

TextKeysValues WanCrossAttentionImpl::project_text(const at::Tensor& text_BSD) {
  const at::Tensor v_BSD = layers::apply_linear(to_v, text_BSD);
  return {ops::rms_norm(layers::apply_linear(to_k, text_BSD), norm_k->weight, norm_k->eps(), v_BSD.scalar_type()),
          v_BSD};
}

at::Tensor WanCrossAttentionImpl::forward(const at::Tensor& x_BLD, const TextKeysValues& text) {
  const at::Tensor q_BLD =
      ops::rms_norm(layers::apply_linear(to_q, x_BLD), norm_q->weight, norm_q->eps(), text.v_BSD.scalar_type());
  const auto heads = [this](const at::Tensor& x) { return x.unflatten(-1, {num_heads_, -1}); };
  const at::Tensor o_BLNV = ops::softmax_attention(heads(q_BLD), heads(text.k_BSD), heads(text.v_BSD));
  return layers::apply_linear(to_out, o_BLNV.flatten(2));
}

}  // namespace lintorch::wan
