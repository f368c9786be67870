#include "lintorch/eval/judge_scores.h"

#include "lintorch/core/error.h"
#include "lintorch/models/judge/scoring.h"

namespace lintorch::eval {

void judge_videos(judge::Judge& judge, const at::Tensor& video_BCFHW, const std::vector<std::string>& prompts,
                  JudgeTally& tally) {
  const auto on_device = judge->forward(video_BCFHW);
  tally.features.push_back(on_device.features);
  const judge::JudgeOutput output{on_device.class_logits.cpu(), on_device.direction_logits.cpu(), on_device.features};
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto objects = judge::parse_prompt(prompts[i]);
    if (!objects) continue;
    const auto at = static_cast<int64_t>(i);
    const judge::JudgeOutput single{output.class_logits.slice(0, at, at + 1),
                                    output.direction_logits.slice(0, at, at + 1), output.features.slice(0, at, at + 1)};
    const auto recognition = judge::recognise(single, {*objects});
    for (int64_t object = 0; object < recognition.objects; ++object) {
      tally.class_hits.push_back(object < recognition.classes ? 1 : 0);
      tally.direction_hits.push_back(object < recognition.directions ? 1 : 0);
    }
  }
}

FeatureStatistics real_clip_statistics(const judge::Judge& judge) {
  LT_CHECK(judge->config().class_accuracy.has_value(), CheckpointError,
           "[real_clip_statistics] the judge was saved before it was measured on real clips");
  return {judge->real_feature_mean.to(at::kCPU, at::kDouble), judge->real_feature_covariance.to(at::kCPU, at::kDouble),
          0};
}

}  // namespace lintorch::eval
