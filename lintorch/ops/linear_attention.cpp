#include "lintorch/ops/linear_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/relu.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::ops {
namespace {

constexpr double kSmallestNormalizer = 1e-6;

void check_shapes(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE, const at::Tensor& v_BLNV,
                  const std::string& op) {
  check_shape(phi_q_BLNE, {-1, -1, -1, -1}, op + ": phi_q");
  const int64_t B = phi_q_BLNE.size(0), L = phi_q_BLNE.size(1), N = phi_q_BLNE.size(2);
  check_shape(phi_k_BLNE, {B, L, N, phi_q_BLNE.size(3)}, op + ": phi_k");
  check_shape(v_BLNV, {B, L, N, -1}, op + ": v");
}

}  // namespace

at::Tensor relu_feature_map(const at::Tensor& x_BLNK) { return at::relu(x_BLNK); }

at::Tensor taylor_feature_map(const at::Tensor& x_BLNK) {
  const double head_dim = static_cast<double>(x_BLNK.size(-1));
  const at::Tensor first = x_BLNK * std::pow(head_dim, -0.25);
  const at::Tensor second = (first.unsqueeze(-1) * first.unsqueeze(-2)).flatten(-2) * std::sqrt(0.5);
  return at::cat({at::ones_like(first.narrow(-1, 0, 1)), first, second}, -1);
}

at::Tensor linear_attention(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE, const at::Tensor& v_BLNV) {
  check_shapes(phi_q_BLNE, phi_k_BLNE, v_BLNV, "linear_attention");
  const at::ScalarType accumulate = accumulate_dtype(v_BLNV.scalar_type());
  const at::Tensor phi_q_BNLE = phi_q_BLNE.to(accumulate).transpose(1, 2);
  const at::Tensor phi_k_BNLE = phi_k_BLNE.to(accumulate).transpose(1, 2);
  const at::Tensor v_BNLV = v_BLNV.to(accumulate).transpose(1, 2);

  const at::Tensor v_mean_BN1V = v_BNLV.mean(2, /*keepdim=*/true);
  const at::Tensor s_BNEV = at::matmul(phi_k_BNLE.transpose(2, 3), v_BNLV - v_mean_BN1V);
  const at::Tensor z_BNE1 = phi_k_BNLE.sum(2).unsqueeze(3);
  const at::Tensor normalizer_BNL1 = at::matmul(phi_q_BNLE, z_BNE1).clamp_min(kSmallestNormalizer);
  const at::Tensor o_BNLV = v_mean_BN1V + at::matmul(phi_q_BNLE, s_BNEV) / normalizer_BNL1;
  return o_BNLV.transpose(1, 2).to(v_BLNV.scalar_type());
}

at::Tensor rotated_linear_attention(const at::Tensor& phi_q_BLNE, const at::Tensor& phi_k_BLNE,
                                    const at::Tensor& v_BLNV, const at::Tensor& table_2L1P) {
  check_shapes(phi_q_BLNE, phi_k_BLNE, v_BLNV, "rotated_linear_attention");
  check_shape(table_2L1P, {2, phi_q_BLNE.size(1), 1, -1}, "rotated_linear_attention: table");
  const int64_t N = phi_q_BLNE.size(2), E = phi_q_BLNE.size(3), K = 2 * table_2L1P.size(3);
  LT_CHECK(E % K == 0, Error, "[rotated_linear_attention] expected features in a multiple of the head dim {}, got {}",
           K, E);
  const at::ScalarType accumulate = accumulate_dtype(v_BLNV.scalar_type());
  const at::Tensor phi_q = phi_q_BLNE.to(accumulate), phi_k = phi_k_BLNE.to(accumulate);
  // As E / K heads of K channels each, which the table turns alike.
  const auto rotated_BNLE = [&](const at::Tensor& phi) {
    return rope_3d(phi.unflatten(3, {-1, K}).flatten(2, 3), table_2L1P, accumulate)
        .unflatten(2, {N, -1})
        .flatten(3)
        .transpose(1, 2);
  };
  const at::Tensor s_BNEV = at::matmul(rotated_BNLE(phi_k).transpose(2, 3), v_BLNV.to(accumulate).transpose(1, 2));
  const at::Tensor z_BNE1 = phi_k.sum(1).unsqueeze(3);
  const at::Tensor normalizer_BNL1 = at::matmul(phi_q.transpose(1, 2), z_BNE1).clamp_min(kSmallestNormalizer);
  const at::Tensor o_BNLV = at::matmul(rotated_BNLE(phi_q), s_BNEV) / normalizer_BNL1;
  return o_BNLV.transpose(1, 2).to(v_BLNV.scalar_type());
}

}  // namespace lintorch::ops
