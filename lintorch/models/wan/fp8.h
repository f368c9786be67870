#pragma once

#include "lintorch/core/enum_names.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch {
namespace wan {

/// Which matrix products of the blocks run in FP8 (e4m3) at inference.
enum class Fp8Layers {
  kNone,
  kFeedForward,  ///< the two of the feed-forward layer
  kAll,          ///< also q, k, v and output of self-attention, q and output of cross-attention
};

/// Gives these layers FP8 weights (layers/fp8_weight.h), from the weights they have now, and takes those of all others away. Text projections,
/// embeddings and head stay as they are, and so does attention itself (see set_fp8_attention). Throws NotSupportedError if a width is not a multiple of
/// 16. A GPU older than sm_89 has no such products: LibTorch says so at the first forward.
void quantize_wan_dit(WanDit& dit, Fp8Layers which);

/// Switches the softmax self-attention of every layer that has one to FP8 (ops/fp8_attention.h), or back, where no gradients are
/// recorded; linear attention and cross-attention stay. Returns the number of these layers. A GPU without such a kernel says so
/// at the first forward.
int64_t set_fp8_attention(WanDit& dit, bool on);

}  // namespace wan

template <>
struct EnumNames<wan::Fp8Layers> {
  using E = wan::Fp8Layers;
  static constexpr std::pair<E, std::string_view> table[] = {
      {E::kNone, "none"}, {E::kFeedForward, "feed_forward"}, {E::kAll, "all"}};
};

}  // namespace lintorch
