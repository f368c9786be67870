#include "lintorch/ops/hedgehog_features.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <torch/library.h>

#include "lintorch/ops/cuda/hedgehog_features_params.h"

namespace lintorch::ops {
namespace {

at::Tensor features_composed(const at::Tensor& y) { return at::softmax(at::stack({y, -y}, -2), -1).flatten(-2); }

at::Tensor features_backward_composed(const at::Tensor& phi, const at::Tensor& grad_phi) {
  const at::Tensor p = phi.unflatten(-1, {2, -1});
  const at::Tensor grad = at::_softmax_backward_data(grad_phi.unflatten(-1, {2, -1}), p, -1, phi.scalar_type());
  return grad.select(-2, 0) - grad.select(-2, 1);
}

// The CUDA library registers its kernels under these names when it is loaded; until then, and for shapes or dtypes that
// they lack, the composition serves every device.
bool kernel_may_serve(const at::Tensor& x, int64_t width) {
  return x.is_cuda() && x.scalar_type() == at::kFloat && hedgehog_features_supported(width);
}

}  // namespace

at::Tensor hedgehog_features(const at::Tensor& y) {
  if (!kernel_may_serve(y, y.size(-1))) return features_composed(y);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("lintorch::hedgehog_features", "")
                             .typed<at::Tensor(const at::Tensor&)>();
  return op.call(y);
}

at::Tensor hedgehog_features_backward(const at::Tensor& phi, const at::Tensor& grad_phi) {
  if (!kernel_may_serve(phi, phi.size(-1) / 2)) return features_backward_composed(phi, grad_phi);
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("lintorch::hedgehog_features_backward", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&)>();
  return op.call(phi, grad_phi);
}

TORCH_LIBRARY_FRAGMENT(lintorch, m) {
  m.def("hedgehog_features(Tensor y) -> Tensor");
  m.def("hedgehog_features_backward(Tensor phi, Tensor d_phi) -> Tensor");
}

TORCH_LIBRARY_IMPL(lintorch, CompositeExplicitAutograd, m) {
  m.impl("hedgehog_features", features_composed);
  m.impl("hedgehog_features_backward", features_backward_composed);
}

}  // namespace lintorch::ops
