#include "lintorch/models/umt5/encoder.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/models/umt5/relative_position.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::umt5 {

Umt5EncoderImpl::Umt5EncoderImpl(Umt5Config config) : config_(std::move(config)) {
  config_.validate("Umt5Config");
  build(WeightFactory(config_.initializer_factor));
}

Umt5EncoderImpl::Umt5EncoderImpl(Umt5Config config, at::TensorOptions uninitialized) : config_(std::move(config)) {
  config_.validate("Umt5Config");
  build(WeightFactory(uninitialized));
  to(uninitialized.device(), c10::typeMetaToScalarType(uninitialized.dtype()));  // the norms
}

void Umt5EncoderImpl::build(const WeightFactory& weights) {
  shared_ = register_module("shared", WeightHolder(weights.make({config_.vocab_size, config_.d_model}, 1.0)));
  encoder_ = register_module("encoder", Umt5Stack(config_, weights));
}

at::Tensor Umt5EncoderImpl::forward(const at::Tensor& ids_BS, const at::Tensor& mask_BS) {
  LT_CHECK(ids_BS.dim() == 2, Error, "[Umt5Encoder] expected token ids [B, S], got {} dimensions", ids_BS.dim());
  check_shape(mask_BS, ids_BS.sizes().vec(), "Umt5Encoder: mask");
  const int64_t length = ids_BS.size(1);
  const auto device = shared_->weight.device();
  if (!buckets_SS_.defined() || buckets_SS_.size(0) != length || buckets_SS_.device() != device)
    buckets_SS_ = relative_position_buckets(length, config_.relative_attention_num_buckets,
                                            config_.relative_attention_max_distance, device);

  const at::Tensor x_BSD = at::embedding(shared_->weight, ids_BS);
  const auto dtype = ops::accumulate_dtype(shared_->weight.scalar_type());
  const at::Tensor padding_B11S = mask_BS.eq(0).unsqueeze(1).unsqueeze(1);
  const at::Tensor mask_B11S = at::zeros_like(padding_B11S, x_BSD.options().dtype(dtype))
                                   .masked_fill_(padding_B11S, std::numeric_limits<float>::lowest());
  return encoder_(x_BSD, buckets_SS_, mask_B11S);
}

}  // namespace lintorch::umt5
