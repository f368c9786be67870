#include "lintorch/layers/uninitialized.h"

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/library.h>

namespace lintorch::layers {

namespace {

// The dispatcher keeps this key for deferred initialisation outside of LibTorch: these kernels run in place of all others
// while the key is included.
at::Tensor& keep(at::Tensor& self, double, double, std::optional<at::Generator>) { return self; }

TORCH_LIBRARY_IMPL(_, DeferredInit, library) { library.fallback(torch::CppFunction::makeFallthrough()); }

TORCH_LIBRARY_IMPL(aten, DeferredInit, library) {
  library.impl("uniform_", keep);
  library.impl("normal_", keep);
}

}  // namespace

Uninitialized::Uninitialized() : guard_(c10::DispatchKey::DeferredInit) {}

}  // namespace lintorch::layers
