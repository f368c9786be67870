#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/models/umt5/tokenizer.h"
#include "lintorch/models/wan/vae.h"
#include "lintorch/pretrain/moving_fashion.h"

namespace lintorch::pretrain {

/// Training clips 0 ... P - 1, encoded and tokenized once, all on one device.
struct LatentPool {
  at::Tensor latents_PCTHW;  ///< normalized latents, bf16 on a GPU, else fp32
  at::Tensor ids_PS;         ///< int64 token ids of the captions
  at::Tensor mask_PS;
  at::Tensor empty_ids_1S;   ///< tokens of the empty prompt
  at::Tensor empty_mask_1S;

  int64_t size() const { return latents_PCTHW.size(0); }
};

/// Renders and encodes clips, batch_size at a time; shows a progress bar. dtype: autocast's during encoding.
LatentPool make_latent_pool(const MovingFashion& clips, wan::WanVae& vae, const umt5::Tokenizer& tokenizer,
                            int64_t num_clips, int64_t batch_size, c10::Device device, at::ScalarType dtype);

}  // namespace lintorch::pretrain
