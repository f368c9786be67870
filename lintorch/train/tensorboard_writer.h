#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace lintorch::train {

/// CRC-32C (Castagnoli) of bytes, as TensorBoard's record format uses it.
uint32_t crc32c(std::string_view bytes);

/// Writes scalars to a TensorBoard event file.
///
/// A record is: u64 length, u32 masked crc32c of the length, an Event protobuf, u32 masked crc32c of the event; all
/// little-endian. Event fields: 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary.
class TensorBoardWriter {
 public:
  /// Creates `folder` and a new event file in it. Throws IoError.
  explicit TensorBoardWriter(const std::filesystem::path& folder);

  void scalar(const std::string& tag, int64_t step, double value);

  /// Throws IoError if the file cannot be written.
  void flush();

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace lintorch::train
