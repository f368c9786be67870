#include "lintorch/train/train_checkpoint.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/train/trainer_config.h"

namespace lintorch::train {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kFormatVersion = 1;

TensorMap read_tensors(const fs::path& path) {
  const io::SafetensorsFile file(path);
  TensorMap tensors;
  for (const auto& [name, info] : file.tensors()) tensors[name] = file.tensor(name);
  return tensors;
}

}  // namespace

int64_t checkpoints_to_come(const TrainerConfig& config, int64_t steps_left, int64_t on_disk) {
  const int64_t saves = config.save_every > 0 ? steps_left / config.save_every + 1 : 1;
  const int64_t for_good = config.keep_every > 0 ? steps_left / config.keep_every : 0;
  return std::min(saves, std::max<int64_t>(1, config.keep_last + 1 - on_disk) + for_good);
}

std::vector<fs::path> checkpoint_folders(const fs::path& run_dir) {
  std::vector<fs::path> folders;
  const fs::path parent = run_dir / "checkpoints";
  if (!fs::is_directory(parent)) return folders;
  for (const auto& entry : fs::directory_iterator(parent))
    if (entry.path().filename().string().starts_with("step_") && io::is_complete_dir(entry.path()))
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

int64_t checkpoint_step(const fs::path& folder) { return std::stoll(folder.filename().string().substr(5)); }

int64_t checkpoint_bytes(const TrainCheckpoint& checkpoint) {
  int64_t bytes = 0;
  for (const auto* tensors : {&checkpoint.model, &checkpoint.optimizer, &checkpoint.ema, &checkpoint.extra})
    for (const auto& [name, tensor] : *tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

fs::path save_train_checkpoint(const fs::path& run_dir, const TrainCheckpoint& checkpoint, int64_t keep_last,
                               int64_t keep_every) {
  const fs::path folder = run_dir / "checkpoints" / fmt::format("step_{:08}", checkpoint.step);
  io::AtomicDir writing(folder);
  io::write_safetensors(writing.path() / "model.safetensors", checkpoint.model);
  io::write_safetensors(writing.path() / "optimizer.safetensors", checkpoint.optimizer);
  io::write_safetensors(writing.path() / "ema.safetensors", checkpoint.ema);
  io::write_safetensors(writing.path() / "extra.safetensors", checkpoint.extra);
  write_json_file(writing.path() / "state.json", {{"format_version", kFormatVersion},
                                                  {"step", checkpoint.step},
                                                  {"ema_updates", checkpoint.ema_updates},
                                                  {"seconds", checkpoint.seconds},
                                                  {"version", version()},
                                                  {"commit", git_commit()},
                                                  {"config", checkpoint.config},
                                                  {"identity", checkpoint.identity},
                                                  {"watch", checkpoint.watch}});
  writing.commit();
  // A checkpoint of a later step was unreadable when the run resumed before it.
  const auto folders = checkpoint_folders(run_dir);
  const auto current = std::find(folders.begin(), folders.end(), folder);
  LT_ASSERT(current != folders.end());
  std::vector<fs::path> obsolete(current + 1, folders.end());
  const auto kept = std::min<std::ptrdiff_t>(keep_last, current + 1 - folders.begin());
  std::copy_if(folders.begin(), current + 1 - kept, std::back_inserter(obsolete),
               [&](const fs::path& path) { return keep_every == 0 || checkpoint_step(path) % keep_every != 0; });
  for (const auto& path : obsolete) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) log_warning("cannot remove the old checkpoint {}: {}", path.string(), error.message());
  }
  return folder;
}

TrainCheckpoint read_train_checkpoint(const fs::path& folder) {
  LT_CHECK(fs::exists(folder / "state.json"), CheckpointError,
           "checkpoint: expected a training checkpoint or a run folder, {} is neither", folder.string());
  const Json state = read_json_file(folder / "state.json");
  TrainCheckpoint checkpoint;
  try {
    LT_CHECK(state.at("format_version").get<int64_t>() == kFormatVersion, CheckpointError,
             "[read_train_checkpoint] {}: format {} is not supported", folder.string(),
             state.at("format_version").dump());
    checkpoint.step = state.at("step").get<int64_t>();
    checkpoint.ema_updates = state.at("ema_updates").get<std::map<std::string, int64_t>>();
    checkpoint.seconds = state.at("seconds").get<double>();
    checkpoint.config = state.at("config");
    checkpoint.identity = state.at("identity");
    checkpoint.watch = state.value("watch", Json::object());
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(fmt::format("[read_train_checkpoint] {}/state.json: {}", folder.string(), e.what()));
  }
  checkpoint.model = read_tensors(folder / "model.safetensors");
  checkpoint.optimizer = read_tensors(folder / "optimizer.safetensors");
  checkpoint.ema = read_tensors(folder / "ema.safetensors");
  checkpoint.extra = read_tensors(folder / "extra.safetensors");
  return checkpoint;
}

std::optional<TrainCheckpoint> read_latest_checkpoint(const fs::path& run_dir) {
  const auto folders = checkpoint_folders(run_dir);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    try {
      return read_train_checkpoint(*folder);
    } catch (const Error& e) {
      log_warning("skipping the checkpoint {}: {}", folder->string(), e.what());
    }
  }
  return std::nullopt;
}

std::optional<fs::path> latest_checkpoint_folder(const fs::path& run_dir) {
  const auto folders = checkpoint_folders(run_dir);
  if (folders.empty()) return std::nullopt;
  return folders.back();
}

}  // namespace lintorch::train
