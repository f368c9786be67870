#include "lintorch/io/torch_archive.h"

#include <ATen/ops/empty.h>

#include <cstring>
#include <optional>

#include "lintorch/core/error.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/pickle.h"
#include "lintorch/io/torch_type_names.h"
#include "lintorch/io/zip_directory.h"

namespace lintorch::io {

namespace {

using namespace detail;

constexpr std::string_view kPickleName = "data.pkl";
constexpr uint64_t kMaxPickleBytes = 16 << 20;  // a hundred thousand tensors
constexpr uint64_t kMaxMetadataBytes = 16 << 20;
constexpr size_t kMaxDimensions = 16;

template <size_t N>
std::optional<at::ScalarType> find_type(const std::pair<std::string_view, at::ScalarType> (&table)[N],
                                        const PickleValue& value) {
  const auto* global = std::get_if<PickleGlobal>(&value.data);
  if (!global) return std::nullopt;
  for (const auto& [name, type] : table)
    if (name == global->name) return type;
  return std::nullopt;
}

struct Storage {
  at::ScalarType dtype;
  ZipEntry bytes;
};

class Archive {
 public:
  explicit Archive(const std::filesystem::path& path) : file_(path.string()), mapped_(map_file(path, kFunction)) {
    const std::string_view bytes = mapped_.bytes();
    LT_CHECK(bytes.starts_with("PK\x03\x04"), CheckpointError, "[{}] {} is {}", kFunction, file_,
             bytes[0] == '\x80'
                 ? "a bare pickle, the format before PyTorch 1.6, which is not read: convert it in Python, "
                   "torch.save(torch.load(file, weights_only=True), file)"
                 : "not a file of torch.save: it does not begin as a zip file");
    entries_ = read_zip_directory(bytes, file_);
    find_root();
  }

  TensorMap read() const {
    const ZipEntry entry = entries_.at(root_ + std::string(kPickleName));
    LT_CHECK(entry.size <= kMaxPickleBytes, CheckpointError, "[{}] {}: {} takes {} bytes, at most {} are allowed",
             kFunction, file_, kPickleName, entry.size, kMaxPickleBytes);
    const Pickle pickle(mapped_.bytes().substr(entry.begin, entry.size), file_);
    const auto* dict = std::get_if<PickleDict>(&pickle.root().data);
    LT_CHECK(dict, CheckpointError, "[{}] {}: expected a dict of tensors", kFunction, file_);
    TensorMap tensors;
    for (const auto& [key, value] : dict->items) {
      const auto* name = std::get_if<std::string>(&key->data);
      LT_CHECK(name, CheckpointError, "[{}] {}: expected a dict with strings as keys", kFunction, file_);
      LT_CHECK(tensors.emplace(*name, read_tensor(*value, *name)).second, CheckpointError,
               "[{}] {}: two tensors are named '{}'", kFunction, file_, *name);
    }
    return tensors;
  }

  Metadata metadata() const {
    Metadata metadata;
    uint64_t bytes = 0;
    const std::string folder = root_ + std::string(kMetadataFolder);
    for (auto entry = entries_.lower_bound(folder); entry != entries_.end() && entry->first.starts_with(folder);
         ++entry) {
      bytes += entry->second.size;
      LT_CHECK(bytes <= kMaxMetadataBytes, CheckpointError, "[{}] {}: more than {} bytes of metadata", kFunction, file_,
               kMaxMetadataBytes);
      metadata.emplace(entry->first.substr(folder.size()),
                       mapped_.bytes().substr(entry->second.begin, entry->second.size));
    }
    return metadata;
  }

 private:
  static constexpr std::string_view kFunction = "read_torch_archive";

  // All entries stand in one folder, whose name is free.
  void find_root() {
    bool found = false;
    for (const auto& [name, entry] : entries_) {
      if (name != kPickleName && !name.ends_with("/" + std::string(kPickleName))) continue;
      LT_CHECK(!found, CheckpointError, "[{}] {} holds two entries {}", kFunction, file_, kPickleName);
      root_ = name.substr(0, name.size() - kPickleName.size());
      found = true;
    }
    LT_CHECK(found, CheckpointError, "[{}] {} is a zip file without {}: not a file of torch.save", kFunction, file_,
             kPickleName);
    LT_CHECK(!entries_.contains(root_ + "constants.pkl"), CheckpointError,
             "[{}] {} is a TorchScript program, not a dict of tensors", kFunction, file_);
    if (const auto order = entries_.find(root_ + "byteorder"); order != entries_.end())
      LT_CHECK(mapped_.bytes().substr(order->second.begin, order->second.size) == "little", CheckpointError,
               "[{}] {} was written on a big-endian machine", kFunction, file_);
  }

  void check(bool condition, const std::string& name, const char* problem) const {
    LT_CHECK(condition, CheckpointError, "[{}] {}, tensor '{}': {}", kFunction, file_, name, problem);
  }

  // ("storage", storage class, key, device, number of elements)
  Storage read_storage(const PickleValue& value, const std::string& name) const {
    const auto* persistent = std::get_if<PicklePersistent>(&value.data);
    const auto* id = persistent ? std::get_if<PickleTuple>(&persistent->id->data) : nullptr;
    check(id && id->items.size() == 5, name, "expected a storage");
    const auto* kind = std::get_if<std::string>(&id->items[0]->data);
    const auto dtype = find_type(kStorageTypes, *id->items[1]);
    const auto* key = std::get_if<std::string>(&id->items[2]->data);
    const auto* count = std::get_if<int64_t>(&id->items[4]->data);
    check(kind && *kind == "storage" && dtype && key && count && *count >= 0, name, "expected a storage");
    const auto entry = entries_.find(root_ + "data/" + *key);
    check(entry != entries_.end(), name, "its data is not in the file");
    const uint64_t element = c10::elementSize(*dtype);
    check(entry->second.size % element == 0 && entry->second.size / element == static_cast<uint64_t>(*count), name,
          "its data has another size than the file says");
    return {*dtype, entry->second};
  }

  std::vector<int64_t> read_sizes(const PickleValue& value, const std::string& name) const {
    const auto* tuple = std::get_if<PickleTuple>(&value.data);
    check(tuple && tuple->items.size() <= kMaxDimensions, name, "expected sizes and strides");
    std::vector<int64_t> sizes;
    for (const PickleValue* item : tuple->items) {
      const auto* size = std::get_if<int64_t>(&item->data);
      check(size && *size >= 0, name, "expected sizes and strides of at least 0");
      sizes.push_back(*size);
    }
    return sizes;
  }

  at::Tensor read_tensor(const PickleValue& value, const std::string& name) const {
    const auto* call = std::get_if<PickleCall>(&value.data);
    if (call && call->function == "torch._utils._rebuild_parameter" && !call->arguments.empty())
      call = std::get_if<PickleCall>(&call->arguments[0]->data);
    const bool v3 = call && call->function == "torch._utils._rebuild_tensor_v3";
    check(call && (v3 || call->function == "torch._utils._rebuild_tensor_v2"), name,
          "expected a tensor, got something else (is this a training checkpoint rather than a state dict?)");
    check(call->arguments.size() >= (v3 ? 7 : 6), name, "expected more arguments to rebuild a tensor");
    Storage storage = read_storage(*call->arguments[0], name);
    if (v3) {
      const auto dtype = find_type(kDtypes, *call->arguments[6]);
      check(storage.dtype == at::kByte && dtype, name, "expected untyped bytes and a dtype");
      storage.dtype = *dtype;
    }
    const auto* offset = std::get_if<int64_t>(&call->arguments[1]->data);
    const auto sizes = read_sizes(*call->arguments[2], name), strides = read_sizes(*call->arguments[3], name);
    check(offset && *offset >= 0 && sizes.size() == strides.size(), name, "expected an offset, sizes and strides");
    check_extent(storage, *offset, sizes, strides, name);
    return make_tensor(storage, *offset, sizes, strides);
  }

  // Offset of the last element plus one must not exceed the storage; nothing may overflow.
  void check_extent(const Storage& storage, int64_t offset, const std::vector<int64_t>& sizes,
                    const std::vector<int64_t>& strides, const std::string& name) const {
    constexpr const char* kProblem = "lies outside its storage";
    const auto available = static_cast<int64_t>(storage.bytes.size / c10::elementSize(storage.dtype));
    int64_t last = offset, count = 1;
    for (size_t i = 0; i < sizes.size(); ++i) {
      // Strides of 0 repeat elements: the count is bounded apart, so that a small file cannot ask for a huge tensor.
      check(!__builtin_mul_overflow(count, sizes[i], &count), name, kProblem);
      int64_t reach = 0;
      if (sizes[i] > 0) check(!__builtin_mul_overflow(sizes[i] - 1, strides[i], &reach), name, kProblem);
      check(!__builtin_add_overflow(last, reach, &last), name, kProblem);
    }
    check(count == 0 ? offset <= available : last < available, name, kProblem);
    check(count <= available, name, "has more elements than its storage");
  }

  at::Tensor make_tensor(const Storage& storage, int64_t offset, const std::vector<int64_t>& sizes,
                         const std::vector<int64_t>& strides) const {
    char* const begin = mapped_.data.get() + storage.bytes.begin;
    const auto element = static_cast<int64_t>(c10::elementSize(storage.dtype));
    if (reinterpret_cast<uintptr_t>(begin) % element == 0)
      return mapped_tensor(mapped_.data, begin + offset * element, sizes, strides, storage.dtype);
    at::Tensor copy = at::empty({static_cast<int64_t>(storage.bytes.size) / element}, storage.dtype);
    std::memcpy(copy.data_ptr(), begin, storage.bytes.size / element * element);
    return copy.as_strided(sizes, strides, offset);
  }

  std::string file_;
  MappedFile mapped_;
  std::map<std::string, ZipEntry> entries_;
  std::string root_;
};

}  // namespace

TensorMap read_torch_archive(const std::filesystem::path& path) { return Archive(path).read(); }

Metadata read_torch_archive_metadata(const std::filesystem::path& path) { return Archive(path).metadata(); }

}  // namespace lintorch::io
