#include "lintorch/bench/attention_cases.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lintorch/layers/fp8_weight.h"
#include "lintorch/layers/precision.h"
#include "lintorch/ops/fp8_attention.h"
#include "lintorch/ops/fused_kernels.h"
#include "lintorch/ops/hedgehog_attention.h"
#include "lintorch/ops/softmax_attention.h"

namespace lintorch::bench {
namespace {

// FP8 serves the forward alone. In the place of its composition, which is for tests, stands attention in the inputs' dtype.
at::Tensor fp8_attention(const OpCase::Tensors& t) {
  const bool own = !at::GradMode::is_enabled() && ops::fused_kernels() != ops::FusedKernels::kOff;
  return own ? ops::fp8_attention(t[0], t[1], t[2]) : ops::softmax_attention(t[0], t[1], t[2]);
}

// Of the first queries, which is enough to see it.
double softmax_error(const OpCase::Tensors& t, const at::Tensor& o_BLNV) {
  const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const int64_t count = std::min<int64_t>(64, o_BLNV.size(1));
  const at::Tensor q = exact(t[0].narrow(1, 0, count));
  const at::Tensor logits = at::einsum("bink,bjnk->bnij", {q, exact(t[1])}) / std::sqrt(static_cast<double>(q.size(3)));
  const at::Tensor expected = at::einsum("bnij,bjnv->binv", {logits.softmax(-1), exact(t[2])});
  return ((exact(o_BLNV.narrow(1, 0, count)) - expected).norm() / expected.norm()).item<double>();
}

}  // namespace

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
  if (size.K % 16 == 0) {  // what cuDNN's FP8 attention takes
    OpCase fp8 = softmax("softmax_attention_fp8", size.L);
    fp8.forward = [](const Tensors& t) { return Tensors{fp8_attention(t)}; };
    fp8.error = [](const Tensors& inputs, const Tensors& outputs) { return softmax_error(inputs, outputs[0]); };
    cases.push_back(std::move(fp8));
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
