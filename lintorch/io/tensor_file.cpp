#include "lintorch/io/tensor_file.h"

#include <array>
#include <fstream>

#include "lintorch/core/error.h"
#include "lintorch/io/torch_archive.h"

namespace lintorch::io {

std::string_view tensor_file_format_name(TensorFileFormat format) {
  return format == TensorFileFormat::kSafetensors ? "safetensors" : "torch.save";
}

TensorFileFormat detect_tensor_file(const std::filesystem::path& file) {
  LT_CHECK(std::filesystem::is_regular_file(file), IoError, "[read_tensor_file] {} is no file", file.string());
  std::ifstream in(file, std::ios::binary);
  LT_CHECK(in.good(), IoError, "[read_tensor_file] cannot open {}", file.string());
  std::array<char, 9> head{};
  in.read(head.data(), head.size());
  const std::string_view bytes(head.data(), static_cast<size_t>(in.gcount()));
  // The length of a JSON header below 4 GB, then its first letter.
  if (bytes.size() == 9 && bytes.substr(4) == std::string_view("\0\0\0\0{", 5)) return TensorFileFormat::kSafetensors;
  // A pickle without a zip file around it is refused by its reader, which says why.
  LT_CHECK(bytes.starts_with("PK") || bytes.starts_with('\x80'), CheckpointError,
           "[read_tensor_file] {} is neither a safetensors file nor a zip file of torch.save", file.string());
  return TensorFileFormat::kTorchArchive;
}

TensorMap read_tensor_file(const std::filesystem::path& file) {
  if (detect_tensor_file(file) == TensorFileFormat::kTorchArchive) return read_torch_archive(file);
  return SafetensorsFile(file).load();
}

}  // namespace lintorch::io
