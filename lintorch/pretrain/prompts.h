#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lintorch/models/judge/motion_prompt.h"

namespace lintorch::pretrain {

/// A prompt with the motion it asks for.
struct PromptSpec {
  std::string prompt;
  std::vector<judge::ObjectMotion> objects;
};

/// Prompt `index` of a set, drawn like the captions of the clips but from a random stream of its own; needs no dataset.
PromptSpec make_prompt(uint64_t seed, int64_t index, double two_object_fraction = 0.5, double bounce_probability = 0.24);

/// Prompts first_index ... first_index + count - 1.
std::vector<PromptSpec> make_prompts(uint64_t seed, int64_t first_index, int64_t count, double two_object_fraction = 0.5,
                                     double bounce_probability = 0.24);

/// Writes one prompt per line. Throws IoError.
void write_prompts(const std::filesystem::path& path, const std::vector<PromptSpec>& prompts);

}  // namespace lintorch::pretrain
