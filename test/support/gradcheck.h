#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

#include "test/support/tensor_near.h"

namespace lintorch::test {

/// Largest relative Frobenius error, over the inputs, of the gradients of sum(f(inputs) * weights) against central
/// differences in fp64. Inputs must be fp64; weights are fixed random numbers, so that every output counts.
inline double gradient_error(const std::function<at::Tensor(const std::vector<at::Tensor>&)>& f,
                             const std::vector<at::Tensor>& inputs, double step = 1e-5) {
  std::vector<at::Tensor> leaves;
  for (const auto& x : inputs) leaves.push_back(x.detach().clone().set_requires_grad(true));
  const at::Tensor output = f(leaves);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(17);
  const at::Tensor weights = at::randn(output.sizes(), generator, output.options().requires_grad(false));
  const auto grads = torch::autograd::grad({(output * weights).sum()}, leaves);

  const at::NoGradGuard no_grad;
  const auto value = [&](const std::vector<at::Tensor>& x) { return (f(x) * weights).sum().item<double>(); };
  double worst = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<at::Tensor> moved;
    for (const auto& x : inputs) moved.push_back(x.detach().clone().contiguous());
    at::Tensor numeric = at::empty_like(moved[i]);
    double* x = moved[i].data_ptr<double>();
    double* out = numeric.data_ptr<double>();
    for (int64_t j = 0; j < moved[i].numel(); ++j) {
      const double kept = x[j];
      x[j] = kept + step;
      const double above = value(moved);
      x[j] = kept - step;
      out[j] = (above - value(moved)) / (2 * step);
      x[j] = kept;
    }
    worst = std::max(worst, relative_error(grads[i], numeric));
  }
  return worst;
}

}  // namespace lintorch::test
