#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace lintorch::wan {

/// While alive, is called with the residual stream x_BLD after each block of every WanDit forward on this thread:
/// layer, x_BLD. For inspection; the innermost observer is the one that is called.
class BlockObserver {
 public:
  using Callback = std::function<void(int64_t, const at::Tensor&)>;

  explicit BlockObserver(Callback callback);
  ~BlockObserver();
  BlockObserver(const BlockObserver&) = delete;
  BlockObserver& operator=(const BlockObserver&) = delete;

  /// Calls the observer of this thread, if there is one.
  static void notify(int64_t layer, const at::Tensor& x_BLD);

 private:
  Callback callback_;
  BlockObserver* outer_;
};

}  // namespace lintorch::wan
