#include "lintorch/bench/attention_cases.h"

#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <cmath>

#include "lintorch/layers/fp8_weight.h"
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
  const auto module = [&](int64_t in, int64_t out, bool fp8) {
    torch::nn::Linear linear(in, out);
    linear->to(device, dtype);
    if (fp8) layers::add_fp8_weight(*linear);
    return linear;
  };
  // FP8 serves the forward alone.
  const auto dense = [&](std::string name, double products, double traffic, const auto& apply) {
    const double flops = 2 * rows * products;
    return OpCase{std::move(name),
                  [=] {
                    return Tensors{random({size.B, size.L, size.D})};
                  },
                  [=](const Tensors& t) { return Tensors{apply(t[0])}; },
                  element * rows * traffic,
                  element * rows * traffic,
                  flops,
                  flops};
  };
  const auto width = static_cast<double>(size.D), inner = static_cast<double>(F);
  const auto linear = [&](const std::string& name, bool fp8) {
    return dense(name, width * width, 2 * width,
                 [layer = module(size.D, size.D, fp8)](const at::Tensor& x) { return layers::apply_linear(layer, x); });
  };
  const auto feed_forward = [&](const std::string& name, bool fp8) {
    return dense(name, 2 * width * inner, 2 * width + 2 * inner,
                 [in = module(size.D, F, fp8), out = module(F, size.D, fp8)](const at::Tensor& x) {
                   return layers::apply_feed_forward(in, out, x);
                 });
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
  std::vector<OpCase> cases = {linear("linear_d_d", false), feed_forward("feed_forward", false),
                               softmax("cross_attention", kText), softmax("softmax_attention", size.L)};
  if (size.D % 16 == 0) {  // what FP8 products take
    cases.push_back(linear("linear_d_d_fp8", true));
    cases.push_back(feed_forward("feed_forward_fp8", true));
  }
  return cases;
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
