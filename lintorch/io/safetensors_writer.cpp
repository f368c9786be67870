#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/io/safetensors_header.h"
#include "lintorch/io/temporary_file.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

/// A tensor and the number format it is to be stored in.
struct Item {
  std::string name;
  at::Tensor tensor;
  at::ScalarType dtype;

  uint64_t bytes() const { return static_cast<uint64_t>(tensor.numel()) * c10::elementSize(dtype); }
};

Item checked_item(const std::string& name, const at::Tensor& tensor, const StoredDtype& stored_dtype,
                  const fs::path& path) {
  LT_CHECK(name != "__metadata__", CheckpointError, "[write_safetensors] {}: '__metadata__' cannot name a tensor",
           path.string());
  LT_CHECK(tensor.defined(), CheckpointError, "[write_safetensors] {}: tensor '{}' is undefined", path.string(), name);
  LT_CHECK(tensor.layout() == at::kStrided, CheckpointError, "[write_safetensors] {}: tensor '{}' is not dense",
           path.string(), name);
  const auto dtype = stored_dtype ? stored_dtype(name, tensor.scalar_type()) : tensor.scalar_type();
  LT_CHECK(!detail::safetensors_dtype_name(dtype).empty(), CheckpointError,
           "[write_safetensors] {}: tensor '{}' has dtype {}, which safetensors does not have", path.string(), name,
           c10::toString(dtype));
  return {name, tensor, dtype};
}

}  // namespace

void write_safetensors(const fs::path& path, const TensorMap& tensors, const Metadata& metadata,
                       const StoredDtype& stored_dtype) {
  std::vector<Item> order;
  for (const auto& [name, tensor] : tensors) order.push_back(checked_item(name, tensor, stored_dtype, path));
  std::stable_sort(order.begin(), order.end(),
                   [](const Item& a, const Item& b) { return c10::elementSize(a.dtype) > c10::elementSize(b.dtype); });
  detail::SafetensorsHeader header{{}, metadata};
  uint64_t end = 0;
  for (const Item& item : order) {
    const uint64_t begin = end;
    end += item.bytes();
    header.tensors[item.name] = TensorInfo{item.dtype, item.tensor.sizes().vec(), begin, end};
  }
  std::string text;
  try {
    text = detail::format_safetensors_header(header);
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(
        fmt::format("[write_safetensors] {}: a name or metadata entry is not UTF-8: {}", path.string(), e.what()));
  }
  LT_CHECK(text.size() <= detail::kMaxHeaderBytes, CheckpointError,
           "[write_safetensors] {}: the header takes {} bytes, at most {} are allowed", path.string(), text.size(),
           detail::kMaxHeaderBytes);

  detail::TemporaryFile file(path, "write_safetensors");
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i));
  file.write(length, sizeof(length));
  file.write(text.data(), text.size());
  for (const Item& item : order) {
    const at::Tensor values = item.tensor.detach().to(at::kCPU, item.dtype).contiguous();
    file.write(values.const_data_ptr(), item.bytes());
  }
  file.publish();
}

}  // namespace lintorch::io
