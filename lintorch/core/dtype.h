#pragma once

#include <c10/core/ScalarType.h>

#include <string>
#include <string_view>

namespace lintorch {

/// "fp32" | "bf16" | "fp16" | "fp64" (also "float32", "bfloat16", "float16", "float64"). Throws ConfigError.
at::ScalarType dtype_from_name(std::string_view name);

/// The short form, e.g. "bf16". Throws std::logic_error for a type without one.
std::string dtype_name(at::ScalarType dtype);

}  // namespace lintorch
