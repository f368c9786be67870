#include "lintorch/models/wan/fp8.h"

#include "lintorch/core/error.h"
#include "lintorch/layers/fp8_weight.h"
#include "lintorch/layers/softmax_core.h"

namespace lintorch::wan {

void quantize_wan_dit(WanDit& dit, Fp8Layers which) {
  const auto& config = dit->config();
  LT_CHECK(which == Fp8Layers::kNone || (config.width() % 16 == 0 && config.ffn_dim % 16 == 0), NotSupportedError,
           "[quantize_wan_dit] FP8 needs widths that are multiples of 16, got {} and {}", config.width(),
           config.ffn_dim);
  const auto set = [](torch::nn::Linear& linear, bool on) {
    on ? layers::add_fp8_weight(*linear) : layers::remove_fp8_weight(*linear);
  };
  for (int64_t layer = 0; layer < dit->num_layers(); ++layer) {
    WanBlock block = dit->block(layer);
    for (torch::nn::Linear linear : {block->ffn_in, block->ffn_out}) set(linear, which != Fp8Layers::kNone);
    for (torch::nn::Linear linear : {block->attn1->to_q, block->attn1->to_k, block->attn1->to_v, block->attn1->to_out,
                                     block->attn2->to_q, block->attn2->to_out})
      set(linear, which == Fp8Layers::kAll);
  }
}

int64_t set_fp8_attention(WanDit& dit, bool on) {
  int64_t count = 0;
  for (int64_t layer = 0; layer < dit->num_layers(); ++layer) {
    const auto core = std::dynamic_pointer_cast<layers::SoftmaxCore>(dit->block(layer)->attn1->core());
    if (!core) continue;
    core->set_fp8(on);
    ++count;
  }
  return count;
}

}  // namespace lintorch::wan
