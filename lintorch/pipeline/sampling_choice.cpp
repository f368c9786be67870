#include "lintorch/pipeline/sampling_choice.h"

#include <fmt/ranges.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::pipeline {

void check_times(const std::vector<double>& times, const std::string& key) {
  bool falling = !times.empty() && times.front() <= 1 && times.back() > 0;
  for (size_t i = 1; i < times.size(); ++i) falling = falling && times[i] < times[i - 1];
  LT_CHECK(falling, ConfigError, "{}: expected falling flow times in (0,1], got [{}]", key, fmt::join(times, ", "));
}

void SamplingRequest::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(!steps || *steps >= 1, ConfigError, "{}: expected at least 1, got {}", at("steps"), *steps);
  LT_CHECK(!shift || *shift > 0, ConfigError, "{}: expected a positive number, got {}", at("shift"), *shift);
  LT_CHECK(!guidance || *guidance >= 0, ConfigError, "{}: expected 0 or more, got {}", at("guidance"), *guidance);
  if (times) check_times(*times, at("times"));
}

SampleOptions choose_sampling(const SamplingRequest& request, const diffusion::SchedulerConfig& scheduler,
                              const GenerationDefaults& defaults) {
  const auto& few = defaults.few_steps;
  SampleOptions options;
  options.sampler = request.sampler.value_or(few ? few->sampler : scheduler.sampler);
  options.shift = request.shift.value_or(few ? few->shift : scheduler.flow_shift);
  options.guidance = request.guidance.value_or(few ? 1.0 : defaults.guidance);
  options.steps = request.steps.value_or(few ? static_cast<int64_t>(few->times.size()) : defaults.steps);
  if (request.times) {
    const auto count = static_cast<int64_t>(request.times->size());
    LT_CHECK(!request.steps || *request.steps == count, ConfigError, "steps: expected {}, the number of times, got {}",
             count, options.steps);
    options.times = *request.times;
    options.steps = count;
  } else if (few && options.sampler != diffusion::SamplerKind::kUniPc) {
    const bool own = options.steps == static_cast<int64_t>(few->times.size()) && options.shift == few->shift;
    options.times = own ? few->times : diffusion::even_times(options.steps, options.shift);
  }
  return options;
}

std::vector<std::string> distillation_mismatches(const SampleOptions& options, const GenerationDefaults& defaults) {
  std::vector<std::string> lines;
  if (!defaults.few_steps) return lines;
  const auto& few = *defaults.few_steps;
  if (options.sampler != few.sampler)
    lines.push_back(fmt::format("the model was distilled for the sampler {}, not for {}", enum_name(few.sampler),
                                enum_name(options.sampler)));
  if (options.times != few.times)
    lines.push_back(
        fmt::format("the model was distilled for {} steps, at the flow times [{:.4g}], not for {} steps{}",
                    few.times.size(), fmt::join(few.times, ", "), options.steps,
                    options.times.empty() ? "" : fmt::format(" at [{:.4g}]", fmt::join(options.times, ", "))));
  if (options.guidance != 1)
    lines.push_back(fmt::format("the model has its guidance built in and was distilled to run without, not with {}",
                                options.guidance));
  return lines;
}

}  // namespace lintorch::pipeline
