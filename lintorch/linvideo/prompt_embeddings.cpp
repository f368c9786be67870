#include "lintorch/linvideo/prompt_embeddings.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "lintorch/linvideo/collect.h"
#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::linvideo {

constexpr int64_t kPromptsAtATime = 16;

PromptEmbeddings::PromptEmbeddings(pipeline::VideoModel& model, const std::vector<std::string>& prompts) {
  check_prompt_lengths(*model.tokenizer, prompts);
  const auto total = static_cast<int64_t>(prompts.size());
  for (int64_t begin = 0; begin < total; begin += kPromptsAtATime) {
    const int64_t end = std::min(total, begin + kPromptsAtATime);
    const std::vector<std::string> some(prompts.begin() + begin, prompts.begin() + end);
    const at::Tensor lengths_B = model.tokenizer->encode(some).mask_BS.sum(1);
    const at::Tensor text_BSD = pipeline::encode_prompts(model, some).to(at::kCPU, at::kFloat);
    length_ = text_BSD.size(1);
    for (int64_t b = 0; b < end - begin; ++b)
      rows_.push_back(text_BSD[b].slice(0, 0, lengths_B[b].item<int64_t>()).clone());
  }
}

at::Tensor PromptEmbeddings::batch(const std::vector<int64_t>& indices, c10::Device device) const {
  std::vector<at::Tensor> samples;
  for (const int64_t index : indices) {
    const at::Tensor& rows = rows_.at(static_cast<size_t>(index));
    samples.push_back(at::constant_pad_nd(rows, {0, 0, 0, length_ - rows.size(0)}));
  }
  return at::stack(samples).to(device);
}

}  // namespace lintorch::linvideo
