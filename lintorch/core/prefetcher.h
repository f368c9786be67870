#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace lintorch {

/// Makes items 0, 1, 2, ... ahead of their use in a thread of its own, so that drawing or reading data does not hold up the
/// GPU. An item is a function of its index alone, so the order is that of asking; asking for another index than the next
/// one restarts from there. At most depth + 1 items exist at a time that were not taken. The thread ends with the object,
/// after the item in work.
template <class Item>
class Prefetcher {
 public:
  using Produce = std::function<Item(int64_t index)>;

  explicit Prefetcher(Produce produce, size_t depth = 3)
      : produce_(std::move(produce)), depth_(depth), thread_([this] { run(); }) {}

  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Waits for the item. Rethrows what its production threw.
  Item get(int64_t index) {
    std::unique_lock lock(mutex_);
    if (!started_ || index != next_taken_) {
      started_ = true;
      next_taken_ = next_made_ = index;
      ready_.clear();
      error_ = nullptr;
      ++generation_;
    }
    changed_.notify_all();
    changed_.wait(lock, [this] { return !ready_.empty() || error_; });
    if (ready_.empty()) std::rethrow_exception(error_);
    Item item = std::move(ready_.front());
    ready_.pop_front();
    ++next_taken_;
    lock.unlock();
    changed_.notify_all();
    return item;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || (started_ && !error_ && ready_.size() < depth_); });
      if (stopping_) return;
      const int64_t index = next_made_++;
      const int64_t generation = generation_;
      lock.unlock();
      std::exception_ptr error;
      std::optional<Item> item;
      try {
        item = produce_(index);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (generation != generation_) continue;  // asked to restart in the meantime
      if (error)
        error_ = error;
      else
        ready_.push_back(std::move(*item));
      changed_.notify_all();
    }
  }

  Produce produce_;
  size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  std::exception_ptr error_;
  int64_t next_taken_ = 0, next_made_ = 0, generation_ = 0;
  bool started_ = false, stopping_ = false;
  std::thread thread_;  // last: uses the members above
};

}  // namespace lintorch
