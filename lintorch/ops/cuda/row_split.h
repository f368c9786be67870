#pragma once

#include <algorithm>
#include <cstdint>

namespace lintorch::ops {

/// Work split of kernels over rows of [B, L, D]: a row takes `threads` threads, which own `vectors` groups of 8
/// elements each; a block works on `rows` rows at a time and on `tokens_per_block` tokens of one batch entry in all.
/// Depends on the shape alone, so that sums over tokens have the same order on every device.
struct RowSplit {
  int32_t threads = 0, rows = 0, vectors = 0;
  int64_t blocks_per_batch = 0, tokens_per_block = 0;

  static RowSplit make(int64_t batches, int64_t tokens, int64_t width, int64_t wanted_blocks) {
    RowSplit split;
    split.vectors = width <= 2048 ? 1 : 2;
    const int64_t groups = (width / 8 + split.vectors - 1) / split.vectors;
    split.threads = static_cast<int32_t>((groups + 31) / 32 * 32);
    split.rows = std::max(1, 256 / split.threads);
    const int64_t most = (tokens + split.rows - 1) / split.rows;
    const int64_t blocks = std::clamp<int64_t>((wanted_blocks + batches - 1) / batches, 1, most);
    split.tokens_per_block = (most + blocks - 1) / blocks * split.rows;
    split.blocks_per_batch = (tokens + split.tokens_per_block - 1) / split.tokens_per_block;
    return split;
  }
};

/// Blocks asked for: many in passes without sums over tokens, for an even load; fewer where each block leaves partial
/// sums behind.
inline constexpr int64_t kForwardBlocks = 4096;
inline constexpr int64_t kBackwardBlocks = 1056;

/// Whether the row kernels take this width.
constexpr bool row_kernels_support(int64_t width) { return width > 0 && width % 8 == 0 && width <= 5120; }

}  // namespace lintorch::ops
