#include "lintorch/pretrain/judge_unit.h"

#include "lintorch/pretrain/unit_support.h"

namespace lintorch::pretrain {

JudgeUnit::JudgeUnit(const JudgeStageConfig& config, std::shared_ptr<const MovingFashion> clips, judge::Judge judge,
                     c10::Device device)
    : config_(config),
      clips_(std::move(clips)),
      judge_(std::move(judge)),
      device_(device),
      batches_([this](int64_t index) { return draw(index); }) {}

std::vector<train::ParameterGroup> JudgeUnit::parameter_groups() {
  return {{.name = "judge", .parameters = named_parameters(*judge_, "")}};
}

JudgeUnit::Batch JudgeUnit::draw(int64_t index) const {
  const ClipBatch clips = clips_->make_batch(Split::kTrain, index * config_.batch_size, config_.batch_size);
  const at::Tensor presence = at::zeros({config_.batch_size, judge::kNumClasses});
  std::vector<int64_t> clip, class_id, direction;
  for (size_t i = 0; i < clips.objects.size(); ++i) {
    for (const ClipObject& object : clips.objects[i]) {
      clip.push_back(static_cast<int64_t>(i));
      class_id.push_back(object.class_id);
      direction.push_back(object.direction);
      presence.accessor<float, 2>()[static_cast<int64_t>(i)][object.class_id] = 1;
    }
  }
  const auto stage = [&](const at::Tensor& t) { return stage_for(t, device_); };
  return {stage(clips.video_BCFHW), stage(presence), stage(at::tensor(clip)), stage(at::tensor(class_id)),
          stage(at::tensor(direction))};
}

at::Tensor JudgeUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  const Batch batch = batches_.get(step * config_.train.accumulate + micro_step);
  at::Tensor video_BCFHW = send(batch.video_BCFHW, device_);
  // The default generator of the device: the trainer seeds it at every step.
  if (config_.noise > 0) video_BCFHW = video_BCFHW + config_.noise * at::randn_like(video_BCFHW);
  const judge::JudgeOutput output = judge_->forward(video_BCFHW);
  const at::Tensor class_loss =
      at::binary_cross_entropy_with_logits(output.class_logits, send(batch.presence, device_)) * judge::kNumClasses;
  const at::Tensor rows = output.direction_logits.index({send(batch.clip, device_), send(batch.class_id, device_)});
  const at::Tensor direction_loss = at::cross_entropy_loss(rows, send(batch.direction, device_));
  metrics.add("class_loss", class_loss.detach());
  metrics.add("direction_loss", direction_loss.detach());
  return class_loss + direction_loss;
}

judge::Recognition JudgeUnit::test() {
  const at::NoGradGuard no_grad;
  judge::Recognition total;
  std::vector<at::Tensor> features;
  for (int64_t first = 0; first < config_.test_clips; first += config_.batch_size) {
    const int64_t size = std::min(config_.batch_size, config_.test_clips - first);
    const ClipBatch clips = clips_->make_batch(Split::kTest, first, size);
    const judge::JudgeOutput output = judge_->forward(clips.video_BCFHW.to(device_));
    std::vector<std::vector<judge::ObjectMotion>> told(clips.objects.size());
    for (size_t i = 0; i < told.size(); ++i)
      for (const ClipObject& object : clips.objects[i])
        told[i].push_back({object.class_id, object.direction, object.speed, object.path.bounces});
    total += judge::recognise(output, told);
    features.push_back(output.features.to(at::kDouble));
  }
  const at::Tensor all = at::cat(features);
  judge_->real_feature_mean.copy_(all.mean(0));
  judge_->real_feature_covariance.copy_(all.t().cov());
  judge_->set_accuracy(total.class_accuracy(), total.direction_accuracy());
  return total;
}

}  // namespace lintorch::pretrain
