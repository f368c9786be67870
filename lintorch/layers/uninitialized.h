#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace lintorch::layers {

/// While alive, random initialisation on this thread (uniform_, normal_) leaves its tensor as it is, and draws nothing:
/// for building a module whose weights a checkpoint replaces. Memory that no one wrote to takes no space either, so a
/// module built like this costs nothing until it is loaded.
class Uninitialized {
 public:
  Uninitialized();

 private:
  c10::impl::IncludeDispatchKeyGuard guard_;
};

}  // namespace lintorch::layers
