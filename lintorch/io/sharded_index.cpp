#include "lintorch/io/sharded_index.h"

#include <algorithm>
#include <set>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/io/tensor_file.h"
#include "lintorch/io/torch_archive.h"

namespace lintorch::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kExtension = ".safetensors";
constexpr std::string_view kIndexExtension = ".safetensors.index.json";

struct Index {
  std::map<std::string, std::string> weight_map;  // tensor -> shard
  std::set<std::string> shards;
};

fs::path find_checkpoint(const fs::path& path, const std::string& stem) {
  LT_CHECK(fs::exists(path), IoError, "[read_checkpoint] {} does not exist", path.string());
  if (!fs::is_directory(path)) return path;
  const fs::path single = path / (stem + std::string(kExtension));
  const fs::path index = path / (stem + std::string(kIndexExtension));
  const bool has_single = fs::exists(single);
  const bool has_index = fs::exists(index);
  LT_CHECK(has_single || has_index, IoError, "[read_checkpoint] {} holds neither {} nor {}", path.string(),
           single.filename().string(), index.filename().string());
  LT_CHECK(!(has_single && has_index), CheckpointError,
           "[read_checkpoint] {} holds both {} and {}: delete the outdated one", path.string(),
           single.filename().string(), index.filename().string());
  return has_single ? single : index;
}

bool is_index(const fs::path& file) { return file.extension() == ".json"; }

Index read_index(const fs::path& file) {
  Json json;
  try {
    json = read_json_file(file);
  } catch (const ConfigError& e) {
    throw CheckpointError(fmt::format("[read_checkpoint] {}", e.what()));
  }
  LT_CHECK(json.is_object() && json.contains("weight_map") && json["weight_map"].is_object(), CheckpointError,
           "[read_checkpoint] {}: expected an object with the key weight_map", file.string());
  Index index;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    LT_CHECK(shard.is_string(), CheckpointError, "[read_checkpoint] {}, tensor '{}': the shard is not a string",
             file.string(), tensor);
    const auto name = shard.get<std::string>();
    // A checkpoint comes from elsewhere; it must not point outside its folder.
    LT_CHECK(!name.empty() && fs::path(name).filename() == fs::path(name) && name != "." && name != "..",
             CheckpointError, "[read_checkpoint] {}, tensor '{}': expected a file name, got '{}'", file.string(),
             tensor, name);
    index.weight_map.emplace(tensor, name);
    index.shards.insert(name);
  }
  return index;
}

std::map<std::string, SafetensorsFile> open_shards(const fs::path& index_file, const Index& index) {
  std::map<std::string, SafetensorsFile> shards;
  for (const auto& name : index.shards) {
    const fs::path file = index_file.parent_path() / name;
    if (!fs::exists(file)) {
      const auto lost = std::find_if(index.weight_map.begin(), index.weight_map.end(),
                                     [&](const auto& entry) { return entry.second == name; });
      throw CheckpointError(
          fmt::format("[read_checkpoint] shard {} is missing; it holds '{}' and others according to {}", file.string(),
                      lost->first, index_file.filename().string()));
    }
    shards.emplace(name, SafetensorsFile(file));
  }
  return shards;
}

TensorMap read_shards(const fs::path& index_file) {
  const Index index = read_index(index_file);
  const auto shards = open_shards(index_file, index);
  for (const auto& [name, shard] : shards) {
    for (const auto& [tensor, info] : shard.tensors()) {
      const auto entry = index.weight_map.find(tensor);
      LT_CHECK(entry != index.weight_map.end(), CheckpointError, "[read_checkpoint] {}, tensor '{}': not listed in {}",
               shard.path().string(), tensor, index_file.filename().string());
      LT_CHECK(entry->second == name, CheckpointError, "[read_checkpoint] {}, tensor '{}': {} puts it in {}",
               shard.path().string(), tensor, index_file.filename().string(), entry->second);
    }
  }
  TensorMap tensors;
  for (const auto& [tensor, name] : index.weight_map) {
    const SafetensorsFile& shard = shards.at(name);
    LT_CHECK(shard.tensors().contains(tensor), CheckpointError,
             "[read_checkpoint] {}, tensor '{}': listed in {}, but not in the file", shard.path().string(), tensor,
             index_file.filename().string());
    tensors.emplace(tensor, shard.tensor(tensor));
  }
  return tensors;
}

uint64_t stored_bytes(const std::string& name, const at::Tensor& tensor, const StoredDtype& stored_dtype) {
  const auto dtype = stored_dtype ? stored_dtype(name, tensor.scalar_type()) : tensor.scalar_type();
  return static_cast<uint64_t>(tensor.numel()) * c10::elementSize(dtype);
}

std::vector<std::vector<std::string>> split_into_shards(const std::map<std::string, uint64_t>& sizes,
                                                        uint64_t max_shard_bytes) {
  std::vector<std::vector<std::string>> shards(1);
  uint64_t bytes = 0;
  for (const auto& [name, size] : sizes) {
    if (max_shard_bytes > 0 && !shards.back().empty() && bytes + size > max_shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(name);
    bytes += size;
  }
  return shards;
}

// "<stem>.safetensors", "<stem>.safetensors.index.json" or "<stem>-00001-of-00002.safetensors".
bool belongs_to_stem(const std::string& file, const std::string& stem) {
  if (!file.starts_with(stem)) return false;
  const std::string_view rest = std::string_view(file).substr(stem.size());
  if (rest == kExtension || rest == kIndexExtension) return true;
  constexpr std::string_view kShape = "-#####-of-#####.safetensors";
  if (rest.size() != kShape.size()) return false;
  for (size_t i = 0; i < rest.size(); ++i) {
    const bool digit = rest[i] >= '0' && rest[i] <= '9';
    if (kShape[i] == '#' ? !digit : rest[i] != kShape[i]) return false;
  }
  return true;
}

void remove_outdated(const fs::path& folder, const std::string& stem, const std::set<std::string>& written) {
  std::vector<fs::path> outdated;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (belongs_to_stem(name, stem) && !written.contains(name)) outdated.push_back(entry.path());
  }
  for (const auto& path : outdated) fs::remove(path);
}

}  // namespace

TensorMap read_checkpoint(const fs::path& file_or_folder, const std::string& stem) {
  const fs::path file = find_checkpoint(file_or_folder, stem);
  return is_index(file) ? read_shards(file) : read_tensor_file(file);
}

Metadata read_checkpoint_metadata(const fs::path& file_or_folder, const std::string& stem) {
  const fs::path file = find_checkpoint(file_or_folder, stem);
  if (!is_index(file))
    return detect_tensor_file(file) == TensorFileFormat::kSafetensors ? SafetensorsFile(file).metadata()
                                                                      : read_torch_archive_metadata(file);
  const Index index = read_index(file);
  LT_CHECK(!index.shards.empty(), CheckpointError, "[read_checkpoint_metadata] {} lists no shard", file.string());
  return SafetensorsFile(file.parent_path() / *index.shards.begin()).metadata();
}

void write_checkpoint(const fs::path& folder, const std::string& stem, const TensorMap& tensors,
                      const Metadata& metadata, uint64_t max_shard_bytes, const StoredDtype& stored_dtype) {
  std::map<std::string, uint64_t> sizes;
  for (const auto& [name, tensor] : tensors) sizes.emplace(name, stored_bytes(name, tensor, stored_dtype));
  write_checkpoint(
      folder, stem, sizes, [&](const std::string& name) { return tensors.at(name); }, metadata, max_shard_bytes,
      stored_dtype);
}

void write_checkpoint(const fs::path& folder, const std::string& stem, const std::map<std::string, uint64_t>& sizes,
                      const std::function<at::Tensor(const std::string&)>& make, const Metadata& metadata,
                      uint64_t max_shard_bytes, const StoredDtype& stored_dtype) {
  Metadata complete = metadata;
  complete.emplace("format", "pt");
  const auto shards = split_into_shards(sizes, max_shard_bytes);
  Json weight_map = Json::object();
  auto& entries = weight_map.get_ref<Json::object_t&>();
  uint64_t total_size = 0;
  std::set<std::string> written;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string file = shards.size() == 1
                                 ? stem + std::string(kExtension)
                                 : fmt::format("{}-{:05}-of-{:05}{}", stem, i + 1, shards.size(), kExtension);
    TensorMap values;
    for (const std::string& name : shards[i]) {
      values.emplace(name, make(name));
      entries.push_back({name, file});
      total_size += sizes.at(name);
    }
    write_safetensors(folder / file, values, complete, stored_dtype);
    written.insert(file);
  }
  if (shards.size() > 1) {
    Json index;
    index["metadata"]["total_size"] = total_size;
    index["weight_map"] = std::move(weight_map);
    const std::string name = stem + std::string(kIndexExtension);
    write_json_file(folder / name, index);
    written.insert(name);
  }
  remove_outdated(folder, stem, written);
}

}  // namespace lintorch::io
