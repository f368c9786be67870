#include "lintorch/bench/attention_cases.h"

#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <cmath>

#include "lintorch/layers/precision.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/softmax_attention.h"

namespace lintorch::bench {

std::vector<OpCase> dense_cases(const BenchSize& size, at::ScalarType dtype, c10::Device device) {
  constexpr int64_t kText = 512;
  using Tensors = OpCase::Tensors;
  const int64_t N = size.D / size.K, F = size.D == 1536 ? 8960 : size.D == 5120 ? 13824 : 4 * size.D;
  const auto random = [device, dtype](at::IntArrayRef shape) {
    return (at::randn(shape, at::TensorOptions(at::kFloat).device(device))).to(dtype).requires_grad_();
  };
  const double rows = static_cast<double>(size.B * size.L), element = static_cast<double>(c10::elementSize(dtype));
  const auto dense = [&](std::string name, int64_t in, int64_t out, bool gelu) {
    torch::nn::Linear module(in, out);
    module->to(device, dtype);
    const double flops = 2 * rows * static_cast<double>(in * out);
    return OpCase{std::move(name),
                  [=] {
                    return Tensors{random({size.B, size.L, in})};
                  },
                  [=](const Tensors& t) {
                    return Tensors{gelu ? layers::apply_linear_gelu(module, t[0]) : layers::apply_linear(module, t[0])};
                  },
                  element * rows * static_cast<double>(in + out),
                  element * rows * static_cast<double>(in + out),
                  flops,
                  flops};
  };
  const auto softmax = [&](std::string name, int64_t keys) {
    const double flops = 4 * rows * static_cast<double>(keys * size.D);
    return OpCase{std::move(name),
                  [=] {
                    return Tensors{random({size.B, size.L, N, size.K}), random({size.B, keys, N, size.K}),
                                   random({size.B, keys, N, size.K})};
                  },
                  [](const Tensors& t) { return Tensors{ops::softmax_attention(t[0], t[1], t[2])}; },
                  element * 2 * rows * static_cast<double>(size.D),
                  element * 4 * rows * static_cast<double>(size.D),
                  flops,
                  2.5 * flops};
  };
  return {dense("linear_d_d", size.D, size.D, false), dense("ffn_in_gelu", size.D, F, true),
          dense("ffn_out", F, size.D, false), softmax("cross_attention", kText), softmax("softmax_attention", size.L)};
}

std::vector<OpCase> attention_cases(const BenchSize& size, at::ScalarType dtype, c10::Device device) {
  const int64_t N = size.D / size.K;
  const auto tokens = static_cast<double>(size.B * size.L);
  const double bytes = static_cast<double>(c10::elementSize(dtype)) * tokens * static_cast<double>(size.D);
  const auto random = [device, dtype](at::IntArrayRef shape, double deviation) {
    return (at::randn(shape, at::TensorOptions(at::kFloat).device(device)) * deviation).to(dtype).requires_grad_();
  };
  std::vector<OpCase> cases;
  for (const int64_t M : {64, 128}) {
    const double flops = tokens * static_cast<double>(size.D * M);
    cases.push_back({fmt::format("hedgehog_attention_{}", M),
                     [=] {
                       const double deviation = 1 / std::sqrt(static_cast<double>(size.K));
                       const auto x = [&] { return random({size.B, size.L, N, size.K}, 1); };
                       const auto w = [&] { return random({N, size.K, M}, deviation); };
                       return OpCase::Tensors{x(), x(), x(), w(), w()};
                     },
                     [](const OpCase::Tensors& t) {
                       return OpCase::Tensors{ops::hedgehog_attention(t[0], t[1], t[2], t[3], t[4])};
                     },
                     4 * bytes,   // k, v, q -> o
                     7 * bytes,   // q, k, v, do -> dq, dk, dv
                     12 * flops,  // two maps, S and its product, twice as wide as the map
                     28 * flops});
  }
  return cases;
}

}  // namespace lintorch::bench
