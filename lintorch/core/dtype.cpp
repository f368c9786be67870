#include "lintorch/core/dtype.h"

#include <array>

#include "lintorch/core/error.h"

namespace lintorch {

namespace {

struct DtypeName {
  at::ScalarType dtype;
  std::string_view name;
  std::string_view long_name;
};

constexpr std::array<DtypeName, 4> kDtypes{{{at::kFloat, "fp32", "float32"},
                                            {at::kBFloat16, "bf16", "bfloat16"},
                                            {at::kHalf, "fp16", "float16"},
                                            {at::kDouble, "fp64", "float64"}}};

}  // namespace

at::ScalarType dtype_from_name(std::string_view name) {
  for (const auto& entry : kDtypes)
    if (entry.name == name || entry.long_name == name) return entry.dtype;
  throw ConfigError(fmt::format("[dtype] expected fp32, bf16, fp16 or fp64, got \"{}\"", name));
}

std::string dtype_name(at::ScalarType dtype) {
  for (const auto& entry : kDtypes)
    if (entry.dtype == dtype) return std::string(entry.name);
  throw std::logic_error("dtype without a name");
}

}  // namespace lintorch
