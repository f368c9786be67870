#include "lintorch/inspect/random_checkpoint.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <zlib.h>

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/io/sharded_index.h"

namespace lintorch::inspect {
namespace {

constexpr int64_t kPiece = 1 << 20;

at::Tensor make_tensor(const TensorSpec& spec, uint64_t seed, at::ScalarType dtype) {
  at::Tensor value;
  if (spec.std > 0) {
    const auto stream = ::crc32(0, reinterpret_cast<const Bytef*>(spec.name.data()), spec.name.size());
    value = at::empty(spec.shape, at::kFloat);
    const at::Tensor flat = value.view(-1);
    // Each piece draws from a generator of its own, so that the threads share the work and the values do not depend on them.
    const int64_t pieces = (flat.numel() + kPiece - 1) / kPiece;
    at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        flat.narrow(0, i * kPiece, std::min(kPiece, flat.numel() - i * kPiece))
            .normal_(spec.mean, spec.std, make_generator(mix_seed(seed, stream, static_cast<uint64_t>(i))));
    });
  } else {
    value = at::full(spec.shape, spec.mean, at::kFloat);
  }
  if (spec.identity) value.add_(at::eye(spec.shape.end()[-2], spec.shape.end()[-1]));
  return value.to(dtype);
}

}  // namespace

void write_random_checkpoint(const std::filesystem::path& folder, const std::string& stem,
                             const std::vector<TensorSpec>& tensors, uint64_t seed,
                             const std::function<at::ScalarType(const std::string&)>& dtype_of,
                             int64_t max_shard_bytes) {
  LT_CHECK(max_shard_bytes >= 1, ConfigError, "max_shard_bytes: expected at least 1, got {}", max_shard_bytes);
  std::map<std::string, const TensorSpec*> by_name;
  std::map<std::string, uint64_t> sizes;
  for (const auto& spec : tensors) {
    by_name.emplace(spec.name, &spec);
    sizes.emplace(spec.name, static_cast<uint64_t>(spec.numel()) * c10::elementSize(dtype_of(spec.name)));
  }
  ProgressBar progress(stem, static_cast<int64_t>(tensors.size()));
  int64_t done = 0;
  const auto make = [&](const std::string& name) {
    progress.update(++done);
    return make_tensor(*by_name.at(name), seed, dtype_of(name));
  };
  io::write_checkpoint(folder, stem, sizes, make, {}, static_cast<uint64_t>(max_shard_bytes));
}

}  // namespace lintorch::inspect
