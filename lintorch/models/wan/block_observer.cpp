#include "lintorch/models/wan/block_observer.h"

namespace lintorch::wan {
namespace {

thread_local BlockObserver* innermost = nullptr;

}  // namespace

BlockObserver::BlockObserver(Callback callback) : callback_(std::move(callback)), outer_(innermost) {
  innermost = this;
}

BlockObserver::~BlockObserver() { innermost = outer_; }

void BlockObserver::notify(int64_t layer, const at::Tensor& x_BLD) {
  if (innermost) innermost->callback_(layer, x_BLD);
}

}  // namespace lintorch::wan
