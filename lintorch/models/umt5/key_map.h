#pragma once

#include "lintorch/io/key_map.h"

namespace lintorch::umt5 {

/// Official Wan names (models_t5_umt5-xxl-enc-bf16) on the left, transformers' names on the right.
const io::KeyMap& umt5_key_map();

}  // namespace lintorch::umt5
