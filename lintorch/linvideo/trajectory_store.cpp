#include "lintorch/linvideo/trajectory_store.h"

#include <algorithm>

#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/linvideo/fingerprint.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUnconditionalText = "unconditional_text.safetensors";

std::string tensor_name(const char* kind, int64_t trajectory) { return fmt::format("{}.{:06}", kind, trajectory); }

std::vector<int64_t> stacked_shape(const TrajectoryManifest& manifest, int64_t count) {
  std::vector<int64_t> shape = manifest.latent_shape;
  shape.insert(shape.begin(), count);
  return shape;
}

void check_shard(const io::SafetensorsFile& file, const TrajectoryManifest& manifest, int64_t shard) {
  const auto check = [&](const char* kind, int64_t trajectory, const std::vector<int64_t>& shape) {
    const std::string name = tensor_name(kind, trajectory);
    const auto it = file.tensors().find(name);
    LT_CHECK(it != file.tensors().end(), CheckpointError, "[TrajectoryStore] {} has no tensor {}", file.path().string(),
             name);
    LT_CHECK(shape.empty() || it->second.shape == shape, CheckpointError,
             "[TrajectoryStore] {}: {} has another shape than manifest.json says: expected [{}], got [{}]",
             file.path().string(), name, fmt::join(shape, ", "), fmt::join(it->second.shape, ", "));
  };
  const int64_t first = shard * manifest.trajectories_per_shard;
  for (int64_t i = first; i < first + manifest.shard_trajectories(shard); ++i) {
    check("x", i, stacked_shape(manifest, manifest.steps + 1));
    if (manifest.has_velocities()) check("u_cond", i, stacked_shape(manifest, manifest.steps));
    if (manifest.has_velocities() && manifest.has_unconditional())
      check("u_uncond", i, stacked_shape(manifest, manifest.steps));
    check("text", i, {});
  }
}

}  // namespace

TrajectoryWriter::TrajectoryWriter(fs::path folder, TrajectoryManifest request, const at::Tensor& unconditional_text_SD)
    : folder_(std::move(folder)), manifest_(std::move(request)) {
  LT_ASSERT(unconditional_text_SD.dim() == 2);
  manifest_.shards.clear();
  if (fs::exists(folder_ / "manifest.json")) {
    TrajectoryManifest stored = read_manifest(folder_);
    check_same_request(stored, manifest_, folder_);
    manifest_ = std::move(stored);
    std::erase_if(manifest_.shards, [&](const ShardRecord& record) { return !has_shard(record.shard); });
  } else {
    LT_CHECK(!fs::exists(folder_) || (fs::is_directory(folder_) && fs::is_empty(folder_)), IoError,
             "[collect_trajectories] {} exists and is not a trajectory folder: expected a new or empty one",
             folder_.string());
    create_folder(folder_);
    write_manifest(folder_, manifest_);
  }
  io::write_safetensors(folder_ / kUnconditionalText,
                        {{"text", unconditional_text_SD.to(dtype_from_name(manifest_.storage_dtype))}});
}

bool TrajectoryWriter::has_shard(int64_t shard) const {
  const auto& shards = manifest_.shards;
  const auto it = std::find_if(shards.begin(), shards.end(), [&](const ShardRecord& r) { return r.shard == shard; });
  if (it == shards.end()) return false;
  std::error_code missing;
  const auto size = fs::file_size(folder_ / it->file, missing);
  return !missing && static_cast<int64_t>(size) == it->bytes;
}

void TrajectoryWriter::write_shard(int64_t shard, const std::vector<Trajectory>& trajectories) {
  LT_ASSERT(static_cast<int64_t>(trajectories.size()) == manifest_.shard_trajectories(shard));
  const auto dtype = dtype_from_name(manifest_.storage_dtype);
  TensorMap tensors;
  for (size_t k = 0; k < trajectories.size(); ++k) {
    const Trajectory& trajectory = trajectories[k];
    const int64_t i = shard * manifest_.trajectories_per_shard + static_cast<int64_t>(k);
    check_shape(trajectory.x_ICTHW, stacked_shape(manifest_, manifest_.steps + 1), "TrajectoryWriter: x");
    tensors[tensor_name("x", i)] = trajectory.x_ICTHW.to(dtype);
    tensors[tensor_name("text", i)] = trajectory.text_SD.to(dtype);
    if (!manifest_.has_velocities()) continue;
    check_shape(trajectory.u_cond_ICTHW, stacked_shape(manifest_, manifest_.steps), "TrajectoryWriter: u_cond");
    tensors[tensor_name("u_cond", i)] = trajectory.u_cond_ICTHW.to(dtype);
    if (!manifest_.has_unconditional()) continue;
    check_shape(trajectory.u_uncond_ICTHW, stacked_shape(manifest_, manifest_.steps), "TrajectoryWriter: u_uncond");
    tensors[tensor_name("u_uncond", i)] = trajectory.u_uncond_ICTHW.to(dtype);
  }
  ShardRecord record;
  record.shard = shard;
  record.file = manifest_.shard_file(shard);
  record.trajectories = static_cast<int64_t>(trajectories.size());
  io::write_safetensors(folder_ / record.file, tensors, {{"teacher", manifest_.teacher}});
  record.bytes = static_cast<int64_t>(fs::file_size(folder_ / record.file));
  record.crc32 = file_crc32(folder_ / record.file);

  auto& shards = manifest_.shards;
  std::erase_if(shards, [&](const ShardRecord& r) { return r.shard == shard; });
  const auto place = std::find_if(shards.begin(), shards.end(), [&](const ShardRecord& r) { return r.shard > shard; });
  shards.insert(place, record);
  write_manifest(folder_, manifest_);
}

TrajectoryStore::TrajectoryStore(const fs::path& folder) : folder_(folder), manifest_(read_manifest(folder)) {
  LT_CHECK(static_cast<int64_t>(manifest_.shards.size()) == manifest_.num_shards(), CheckpointError,
           "[TrajectoryStore] {} is not finished: {} of {} shards; run lintorch-collect again to continue",
           folder.string(), manifest_.shards.size(), manifest_.num_shards());
  for (int64_t shard = 0; shard < manifest_.num_shards(); ++shard) {
    const auto record = std::find_if(manifest_.shards.begin(), manifest_.shards.end(),
                                     [&](const ShardRecord& r) { return r.shard == shard; });
    const fs::path file = folder / record->file;
    LT_CHECK(fs::exists(file), CheckpointError, "[TrajectoryStore] shard {} is missing", file.string());
    LT_CHECK(static_cast<int64_t>(fs::file_size(file)) == record->bytes, CheckpointError,
             "[TrajectoryStore] shard {} has {} bytes, manifest.json says {}", file.string(), fs::file_size(file),
             record->bytes);
    shards_.emplace_back(file);
    check_shard(shards_.back(), manifest_, shard);
  }
  unconditional_text_SD_ = io::SafetensorsFile(folder / kUnconditionalText).tensor("text");
}

at::Tensor TrajectoryStore::tensor(const char* kind, int64_t trajectory) const {
  LT_ASSERT(trajectory >= 0 && trajectory < manifest_.trajectories);
  return shards_[trajectory / manifest_.trajectories_per_shard].tensor(tensor_name(kind, trajectory));
}

at::Tensor TrajectoryStore::state(int64_t trajectory, int64_t step) const { return tensor("x", trajectory)[step]; }

at::Tensor TrajectoryStore::conditional_velocity(int64_t trajectory, int64_t step) const {
  LT_ASSERT(manifest_.has_velocities());
  return tensor("u_cond", trajectory)[step];
}

at::Tensor TrajectoryStore::unconditional_velocity(int64_t trajectory, int64_t step) const {
  LT_ASSERT(manifest_.has_velocities() && manifest_.has_unconditional());
  return tensor("u_uncond", trajectory)[step];
}

at::Tensor TrajectoryStore::text(int64_t trajectory) const { return tensor("text", trajectory); }

void TrajectoryStore::verify_checksums() const {
  for (const auto& record : manifest_.shards)
    LT_CHECK(file_crc32(folder_ / record.file) == record.crc32, CheckpointError,
             "[TrajectoryStore] shard {} does not match its checksum in manifest.json",
             (folder_ / record.file).string());
}

}  // namespace lintorch::linvideo
