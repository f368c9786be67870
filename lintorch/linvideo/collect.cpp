#include "lintorch/linvideo/collect.h"

#include <algorithm>
#include <chrono>

#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/linvideo/teacher_sampling.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/pipeline/text_to_video.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

/// Trajectories [first, first + count) as one batch.
std::vector<Trajectory> sample_batch(pipeline::VideoModel& teacher, const TrajectoryManifest& m, int64_t first,
                                     int64_t count, const at::Tensor& uncond_BSD, ProgressBar& bar, int64_t done) {
  std::vector<std::string> prompts;
  std::vector<int64_t> trajectories;
  for (int64_t i = first; i < first + count; ++i) {
    prompts.push_back(m.prompt_of(i));
    trajectories.push_back(i);
  }
  return sample_trajectories(teacher.dit, m, trajectories, pipeline::encode_prompts(teacher, prompts), uncond_BSD,
                             [&](int64_t step) { bar.update(done * m.steps + count * (step + 1)); });
}

}  // namespace

void check_prompt_lengths(const umt5::Tokenizer& tokenizer, const std::vector<std::string>& prompts) {
  for (const auto& prompt : prompts) {
    const int64_t length = tokenizer.num_tokens(prompt), most = tokenizer.max_length();
    LT_CHECK(length <= most, ConfigError,
             "[check_prompt_lengths] prompt \"{}...\" is too long: expected at most {} tokens, got {}",
             prompt.substr(0, 40), most, length);
  }
}

CollectSummary collect_trajectories(const CollectConfig& config) {
  const auto device = resolve_device(config.device);
  auto teacher = pipeline::load_video_model(config.model, dtype_from_name(config.dtype), device);
  return collect_trajectories(teacher, config);
}

CollectSummary collect_trajectories(pipeline::VideoModel& teacher, const CollectConfig& config) {
  config.validate("");
  const auto begin = std::chrono::steady_clock::now();
  const TrajectoryManifest request = trajectory_request(teacher, config);
  check_prompt_lengths(*teacher.tokenizer, request.prompts);
  check_prompt_lengths(*teacher.tokenizer, {request.negative_prompt});
  const at::Tensor uncond_BSD = pipeline::encode_prompts(teacher, {request.negative_prompt});

  const auto text_element_bytes = static_cast<int64_t>(c10::elementSize(dtype_from_name(request.storage_dtype)));
  const int64_t trajectory_bytes = request.trajectory_bytes() + uncond_BSD.numel() * text_element_bytes;
  int64_t present = 0;
  if (fs::exists(fs::path(config.output) / "manifest.json"))
    for (const auto& shard : read_manifest(config.output).shards) present += shard.trajectories;
  check_free_space(config.output, trajectory_bytes * std::max<int64_t>(0, request.trajectories - present),
                   "make room, choose another output, or lower num_trajectories");
  TrajectoryWriter writer(config.output, request, uncond_BSD[0]);

  CollectSummary summary;
  summary.trajectories = request.trajectories;
  ProgressBar bar("collecting", request.trajectories * request.steps);
  int64_t done = 0;
  for (int64_t shard = 0; shard < request.num_shards(); ++shard) {
    const int64_t count = request.shard_trajectories(shard);
    if (writer.has_shard(shard)) {
      summary.reused += count;
      done += count;
      continue;
    }
    std::vector<Trajectory> trajectories;
    for (int64_t offset = 0; offset < count; offset += request.batch_size) {
      const int64_t size = std::min(request.batch_size, count - offset);
      auto batch =
          sample_batch(teacher, request, shard * request.trajectories_per_shard + offset, size, uncond_BSD, bar, done);
      std::move(batch.begin(), batch.end(), std::back_inserter(trajectories));
      done += size;
    }
    writer.write_shard(shard, trajectories);
  }
  bar.update(request.trajectories * request.steps);
  for (const auto& record : writer.manifest().shards) summary.bytes += record.bytes;
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  log_info("{} trajectories of {} steps ({} from an earlier run), {:.1f} MB in {}, took {}", summary.trajectories,
           request.steps, summary.reused, summary.bytes / 1e6, config.output, format_duration(summary.seconds));
  return summary;
}

}  // namespace lintorch::linvideo
