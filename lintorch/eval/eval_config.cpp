#include "lintorch/eval/eval_config.h"

#include <cctype>
#include <set>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/pipeline/sampling_choice.h"

namespace lintorch::eval {

std::string file_name(const std::string& row) {
  std::string safe;
  for (const char c : row) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return safe;
}

void EvalConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(!teacher.empty(), ConfigError, "{}: expected a model folder", at("teacher"));
  LT_CHECK(!prompts.empty(), ConfigError, "{}: expected a text file", at("prompts"));
  LT_CHECK(num_prompts >= 2, ConfigError, "{}: expected at least 2, got {}", at("num_prompts"), num_prompts);
  LT_CHECK(batch_size >= 1, ConfigError, "{}: expected at least 1, got {}", at("batch_size"), batch_size);
  LT_CHECK(videos_in_report >= 0, ConfigError, "{}: expected 0 or more, got {}", at("videos_in_report"),
           videos_in_report);
  LT_CHECK(videos_per_prompt >= 1, ConfigError, "{}: expected 1 or more, got {}", at("videos_per_prompt"),
           videos_per_prompt);
  LT_CHECK(diversity_prompts >= 1 && (videos_per_prompt == 1 || diversity_prompts <= num_prompts), ConfigError,
           "{}: expected a number in [1, num_prompts = {}], got {}", at("diversity_prompts"), num_prompts,
           diversity_prompts);
  LT_CHECK(!steps || *steps >= 1, ConfigError, "{}: expected at least 1, got {}", at("steps"), *steps);
  LT_CHECK(seed >= 0, ConfigError, "{}: expected 0 or more, got {}", at("seed"), seed);
  std::set<std::string> files{file_name("teacher")};
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto& candidate = candidates[i];
    const std::string key = fmt::format("{}[{}]", at("candidates"), i);
    LT_CHECK(!candidate.name.empty() && !candidate.model.empty(), ConfigError, "{}: expected a name and a model folder",
             key);
    LT_CHECK(
        files.insert(file_name(candidate.name)).second, ConfigError,
        "{}.name: expected another name than \"teacher\" and those before it (letters and digits count), got \"{}\"",
        key, candidate.name);
    pipeline::SamplingRequest{candidate.sampler, candidate.steps, candidate.shift, candidate.guidance, candidate.times}
        .validate(key);
  }
}

}  // namespace lintorch::eval
