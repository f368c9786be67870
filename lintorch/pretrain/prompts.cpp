#include "lintorch/pretrain/prompts.h"

#include "lintorch/core/files.h"
#include "lintorch/pretrain/motion.h"

namespace lintorch::pretrain {

constexpr uint64_t kPromptStream = 2;  // streams 0 and 1 are the splits of the clips

PromptSpec make_prompt(uint64_t seed, int64_t index, double two_object_fraction, double bounce_probability) {
  const uint64_t prompt_seed = mix_seed(mix_seed(seed, kPromptStream), 0, static_cast<uint64_t>(index));
  RandomStream random(prompt_seed);
  PromptSpec spec;
  for (const MotionPlan& plan : draw_plans(random, two_object_fraction, bounce_probability)) {
    judge::ObjectMotion object{plan.class_id, plan.direction, plan.speed, {}};
    if (plan.bounce) object.bounces.push_back(*plan.bounce);
    spec.objects.push_back(std::move(object));
  }
  spec.prompt = judge::describe_motion(spec.objects, mix_seed(prompt_seed, 1, 1));
  return spec;
}

std::vector<PromptSpec> make_prompts(uint64_t seed, int64_t first_index, int64_t count, double two_object_fraction,
                                     double bounce_probability) {
  std::vector<PromptSpec> prompts;
  for (int64_t i = 0; i < count; ++i)
    prompts.push_back(make_prompt(seed, first_index + i, two_object_fraction, bounce_probability));
  return prompts;
}

void write_prompts(const std::filesystem::path& path, const std::vector<PromptSpec>& prompts) {
  std::string text;
  for (const auto& spec : prompts) text += spec.prompt + "\n";
  write_file_atomic(path, text);
}

}  // namespace lintorch::pretrain
