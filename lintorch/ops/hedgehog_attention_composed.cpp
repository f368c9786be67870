// Letters: X = N * B, heads outermost.
#include "lintorch/ops/hedgehog_attention_composed.h"

#include <ATen/ops/addcdiv.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/sum.h>

#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/hedgehog_features.h"

namespace lintorch::ops {
namespace {

// [B, L, N, K] as [N, B*L, K], without a copy if x is contiguous.
at::Tensor heads_first(const at::Tensor& x_BLNK) {
  return x_BLNK.reshape({x_BLNK.size(0) * x_BLNK.size(1), x_BLNK.size(2), x_BLNK.size(3)}).transpose(0, 1);
}

// phi in the accumulate dtype, [X, L, E] contiguous.
at::Tensor feature_probabilities(const at::Tensor& x_BLNK, const at::Tensor& w_NKM) {
  const int64_t X = x_BLNK.size(0) * x_BLNK.size(2);
  return hedgehog_features(bmm_accumulate(heads_first(x_BLNK), w_NKM)).view({X, x_BLNK.size(1), -1});
}

// [B, L, N, V] as [X, L, V], without a copy if B = 1.
at::Tensor by_head(const at::Tensor& v_BLNV) {
  const int64_t X = v_BLNV.size(0) * v_BLNV.size(2);
  return v_BLNV.permute({2, 0, 1, 3}).reshape({X, v_BLNV.size(1), v_BLNV.size(3)});
}

struct MapGradients {
  at::Tensor x_BLNK, w_NKM;
};

// Backward of y = x W given the gradient of y in the dtype of x.
MapGradients map_backward(const at::Tensor& grad_y_XLM, const at::Tensor& x_BLNK, const at::Tensor& w_NKM, bool need_x,
                          bool need_w) {
  const at::Tensor grad_y_NYM = grad_y_XLM.view({w_NKM.size(0), -1, w_NKM.size(2)});
  MapGradients grads;
  if (need_x) {
    grads.x_BLNK = at::empty(x_BLNK.sizes(), x_BLNK.options());
    bmm_into(heads_first(grads.x_BLNK), grad_y_NYM, w_NKM.transpose(1, 2));
  }
  if (need_w) grads.w_NKM = bmm_accumulate(heads_first(x_BLNK).transpose(1, 2), grad_y_NYM).to(w_NKM.scalar_type());
  return grads;
}

}  // namespace

at::Tensor hedgehog_attention_composed(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                       const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM, HedgehogState& state) {
  const int64_t B = q_BLNK.size(0), L = q_BLNK.size(1), N = q_BLNK.size(2), V = v_BLNV.size(3);
  const int64_t M = w_k_NKM.size(2);
  const at::ScalarType dtype = v_BLNV.scalar_type();

  const at::Tensor phi_k_XLE = feature_probabilities(k_BLNK, w_k_NKM).to(dtype);
  const at::Tensor s_XEV = bmm_accumulate(phi_k_XLE.transpose(1, 2), by_head(v_BLNV));
  state.z_XE = at::sum(phi_k_XLE, {1}, /*keepdim=*/false, accumulate_dtype(dtype));
  // The first half of the features sums to 1 for every token.
  state.v_mean_X1V =
      s_XEV.narrow(1, 0, M).sum(1, /*keepdim=*/true) / state.z_XE.narrow(1, 0, M).sum(1).view({-1, 1, 1});
  state.s_XEV = at::addcmul(s_XEV, state.z_XE.unsqueeze(2), state.v_mean_X1V, -1);

  const at::Tensor p_q_XLE = feature_probabilities(q_BLNK, w_q_NKM);
  const at::Tensor normalizer_XL1 = at::bmm(p_q_XLE, state.z_XE.unsqueeze(2));
  const at::Tensor numerator_XLV = bmm_accumulate(p_q_XLE.to(dtype), state.s_XEV.to(dtype));
  at::Tensor o_BLNV = at::empty({B, L, N, V}, v_BLNV.options());
  at::Tensor o_NBLV = o_BLNV.permute({2, 0, 1, 3});
  at::addcdiv_out(o_NBLV, state.v_mean_X1V.view({N, B, 1, V}), numerator_XLV.view({N, B, L, V}),
                  normalizer_XL1.view({N, B, L, 1}));
  return o_BLNV;
}

HedgehogGradients hedgehog_attention_composed_backward(const at::Tensor& grad_o_BLNV, const at::Tensor& q_BLNK,
                                                       const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                                                       const at::Tensor& w_q_NKM, const at::Tensor& w_k_NKM,
                                                       const HedgehogState& state, const std::array<bool, 5>& needed) {
  const int64_t B = q_BLNK.size(0), L = q_BLNK.size(1), N = q_BLNK.size(2), V = v_BLNV.size(3);
  const int64_t X = N * B, M = w_q_NKM.size(2);
  const at::ScalarType dtype = v_BLNV.scalar_type();
  const auto [need_q, need_k, need_v, need_w_q, need_w_k] = needed;
  HedgehogGradients grads;

  const at::Tensor grad_o_XLV = by_head(grad_o_BLNV.to(dtype));
  const at::Tensor p_q_XLE = feature_probabilities(q_BLNK, w_q_NKM);
  const at::Tensor inverse_XL1 = at::bmm(p_q_XLE, state.z_XE.unsqueeze(2)).reciprocal_();
  const at::Tensor g_XLE = bmm_accumulate(grad_o_XLV, state.s_XEV.to(dtype).transpose(1, 2));
  const at::Tensor delta_XL1 = at::sum(p_q_XLE * g_XLE, {2}, /*keepdim=*/true).mul_(inverse_XL1);

  if (need_q || need_w_q) {
    const at::Tensor grad_p_XLE = at::addcmul(g_XLE, delta_XL1, state.z_XE.unsqueeze(1), -1);
    const at::Tensor grad_y_XLM = hedgehog_features_backward(p_q_XLE, grad_p_XLE);
    at::Tensor scaled_XLM = at::empty({X, L, M}, q_BLNK.options());
    at::mul_out(scaled_XLM, grad_y_XLM, inverse_XL1);
    const MapGradients map = map_backward(scaled_XLM, q_BLNK, w_q_NKM, need_q, need_w_q);
    grads.q_BLNK = map.x_BLNK;
    grads.w_q_NKM = map.w_NKM;
  }
  if (!need_k && !need_v && !need_w_k) return grads;

  at::Tensor phi_q_XLE = at::empty({X, L, 2 * M}, q_BLNK.options());
  at::mul_out(phi_q_XLE, p_q_XLE, inverse_XL1);
  const at::Tensor grad_s_XEV = bmm_accumulate(phi_q_XLE.transpose(1, 2), grad_o_XLV).to(dtype);
  const at::Tensor grad_z_X1E = at::bmm((delta_XL1 * inverse_XL1).transpose(1, 2), p_q_XLE).neg_();

  const at::Tensor p_k_XLE = feature_probabilities(k_BLNK, w_k_NKM);
  if (need_v) {
    const at::Tensor grad_v_XLV = at::empty({X, L, V}, v_BLNV.options());
    bmm_into(grad_v_XLV, p_k_XLE.to(dtype), grad_s_XEV);
    grads.v_BLNV = grad_v_XLV.view({N, B, L, V}).permute({1, 2, 0, 3});
  }
  if (need_k || need_w_k) {
    // The rounded dS also forms the constant, so that the mean of V cancels exactly.
    const at::Tensor grad_s_XVE = grad_s_XEV.transpose(1, 2);
    const at::Tensor constant_X1E = grad_z_X1E - at::bmm(state.v_mean_X1V, grad_s_XVE.to(grad_z_X1E.scalar_type()));
    const at::Tensor grad_p_XLE = bmm_accumulate(by_head(v_BLNV), grad_s_XVE).add_(constant_X1E);
    const at::Tensor grad_y_XLM = hedgehog_features_backward(p_k_XLE, grad_p_XLE).to(dtype);
    const MapGradients map = map_backward(grad_y_XLM, k_BLNK, w_k_NKM, need_k, need_w_k);
    grads.k_BLNK = map.x_BLNK;
    grads.w_k_NKM = map.w_NKM;
  }
  return grads;
}

}  // namespace lintorch::ops
