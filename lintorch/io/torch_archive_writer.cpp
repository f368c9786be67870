#include <algorithm>
#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/io/temporary_file.h"
#include "lintorch/io/torch_archive.h"
#include "lintorch/io/torch_type_names.h"
#include "lintorch/io/zip_writer.h"

namespace lintorch::io {

namespace {

constexpr std::string_view kFunction = "write_torch_archive";
constexpr std::string_view kRoot = "archive/";

/// Pickle, protocol 2, as far as a dict of tensors needs it. Letters: Lib/pickletools.py of CPython.
class Pickler {
 public:
  Pickler& raw(std::string_view instructions) {
    bytes_ += instructions;
    return *this;
  }
  Pickler& text(std::string_view value) { return raw("X").number(value.size(), 4).raw(value); }
  Pickler& global(std::string_view module, std::string_view name) {
    return raw("c").raw(module).raw("\n").raw(name).raw("\n");
  }
  Pickler& integer(int64_t value) {
    if (value <= std::numeric_limits<int32_t>::max()) return raw("J").number(value, 4);
    return raw("\x8a\x08").number(value, 8);
  }
  Pickler& tuple(const std::vector<int64_t>& values) {
    raw("(");
    for (const int64_t value : values) integer(value);
    return raw("t");
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Pickler& number(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  std::string bytes_;
};

std::string_view storage_type(const std::string& name, at::ScalarType dtype, const std::filesystem::path& path) {
  for (const auto& [type, stored] : detail::kStorageTypes)
    if (stored == dtype) return type.substr(std::string_view("torch.").size());
  throw CheckpointError(fmt::format("[{}] {}: tensor '{}' has dtype {}, which torch.save's typed storages lack",
                                    kFunction, path.string(), name, c10::toString(dtype)));
}

int64_t numel(const StoredTensor& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  return count;
}

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

// {name: _rebuild_tensor_v2(storage, 0, shape, strides, requires_grad = False, OrderedDict())}
std::string pickle_state(const std::map<std::string, StoredTensor>& tensors, const std::filesystem::path& path) {
  Pickler pickler;
  pickler.raw("\x80\x02}(");
  int64_t key = 0;
  for (const auto& [name, tensor] : tensors) {
    pickler.text(name).global("torch._utils", "_rebuild_tensor_v2").raw("((");
    pickler.text("storage").global("torch", storage_type(name, tensor.dtype, path)).text(std::to_string(key++));
    pickler.text("cpu").integer(numel(tensor)).raw("tQ");
    pickler.integer(0).tuple(tensor.shape).tuple(contiguous_strides(tensor.shape)).raw("\x89");
    pickler.global("collections", "OrderedDict").raw(")RtR");
  }
  return pickler.raw("u.").bytes();
}

at::Tensor checked(const at::Tensor& made, const std::string& name, const StoredTensor& expected) {
  LT_CHECK(made.defined() && made.sizes() == at::IntArrayRef(expected.shape), Error,
           "[{}] tensor '{}' has another shape than announced", kFunction, name);
  return made.detach().to(at::kCPU, expected.dtype).contiguous();
}

}  // namespace

void write_torch_archive(const std::filesystem::path& path, const std::map<std::string, StoredTensor>& tensors,
                         const std::function<at::Tensor(const std::string&)>& make, const Metadata& metadata) {
  const std::string pickle = pickle_state(tensors, path);
  detail::TemporaryFile file(path, std::string(kFunction));
  detail::ZipWriter zip(file);
  const auto add = [&](const std::string& name, std::string_view data) { zip.add(std::string(kRoot) + name, data); };
  add("data.pkl", pickle);
  add("byteorder", "little");
  int64_t key = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = checked(make(name), name, tensor);
    add("data/" + std::to_string(key++), {static_cast<const char*>(values.const_data_ptr()), values.nbytes()});
  }
  for (const auto& [name, value] : metadata) add(std::string(detail::kMetadataFolder) + name, value);
  add("version", "3\n");
  zip.finish();
  file.publish();
}

void write_torch_archive(const std::filesystem::path& path, const TensorMap& tensors, const Metadata& metadata,
                         const StoredDtype& stored_dtype) {
  std::map<std::string, StoredTensor> stored;
  for (const auto& [name, tensor] : tensors) {
    LT_CHECK(tensor.defined() && tensor.layout() == at::kStrided, CheckpointError,
             "[{}] {}: tensor '{}' is undefined or not dense", kFunction, path.string(), name);
    const auto dtype = stored_dtype ? stored_dtype(name, tensor.scalar_type()) : tensor.scalar_type();
    stored.emplace(name, StoredTensor{dtype, tensor.sizes().vec()});
  }
  write_torch_archive(
      path, stored, [&](const std::string& name) { return tensors.at(name); }, metadata);
}

}  // namespace lintorch::io
