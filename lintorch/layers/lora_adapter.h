#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>

namespace lintorch::layers {

/// Low-rank adapter of a linear layer: W + scale B A instead of W. Parameters "a" [r, in] and "b" [out, r].
///
/// It lives in the layer as its child "lora" (so `to_q.lora.a`); apply_linear adds what it gives. B starts at zero.
/// Source: LoRA (arXiv:2106.09685) Sec. 4.1, with scale = alpha / r.
class LoraAdapterImpl : public torch::nn::Module {
 public:
  /// a_RI: start of A; on the device and in the dtype that both parameters get.
  LoraAdapterImpl(const at::Tensor& a_RI, int64_t out_features, double scale);
  /// scale B A x, with x in the dtype of the layer's matrix product.
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor a, b;

 private:
  double scale_;
};
TORCH_MODULE(LoraAdapter);

/// Gives a layer an adapter. Throws Error if it has one.
void add_lora_adapter(torch::nn::LinearImpl& linear, LoraAdapter adapter);

/// The adapter of a layer, or null.
std::shared_ptr<LoraAdapterImpl> find_lora_adapter(const torch::nn::LinearImpl& linear);

}  // namespace lintorch::layers
