#include "lintorch/eval/eval_config.h"

#include "lintorch/core/error.h"

namespace lintorch::eval {

void EvalConfig::validate(const std::string& path) const {
  const std::string where = path.empty() ? "" : path + " ";
  LT_CHECK(!teacher.empty(), ConfigError, "{}teacher: expected a model folder", where);
  LT_CHECK(!prompts.empty(), ConfigError, "{}prompts: expected a text file", where);
  LT_CHECK(num_prompts >= 2, ConfigError, "{}num_prompts: expected at least 2, got {}", where, num_prompts);
  LT_CHECK(batch_size >= 1, ConfigError, "{}batch_size: expected at least 1, got {}", where, batch_size);
  LT_CHECK(videos_in_report >= 0, ConfigError, "{}videos_in_report: expected 0 or more, got {}", where,
           videos_in_report);
  LT_CHECK(!steps || *steps >= 1, ConfigError, "{}steps: expected at least 1, got {}", where, *steps);
  LT_CHECK(seed >= 0, ConfigError, "{}seed: expected 0 or more, got {}", where, seed);
  for (size_t i = 0; i < candidates.size(); ++i)
    LT_CHECK(!candidates[i].name.empty() && !candidates[i].model.empty(), ConfigError,
             "{}candidates[{}]: expected a name and a model folder", where, i);
}

}  // namespace lintorch::eval
