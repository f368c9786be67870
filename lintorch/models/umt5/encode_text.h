#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/models/umt5/encoder.h"
#include "lintorch/models/umt5/tokenizer.h"

namespace lintorch::umt5 {

/// Text features [B, S, D] as the video model takes them: the encoder's output with rows past the true length (EOS
/// included) set to zero. Tokens are moved to the encoder's device. Differentiable.
/// Throws Error if an id has no embedding. Reference: wan/text2video.py (T5EncoderModel).
at::Tensor encode_text(Umt5Encoder& encoder, const TokenBatch& tokens);

}  // namespace lintorch::umt5
