#pragma once

#include <torch/torch.h>

#include <cmath>

namespace lintorch::test {

struct SoftmaxSizes {
  int64_t B, L, S, N, K, V;
};

/// Arguments of softmax attention, and its definition.
struct SoftmaxInputs {
  at::Tensor q_BLNK, k_BSNK, v_BSNV;

  SoftmaxInputs(at::Tensor q, at::Tensor k, at::Tensor v)
      : q_BLNK(std::move(q)), k_BSNK(std::move(k)), v_BSNV(std::move(v)) {}

  /// q and k standard normal, v normal of deviation `spread`; every channel of k and v has a mean of its own, `mean` in
  /// magnitude (times spread for v), the same for all tokens.
  SoftmaxInputs(const SoftmaxSizes& size, at::ScalarType dtype, uint64_t seed, double mean = 0, double spread = 1) {
    torch::manual_seed(seed);
    const auto normal = [](at::IntArrayRef shape) { return at::randn(shape, at::kDouble); };
    const auto offset = [&](int64_t dim) { return normal({1, 1, size.N, dim}).sign() * mean; };
    q_BLNK = normal({size.B, size.L, size.N, size.K}).to(dtype);
    k_BSNK = (normal({size.B, size.S, size.N, size.K}) + offset(size.K)).to(dtype);
    v_BSNV = ((normal({size.B, size.S, size.N, size.V}) + offset(size.V)) * spread).to(dtype);
  }

  /// In fp64, on the CPU.
  at::Tensor exact() const {
    const auto wide = [](const at::Tensor& x) { return x.detach().cpu().to(at::kDouble); };
    const at::Tensor q = wide(q_BLNK), k = wide(k_BSNK), v = wide(v_BSNV);
    const at::Tensor logits = at::einsum("bink,bjnk->bnij", {q, k}) / std::sqrt(static_cast<double>(q.size(3)));
    return at::einsum("bnij,bjnv->binv", {logits.softmax(-1), v});
  }

  /// ||o - exact|| / ||exact - mean of v over the tokens||: what attention adds to the mean counts alone.
  double centred_error(const at::Tensor& o_BLNV) const {
    const at::Tensor expected = exact();
    const at::Tensor mean = v_BSNV.detach().cpu().to(at::kDouble).mean({1}, /*keepdim=*/true);
    return ((o_BLNV.detach().cpu().to(at::kDouble) - expected).norm() / (expected - mean).norm()).item<double>();
  }

  SoftmaxInputs to(at::Device device) const { return {q_BLNK.to(device), k_BSNK.to(device), v_BSNV.to(device)}; }
};

}  // namespace lintorch::test
