#pragma once

#include <torch/torch.h>

namespace lintorch::test {

/// ||got - expected|| / ||expected|| (Frobenius, in fp64).
inline double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor reference = expected.detach().to(at::kDouble).cpu();
  const double norm = reference.norm().item<double>();
  return (got.detach().to(at::kDouble).cpu() - reference).norm().item<double>() / (norm > 0 ? norm : 1.0);
}

}  // namespace lintorch::test
