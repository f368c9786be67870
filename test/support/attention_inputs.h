#pragma once

#include <torch/torch.h>

namespace lintorch::test {

/// Random arguments of hedgehog_attention.
struct AttentionInputs {
  at::Tensor q_BLNK, k_BLNK, v_BLNV, w_q_NKM, w_k_NKM;
  std::vector<at::Tensor> list() const { return {q_BLNK, k_BLNK, v_BLNV, w_q_NKM, w_k_NKM}; }
};

struct AttentionSizes {
  int64_t B, L, N, K, V, M;
};

/// q, k, v standard normal plus `v_mean`; weights normal with deviation map_scale / sqrt(K), so that x W has deviation
/// map_scale.
inline AttentionInputs attention_inputs(const AttentionSizes& size, at::ScalarType dtype, uint64_t seed,
                                        double v_mean = 0, double map_scale = 1) {
  torch::manual_seed(seed);
  const double deviation = map_scale / std::sqrt(static_cast<double>(size.K));
  const auto normal = [](at::IntArrayRef shape) { return at::randn(shape, at::kDouble); };
  return {normal({size.B, size.L, size.N, size.K}).to(dtype), normal({size.B, size.L, size.N, size.K}).to(dtype),
          (normal({size.B, size.L, size.N, size.V}) + v_mean).to(dtype),
          (normal({size.N, size.K, size.M}) * deviation).to(dtype),
          (normal({size.N, size.K, size.M}) * deviation).to(dtype)};
}

}  // namespace lintorch::test
