#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lintorch/io/temporary_file.h"

namespace lintorch::io::detail {

/// Writes a zip file of stored entries, front to back: the data of each begins at a multiple of 64 bytes, padded in its
/// local header's extra field as torch.save does; zip64 records where 32 bits do not suffice.
/// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3; caffe2/serialize/inline_container.cc.
class ZipWriter {
 public:
  /// Sizes and offsets from `zip64_from` on take zip64 records.
  explicit ZipWriter(TemporaryFile& file, uint64_t zip64_from = 0xffffffff) : file_(file), zip64_from_(zip64_from) {}

  /// Throws IoError.
  void add(std::string_view name, std::string_view data);

  /// Writes the directory. Nothing may be added afterwards.
  void finish();

 private:
  TemporaryFile& file_;
  uint64_t zip64_from_;
  std::string directory_;
  uint64_t num_entries_ = 0;
};

}  // namespace lintorch::io::detail
