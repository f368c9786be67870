#include "lintorch/linvideo/trajectory_manifest.h"

#include <algorithm>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

template <class T>
void check(bool ok, const fs::path& file, const char* field, const std::string& expected, const T& got) {
  LT_CHECK(ok, ConfigError, "[read_manifest] {}: {}: expected {}, got {}", file.string(), field, expected, got);
}

void validate(const TrajectoryManifest& m, const fs::path& file) {
  check(m.format_version == TrajectoryManifest::kFormatVersion, file, "format_version",
        std::to_string(TrajectoryManifest::kFormatVersion), m.format_version);
  check(m.steps > 0, file, "steps", "1 or more", m.steps);
  check(m.trajectories > 0, file, "trajectories", "1 or more", m.trajectories);
  check(m.trajectories_per_shard > 0, file, "trajectories_per_shard", "1 or more", m.trajectories_per_shard);
  check(!m.prompts.empty(), file, "prompts", "one or more", "none");
  check(m.storage_dtype == "fp32" || m.storage_dtype == "bf16" || m.storage_dtype == "fp16", file, "storage_dtype",
        "fp32|bf16|fp16", m.storage_dtype);
  const auto steps = static_cast<size_t>(m.steps);
  check(m.sigmas.size() == steps + 1, file, "sigmas", fmt::format("{} values", steps + 1), m.sigmas.size());
  check(m.timesteps.size() == steps, file, "timesteps", fmt::format("{} values", steps), m.timesteps.size());
  const bool positive = std::all_of(m.latent_shape.begin(), m.latent_shape.end(), [](int64_t s) { return s > 0; });
  check(m.latent_shape.size() == 4 && positive, file, "latent_shape", "four positive sizes", m.latent_shape.size());
  std::vector<bool> seen(m.num_shards());
  for (const auto& record : m.shards) {
    check(record.shard >= 0 && record.shard < m.num_shards() && !seen[record.shard], file, "shards.shard",
          fmt::format("each number in [0,{}) once", m.num_shards()), record.shard);
    seen[record.shard] = true;
    check(record.file == m.shard_file(record.shard), file, "shards.file", m.shard_file(record.shard), record.file);
    check(record.trajectories == m.shard_trajectories(record.shard), file, "shards.trajectories",
          std::to_string(m.shard_trajectories(record.shard)), record.trajectories);
  }
}

std::string shortened(const Json& value) {
  std::string text = value.dump();
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

}  // namespace

int64_t TrajectoryManifest::num_shards() const {
  return (trajectories + trajectories_per_shard - 1) / trajectories_per_shard;
}

int64_t TrajectoryManifest::shard_trajectories(int64_t shard) const {
  return std::min(trajectories_per_shard, trajectories - shard * trajectories_per_shard);
}

std::string TrajectoryManifest::shard_file(int64_t shard) const {
  return fmt::format("trajectories-{:05}-of-{:05}.safetensors", shard + 1, num_shards());
}

const std::string& TrajectoryManifest::prompt_of(int64_t trajectory) const {
  return prompts[trajectory % static_cast<int64_t>(prompts.size())];
}

int64_t TrajectoryManifest::trajectory_bytes() const {
  int64_t latent = storage_dtype == "fp32" ? 4 : 2;
  for (const int64_t size : latent_shape) latent *= size;
  const int64_t velocities = has_velocities() ? (has_unconditional() ? 2 : 1) : 0;
  return latent * (steps + 1 + steps * velocities);
}

Json trajectories_identity(const TrajectoryManifest& manifest) {
  return {{"number", manifest.trajectories},
          {"seed", manifest.seed},
          {"sigmas", manifest.sigmas},
          {"guidance", manifest.guidance}};
}

TrajectoryManifest read_manifest(const fs::path& folder) {
  const fs::path file = folder / "manifest.json";
  auto manifest = config_from_json<TrajectoryManifest>(read_json_file(file), file.string() + ":");
  validate(manifest, file);
  return manifest;
}

void write_manifest(const fs::path& folder, const TrajectoryManifest& manifest) {
  write_json_file(folder / "manifest.json", config_to_json(manifest));
}

void check_same_teacher(const TrajectoryManifest& manifest, const std::string& fingerprint, const std::string& model,
                        const std::string& folder, const std::string& field) {
  LT_CHECK(manifest.teacher == fingerprint, ConfigError,
           "{}: {} was made by another teacher (fingerprint {}, {} has {}): run lintorch-collect with this one", field,
           folder, manifest.teacher, model, fingerprint);
}

void check_same_request(const TrajectoryManifest& stored, const TrajectoryManifest& wanted, const fs::path& folder) {
  const Json have = config_to_json(stored);
  const Json want = config_to_json(wanted);
  for (const auto& [field, value] : want.items()) {
    if (field == "shards" || have[field] == value) continue;
    std::string name = field;
    Json got = have[field], expected = value;
    if (got.is_array() && expected.is_array() && got.size() == expected.size()) {
      size_t i = 0;
      while (got[i] == expected[i]) ++i;
      name = fmt::format("{}[{}]", field, i);
      got = Json(got[i]);
      expected = Json(expected[i]);
    } else if (got.is_array() && expected.is_array()) {
      name += " (count)";
      got = have[field].size();
      expected = value.size();
    }
    throw ConfigError(fmt::format(
        "[collect_trajectories] {} already holds trajectories with {} = {}, this run asks for {}: use another "
        "output folder, or remove that one",
        folder.string(), name, shortened(got), shortened(expected)));
  }
}

}  // namespace lintorch::linvideo
