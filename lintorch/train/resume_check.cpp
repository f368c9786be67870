#include "lintorch/train/resume_check.h"

#include <set>

#include "lintorch/core/error.h"

namespace lintorch::train {

namespace {

// "lr_schedule: 2 (was 1)" for every difference, nested keys joined by dots.
void list_differences(const Json& saved, const Json& now, const std::string& path, std::string& list) {
  if (saved == now) return;
  if (saved.is_object() && now.is_object()) {
    std::set<std::string> keys;
    for (const auto& [key, value] : saved.items()) keys.insert(key);
    for (const auto& [key, value] : now.items()) keys.insert(key);
    for (const auto& key : keys)
      list_differences(saved.value(key, Json()), now.value(key, Json()), path + "." + key, list);
    return;
  }
  if (!list.empty()) list += ", ";
  list += fmt::format("{} is {} (was {})", path, now.dump(), saved.dump());
}

void refuse(const std::string& differences) {
  LT_CHECK(differences.empty(), ConfigError,
           "[resume] the run was started with other settings: {}. Use the same settings or another output folder",
           differences);
}

}  // namespace

void check_same_trainer_config(const Json& saved, const Json& now) {
  std::set<std::string> free = {"log_every",          "save_every", "keep_last",     "keep_every",
                                "preview_every",      "alarms",     "max_nonfinite", "max_rollbacks",
                                "rollback_lr_factor", "shard",      "bucket_mb",     "deterministic"};
  if (now.value("lr_schedule", "") == "constant") free.insert("steps");
  Json saved_rest = saved, now_rest = now;
  for (const auto& key : free) {
    saved_rest.erase(key);
    now_rest.erase(key);
  }
  std::string differences;
  list_differences(saved_rest, now_rest, "train", differences);
  refuse(differences);
}

void check_same_identity(const Json& saved, const Json& now, const std::string& what) {
  std::string differences;
  list_differences(saved, now, what, differences);
  refuse(differences);
}

}  // namespace lintorch::train
