#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/core/tensor_map.h"

namespace lintorch::train {

struct TrainerConfig;

/// Everything a run needs to go on: weights, optimizer, EMA, the unit's extra state, and where it stood.
struct TrainCheckpoint {
  int64_t step = 0;                            // steps done
  double seconds = 0;                          // training time so far
  std::map<std::string, int64_t> ema_updates;  // by parameter group
  Json config;                                 // TrainerConfig
  Json identity;                               // TrainUnit::identity
  Json watch = Json::object();                 // AlarmWatch
  TensorMap model, optimizer, ema, extra;
};

/// Writes `run_dir`/checkpoints/step_<8 digits> atomically and removes all but the newest `keep_last` and those of steps
/// that are multiples of `keep_every` (0 = none), and any of a later step (left over from before a resume). Throws IoError;
/// earlier checkpoints stay as they are.
std::filesystem::path save_train_checkpoint(const std::filesystem::path& run_dir, const TrainCheckpoint& checkpoint,
                                            int64_t keep_last, int64_t keep_every = 0);

/// The most checkpoints that `steps_left` steps add to the `on_disk` present ones: an old one goes when the next is complete.
int64_t checkpoints_to_come(const TrainerConfig& config, int64_t steps_left, int64_t on_disk);

/// Bytes of its tensors.
int64_t checkpoint_bytes(const TrainCheckpoint& checkpoint);

/// Reads one checkpoint folder. Throws IoError, ConfigError or CheckpointError naming the file.
TrainCheckpoint read_train_checkpoint(const std::filesystem::path& folder);

/// The newest readable checkpoint of a run; incomplete or corrupt ones are skipped with a warning.
std::optional<TrainCheckpoint> read_latest_checkpoint(const std::filesystem::path& run_dir);

/// Folders of the complete checkpoints, oldest first; and the step in such a folder's name.
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& run_dir);
int64_t checkpoint_step(const std::filesystem::path& folder);

/// Folder of the newest complete checkpoint, if any.
std::optional<std::filesystem::path> latest_checkpoint_folder(const std::filesystem::path& run_dir);

}  // namespace lintorch::train
