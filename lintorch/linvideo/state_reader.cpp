#include "lintorch/linvideo/state_reader.h"

#include <chrono>
#include <utility>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"

namespace lintorch::linvideo {

StateReader::StateReader(const TrajectorySource& store, DrawStates draw, int64_t depth, uint64_t seed,
                         c10::Device device)
    : store_(store), draw_(std::move(draw)), depth_(depth), seed_(seed), device_(device) {}

void StateReader::set_share(int64_t micro_batches, int64_t rank, int64_t ranks) {
  LT_ASSERT(ranks > 0 && micro_batches % ranks == 0);
  ahead_.reset();
  micro_batches_ = micro_batches;
  rank_ = rank;
  ranks_ = ranks;
}

void StateReader::reseed(uint64_t seed) {
  ahead_.reset();
  seed_ = seed;
}

at::Generator StateReader::generator_of(uint64_t seed, int64_t step, int64_t micro_step) {
  return make_generator(mix_seed(seed, static_cast<uint64_t>(step), static_cast<uint64_t>(micro_step)));
}

// In the thread of the prefetcher.
StateBatch StateReader::read_ahead(int64_t index) const {
  const int64_t per_step = micro_batches_ / ranks_;
  auto generator = generator_of(seed_, index / per_step, rank_ + index % per_step * ranks_);
  return read_states(store_, draw_(generator), device_.is_cuda());
}

StateReader::Item StateReader::read(int64_t step, int64_t micro_step, at::Generator& generator) {
  // Drawn here as well as in the thread, for it is cheap and moves the generator on.
  const auto indices = draw_(generator);
  Item item;
  const auto begin = std::chrono::steady_clock::now();
  const bool in_share = micro_step < micro_batches_ && micro_step % ranks_ == rank_;
  StateBatch batch;
  if (depth_ > 0 && in_share) {
    if (!ahead_)
      ahead_ = std::make_unique<Prefetcher<StateBatch>>([this](int64_t index) { return read_ahead(index); },
                                                        static_cast<size_t>(depth_));
    batch = ahead_->get(step * (micro_batches_ / ranks_) + micro_step / ranks_);
  } else {
    batch = read_states(store_, indices, /*pinned=*/false);
  }
  item.waited_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  item.batch = to_device(batch, device_);
  return item;
}

}  // namespace lintorch::linvideo
