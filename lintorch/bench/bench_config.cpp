#include "lintorch/bench/bench_config.h"

#include <regex>

#include "lintorch/core/error.h"

namespace lintorch::bench {

BenchSize bench_size(const std::string& name) {
  if (name == "tiny") return {name, 128, 540, 256, 64};
  if (name == "1.3b") return {name, 1, 32760, 1536, 128};
  if (name == "14b") return {name, 1, 75600, 5120, 128};
  std::smatch match;
  LT_CHECK(std::regex_match(name, match, std::regex("(\\d{1,6})x(\\d{1,8})x(\\d{1,6})x(\\d{1,4})")), ConfigError,
           "[sizes] expected tiny, 1.3b, 14b or BxLxDxK, got \"{}\"", name);
  const BenchSize size = {name, std::stoll(match[1]), std::stoll(match[2]), std::stoll(match[3]), std::stoll(match[4])};
  LT_CHECK(
      size.B > 0 && size.L > 0 && size.K >= 6 && size.K % 2 == 0 && size.D > 0 && size.D % size.K == 0, ConfigError,
      "[sizes] expected positive sizes, an even head dim of at least 6 and a width that is a multiple of it, got {}",
      name);
  return size;
}

void BenchConfig::validate(const std::string& path) const {
  for (const std::string& size : sizes) bench_size(size);
  for (const std::string& name : {stream_dtype, dtype})
    LT_CHECK(name == "fp32" || name == "bf16", ConfigError, "{}.dtype: expected fp32 or bf16, got \"{}\"", path, name);
  LT_CHECK(warmup >= 0 && repeats > 0 && input_sets > 0, ConfigError,
           "{}: expected warmup >= 0, repeats > 0, input_sets > 0", path);
}

}  // namespace lintorch::bench
