#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/linvideo/collect_config.h"

namespace lintorch::linvideo {

/// One finished shard of a trajectory store.
struct ShardRecord {
  int64_t shard = 0;  ///< number, from 0; shard s starts at trajectory s * trajectories_per_shard
  std::string file;
  int64_t trajectories = 0;
  int64_t bytes = 0;
  int64_t crc32 = 0;

  template <class V>
  void visit(V& v) {
    v("shard", shard);
    v("file", file);
    v("trajectories", trajectories);
    v("bytes", bytes);
    v("crc32", crc32);
  }
};

/// manifest.json of a trajectory store: how the trajectories were made, and which shards are finished.
///
/// Trajectory i belongs to prompt i % prompts.size() and starts from the noise of stream i of the seed.
struct TrajectoryManifest {
  static constexpr int64_t kFormatVersion = 1;

  int64_t format_version = 0;
  std::string teacher;  ///< teacher_fingerprint() of the model folder
  std::string sampler;
  int64_t steps = 0;
  double shift = 0;
  double guidance = 0;
  std::string negative_prompt;
  int64_t seed = 0;
  int64_t width = 0;
  int64_t height = 0;
  int64_t frames = 0;
  std::vector<int64_t> latent_shape;  ///< [C, T, H, W]
  std::string storage_dtype;
  StoreContent content = StoreContent::kStatesAndVelocities;  ///< also of stores made before this field
  std::string compute_dtype;
  std::vector<double> sigmas;     ///< steps + 1 falling flow times, the last one 0
  std::vector<double> timesteps;  ///< what the teacher was told at each step
  int64_t trajectories = 0;
  int64_t trajectories_per_shard = 0;
  int64_t batch_size = 0;
  std::vector<std::string> prompts;
  std::vector<ShardRecord> shards;

  template <class V>
  void visit(V& v) {
    v("format_version", format_version);
    v("teacher", teacher);
    v("sampler", sampler);
    v("steps", steps);
    v("shift", shift);
    v("guidance", guidance);
    v("negative_prompt", negative_prompt);
    v("seed", seed);
    v("width", width);
    v("height", height);
    v("frames", frames);
    v("latent_shape", latent_shape);
    v("storage_dtype", storage_dtype);
    v("content", content);
    v("compute_dtype", compute_dtype);
    v("sigmas", sigmas);
    v("timesteps", timesteps);
    v("trajectories", trajectories);
    v("trajectories_per_shard", trajectories_per_shard);
    v("batch_size", batch_size);
    v("prompts", prompts);
    v("shards", shards);
  }

  int64_t num_shards() const;
  int64_t shard_trajectories(int64_t shard) const;
  std::string shard_file(int64_t shard) const;  ///< e.g. "trajectories-00003-of-00016.safetensors"
  const std::string& prompt_of(int64_t trajectory) const;
  /// Whether the trajectories are guided, so that there is an unconditional branch.
  bool has_unconditional() const { return guidance != 1.0; }
  bool has_velocities() const { return content == StoreContent::kStatesAndVelocities; }

  /// Bytes of one trajectory on disk, without its text embedding.
  int64_t trajectory_bytes() const;
};

/// What training on trajectories depends on, wherever they lie: for TrainUnit::identity.
Json trajectories_identity(const TrajectoryManifest& manifest);

/// Reads and validates `folder`/manifest.json. Throws IoError if there is none, ConfigError naming the field.
TrajectoryManifest read_manifest(const std::filesystem::path& folder);

/// Writes `folder`/manifest.json atomically.
void write_manifest(const std::filesystem::path& folder, const TrajectoryManifest& manifest);

/// Throws ConfigError naming `field` if the trajectories in `folder` are not of the teacher in `model`, which has this fingerprint.
void check_same_teacher(const TrajectoryManifest& manifest, const std::string& fingerprint, const std::string& model,
                        const std::string& folder, const std::string& field);

/// Throws ConfigError naming the first field (shards apart) in which an existing store differs from a request.
void check_same_request(const TrajectoryManifest& stored, const TrajectoryManifest& wanted,
                        const std::filesystem::path& folder);

}  // namespace lintorch::linvideo
