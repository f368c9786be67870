#include "lintorch/inspect/random_checkpoint.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <c10/util/accumulate.h>
#include <zlib.h>

#include <algorithm>
#include <map>

#include "lintorch/core/error.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/core/rng.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/io/torch_archive.h"

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

/// Makes the tensors by the names they are stored under, and shows how far it is.
class Maker {
 public:
  Maker(const std::string& what, const RandomTensors& random)
      : random_(random), progress_(what, static_cast<int64_t>(random.tensors.size())) {
    for (const auto& spec : random.tensors) {
      const std::string name = random.stored_name ? random.stored_name(spec.name) : spec.name;
      by_name_.emplace(name, &spec);
      stored_.emplace(name, io::StoredTensor{random.dtype_of(spec.name), spec.shape});
    }
  }

  const std::map<std::string, io::StoredTensor>& stored() const { return stored_; }

  at::Tensor operator()(const std::string& name) {
    progress_.update(++done_);
    return make_tensor(*by_name_.at(name), random_.seed, stored_.at(name).dtype);
  }

 private:
  const RandomTensors& random_;
  std::map<std::string, const TensorSpec*> by_name_;
  std::map<std::string, io::StoredTensor> stored_;
  ProgressBar progress_;
  int64_t done_ = 0;
};

}  // namespace

void write_random_checkpoint(const std::filesystem::path& folder, const std::string& stem, const RandomTensors& random,
                             int64_t max_shard_bytes) {
  LT_CHECK(max_shard_bytes >= 1, ConfigError, "max_shard_bytes: expected at least 1, got {}", max_shard_bytes);
  Maker make(stem, random);
  std::map<std::string, uint64_t> sizes;
  for (const auto& [name, tensor] : make.stored())
    sizes.emplace(name, c10::multiply_integers(tensor.shape) * c10::elementSize(tensor.dtype));
  io::write_checkpoint(folder, stem, sizes, std::ref(make), random.metadata, static_cast<uint64_t>(max_shard_bytes));
}

void write_random_torch_archive(const std::filesystem::path& file, const RandomTensors& random) {
  Maker make(file.filename().string(), random);
  io::write_torch_archive(file, make.stored(), std::ref(make), random.metadata);
}

}  // namespace lintorch::inspect
