#include "lintorch/linvideo/start_cores.h"

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/seed_streams.h"

namespace lintorch::linvideo {

std::vector<std::shared_ptr<layers::LinearCore>> start_linear_cores(
    const wan::WanDitConfig& model, const layers::LinearAttentionConfig& linear_attention, uint64_t seed) {
  const at::Generator generator = make_generator(mix_seed(seed, kMapStream));
  std::vector<std::shared_ptr<layers::LinearCore>> cores;
  for (int64_t layer = 0; layer < model.num_layers; ++layer)
    cores.push_back(std::make_shared<layers::LinearCore>(model.num_attention_heads, model.attention_head_dim,
                                                         linear_attention, generator));
  return cores;
}

}  // namespace lintorch::linvideo
