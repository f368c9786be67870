#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/pipeline/video_model.h"

namespace lintorch::linvideo {

/// The text embeddings of all prompts of a run, in main memory without their zero rows, so that the text encoder is not
/// needed while training.
class PromptEmbeddings {
 public:
  /// Encodes every prompt. Throws ConfigError for one that the tokenizer would cut.
  PromptEmbeddings(pipeline::VideoModel& model, const std::vector<std::string>& prompts);

  int64_t size() const { return static_cast<int64_t>(rows_.size()); }

  /// [B, S, D] in fp32 on the device, as pipeline::encode_prompts gives them.
  at::Tensor batch(const std::vector<int64_t>& indices, c10::Device device) const;

 private:
  int64_t length_ = 0;  ///< S
  std::vector<at::Tensor> rows_;
};

}  // namespace lintorch::linvideo
