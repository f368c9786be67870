#include "lintorch/bench/elementwise_cases.h"

#include <ATen/ops/randn.h>

#include "lintorch/ops/residual_layer_norm.h"
#include "lintorch/ops/rms_norm_rope.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::bench {

std::vector<OpCase> elementwise_cases(const BenchSize& size, at::ScalarType stream, at::ScalarType dtype,
                                      c10::Device device) {
  constexpr double kEps = 1e-6;
  using Tensors = OpCase::Tensors;
  // Functions outlive this call: they hold what they need by value.
  const auto random = [device](at::IntArrayRef shape, at::ScalarType type) {
    return at::randn(shape, at::TensorOptions(type).device(device)).requires_grad_();
  };
  const auto x = [=] { return random({size.B, size.L, size.D}, stream); };
  const auto h = [=] { return random({size.B, size.L, size.D}, dtype); };
  const auto row = [=] { return random({size.B, 1, size.D}, at::kFloat); };
  const auto weight = [=] { return random({size.D}, at::kFloat); };
  const double elements = static_cast<double>(size.B * size.L * size.D);
  const double X = static_cast<double>(c10::elementSize(stream)) * elements;  // bytes of a stream tensor
  const double H = static_cast<double>(c10::elementSize(dtype)) * elements;
  const at::Tensor table = ops::rope_3d_table({1, 1, size.L}, size.K, at::kFloat, device);

  return {{"layer_norm_modulate",
           [=] {
             return Tensors{x(), row(), row()};
           },
           [=](const Tensors& t) { return Tensors{ops::layer_norm_modulate(t[0], t[1], t[2], kEps, dtype)}; },
           X + H,       // x -> h
           H + X + X},  // d_h, x -> d_x
          {"gated_residual",
           [=] {
             return Tensors{x(), h(), row()};
           },
           [](const Tensors& t) {
             return Tensors{ops::gated_residual(t[0], {t[1], t[2]})};
           },
           X + H + X,   // x, update -> x'
           X + H + H},  // d_x', update -> d_update; d_x is d_x' itself
          {"residual_layer_norm",
           [=] {
             return Tensors{x(), h(), row(), row(), row()};
           },
           [=](const Tensors& t) {
             const auto step = ops::residual_layer_norm(t[0], ops::GatedUpdate{t[1], t[2]}, t[3], t[4], kEps, dtype);
             return Tensors{step.x_BLD, step.h_BLD};
           },
           X + H + X + H,           // x, update -> x', h
           X + H + X + H + X + H},  // d_x', d_h, x', update -> d_x, d_update
          {"rms_norm_rope",
           [=] {
             return Tensors{h(), weight()};
           },
           [=](const Tensors& t) { return Tensors{ops::rms_norm_rope(t[0], t[1], table, kEps, dtype)}; },
           2 * H,   // x -> y
           3 * H},  // d_y, x -> d_x
          {"rms_norm",
           [=] {
             return Tensors{h(), weight()};
           },
           [=](const Tensors& t) { return Tensors{ops::rms_norm(t[0], t[1], kEps, dtype)}; }, 2 * H, 3 * H}};
}

}  // namespace lintorch::bench
