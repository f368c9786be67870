#include "lintorch/inspect/random_checkpoint.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <zlib.h>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/io/safetensors.h"

namespace lintorch::inspect {
namespace {

at::Tensor make_tensor(const TensorSpec& spec, uint64_t seed, at::ScalarType dtype) {
  at::Tensor value;
  if (spec.std > 0) {
    const auto stream = ::crc32(0, reinterpret_cast<const Bytef*>(spec.name.data()), spec.name.size());
    value = at::randn(spec.shape, make_generator(mix_seed(seed, stream)), at::kFloat).mul_(spec.std);
    if (spec.mean != 0) value.add_(spec.mean);
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
  const auto bytes_of = [&](const TensorSpec& spec) {
    return spec.numel() * static_cast<int64_t>(c10::elementSize(dtype_of(spec.name)));
  };
  std::vector<std::vector<const TensorSpec*>> shards(1);
  int64_t total_bytes = 0, shard_bytes = 0;
  for (const auto& spec : tensors) {
    const int64_t bytes = bytes_of(spec);
    if (!shards.back().empty() && shard_bytes + bytes > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shards.back().push_back(&spec);
    shard_bytes += bytes;
    total_bytes += bytes;
  }

  ProgressBar progress(stem, static_cast<int64_t>(tensors.size()));
  int64_t done = 0;
  Json index = {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", Json::object()}};
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1
                                 ? stem + ".safetensors"
                                 : fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, shards.size());
    TensorMap values;
    for (const TensorSpec* spec : shards[i]) {
      values[spec->name] = make_tensor(*spec, seed, dtype_of(spec->name));
      index["weight_map"][spec->name] = name;
      progress.update(++done);
    }
    io::write_safetensors(folder / name, values, {{"format", "pt"}});
  }
  if (shards.size() > 1) write_json_file(folder / (stem + ".safetensors.index.json"), index);
}

}  // namespace lintorch::inspect
