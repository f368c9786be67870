#include "lintorch/train/rollback.h"

#include "lintorch/core/config_fields.h"

namespace lintorch::train {

namespace {

std::filesystem::path file_of(const std::filesystem::path& run_dir) { return run_dir / "rollbacks.json"; }

}  // namespace

std::vector<Rollback> read_rollbacks(const std::filesystem::path& run_dir) {
  std::vector<Rollback> rollbacks;
  if (std::filesystem::exists(file_of(run_dir)))
    read_config_value(read_json_file(file_of(run_dir)), rollbacks, file_of(run_dir).string());
  return rollbacks;
}

void append_rollback(const std::filesystem::path& run_dir, const Rollback& rollback) {
  auto rollbacks = read_rollbacks(run_dir);
  rollbacks.push_back(rollback);
  write_json_file(file_of(run_dir), write_config_value(rollbacks));
}

}  // namespace lintorch::train
