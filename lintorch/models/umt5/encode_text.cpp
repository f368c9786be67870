#include "lintorch/models/umt5/encode_text.h"

#include "lintorch/core/error.h"

namespace lintorch::umt5 {

at::Tensor encode_text(Umt5Encoder& encoder, const TokenBatch& tokens) {
  // Ids on a GPU are not looked at: that would wait for the device.
  if (tokens.ids_BS.is_cpu() && tokens.ids_BS.numel() > 0) {
    const int64_t highest = tokens.ids_BS.max().item<int64_t>();
    LT_CHECK(
        highest < encoder->config().vocab_size, Error,
        "[encode_text] expected token ids below the encoder's vocab_size {}, got {}: tokenizer and text encoder do "
        "not belong together",
        encoder->config().vocab_size, highest);
  }
  const auto device = encoder->parameters().front().device();
  const at::Tensor mask_BS = tokens.mask_BS.to(device);
  const at::Tensor hidden_BSD = encoder(tokens.ids_BS.to(device), mask_BS);
  return hidden_BSD * mask_BS.unsqueeze(-1).to(hidden_BSD.scalar_type());
}

}  // namespace lintorch::umt5
