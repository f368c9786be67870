#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/io/safetensors.h"
#include "lintorch/linvideo/trajectory_manifest.h"
#include "lintorch/linvideo/trajectory_source.h"

namespace lintorch::linvideo {

// A trajectory store is a folder: manifest.json, unconditional_text.safetensors, and shards
// trajectories-00001-of-00016.safetensors with, for every trajectory i of the shard,
//   x.<i>        [steps + 1, C, T, H, W]  states x_t from noise to the finished latent
//   u_cond.<i>   [steps, C, T, H, W]      teacher velocities with the prompt (content states_and_velocities only)
//   u_uncond.<i> [steps, C, T, H, W]      teacher velocities with the negative prompt (and guidance other than 1)
//   text.<i>     [S, D]                   embedding of the prompt
// Letter I in this file: states or steps of a trajectory.

/// One trajectory of the teacher's sampler.
struct Trajectory {
  at::Tensor x_ICTHW;
  at::Tensor u_cond_ICTHW;    ///< undefined in a store of states alone
  at::Tensor u_uncond_ICTHW;  ///< undefined there, and without guidance
  at::Tensor text_SD;
};

/// Fills a trajectory store shard by shard. A kill at any moment costs the shard in work and nothing else.
class TrajectoryWriter {
 public:
  /// Starts a store in an empty or new folder, or continues one made by the same request (request.shards is ignored).
  /// Throws ConfigError naming the field if the folder holds trajectories of another request, IoError if it holds
  /// something else.
  TrajectoryWriter(std::filesystem::path folder, TrajectoryManifest request, const at::Tensor& unconditional_text_SD);

  const TrajectoryManifest& manifest() const { return manifest_; }

  /// Whether the shard is finished: recorded, present and of the recorded size.
  bool has_shard(int64_t shard) const;

  /// Writes shard file and manifest, each atomically. Throws Error if the trajectories do not fit the manifest.
  void write_shard(int64_t shard, const std::vector<Trajectory>& trajectories);

 private:
  std::filesystem::path folder_;
  TrajectoryManifest manifest_;
};

/// Reads a finished trajectory store through memory maps: any state at random, without reading the rest.
class TrajectoryStore : public TrajectorySource {
 public:
  /// Throws IoError or ConfigError for a missing or wrong manifest, CheckpointError naming the shard if one is missing
  /// or damaged in size, header or shapes.
  explicit TrajectoryStore(const std::filesystem::path& folder);

  const TrajectoryManifest& manifest() const override { return manifest_; }

  /// Views of the mapped files, no copies.
  at::Tensor state(int64_t trajectory, int64_t step) const override;
  at::Tensor conditional_velocity(int64_t trajectory, int64_t step) const override;
  at::Tensor unconditional_velocity(int64_t trajectory, int64_t step) const override;
  at::Tensor text(int64_t trajectory) const override;
  const at::Tensor& unconditional_text() const override { return unconditional_text_SD_; }

  /// Reads every shard and compares its checksum. Throws CheckpointError naming the shard.
  void verify_checksums() const;

 private:
  at::Tensor tensor(const char* kind, int64_t trajectory) const;

  std::filesystem::path folder_;
  TrajectoryManifest manifest_;
  std::vector<io::SafetensorsFile> shards_;
  at::Tensor unconditional_text_SD_;
};

}  // namespace lintorch::linvideo
