#include "lintorch/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"

namespace lintorch::io::detail {

namespace {

constexpr const char* kMetadataKey = "__metadata__";

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 15> kDtypes{{
    {"F64", at::ScalarType::Double},
    {"F32", at::ScalarType::Float},
    {"F16", at::ScalarType::Half},
    {"BF16", at::ScalarType::BFloat16},
    {"F8_E4M3", at::ScalarType::Float8_e4m3fn},
    {"F8_E5M2", at::ScalarType::Float8_e5m2},
    {"I64", at::ScalarType::Long},
    {"I32", at::ScalarType::Int},
    {"I16", at::ScalarType::Short},
    {"I8", at::ScalarType::Char},
    {"U64", at::ScalarType::UInt64},
    {"U32", at::ScalarType::UInt32},
    {"U16", at::ScalarType::UInt16},
    {"U8", at::ScalarType::Byte},
    {"BOOL", at::ScalarType::Bool},
}};

// nlohmann::json keeps the last of two equal keys without a word; the format forbids them.
nlohmann::json parse_without_duplicates(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> keys;
  const auto callback = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      LT_CHECK(keys.back().insert(key).second, CheckpointError,
               "[SafetensorsFile] {}: the header has the key '{}' twice", file, key);
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, callback);
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(fmt::format("[SafetensorsFile] {}: the header is not valid JSON: {}", file, e.what()));
  }
}

uint64_t unsigned_value(const nlohmann::json& json, const std::string& file, const std::string& tensor,
                        const char* what) {
  LT_CHECK(json.is_number_unsigned(), CheckpointError,
           "[SafetensorsFile] {}, tensor '{}': expected {} to be integers >= 0, got {}", file, tensor, what,
           json.dump());
  return json.get<uint64_t>();
}

TensorInfo parse_tensor(const nlohmann::json& json, const std::string& name, uint64_t data_bytes,
                        const std::string& file) {
  LT_CHECK(json.is_object() && json.size() == 3 && json.contains("dtype") && json.contains("shape") &&
               json.contains("data_offsets"),
           CheckpointError, "[SafetensorsFile] {}, tensor '{}': expected the keys dtype, shape and data_offsets", file,
           name);
  const auto& dtype = json["dtype"];
  const auto* known = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& row) {
    return dtype.is_string() && dtype == std::string(row.first);
  });
  LT_CHECK(known != kDtypes.end(), CheckpointError, "[SafetensorsFile] {}, tensor '{}': dtype {} is not supported",
           file, name, dtype.dump());
  const auto& shape = json["shape"];
  const auto& offsets = json["data_offsets"];
  LT_CHECK(shape.is_array(), CheckpointError, "[SafetensorsFile] {}, tensor '{}': shape is not a list", file, name);
  LT_CHECK(offsets.is_array() && offsets.size() == 2, CheckpointError,
           "[SafetensorsFile] {}, tensor '{}': expected data_offsets to be [begin, end]", file, name);

  TensorInfo info;
  info.dtype = known->second;
  info.begin = unsigned_value(offsets[0], file, name, "data_offsets");
  info.end = unsigned_value(offsets[1], file, name, "data_offsets");
  LT_CHECK(info.begin <= info.end && info.end <= data_bytes, CheckpointError,
           "[SafetensorsFile] {}, tensor '{}': data_offsets [{}, {}] do not lie in the {} bytes of data: file cut off?",
           file, name, info.begin, info.end, data_bytes);
  uint64_t bytes = c10::elementSize(info.dtype);
  bool overflow = false;
  for (const auto& entry : shape) {
    const uint64_t size = unsigned_value(entry, file, name, "the sizes in shape");
    overflow |= size > INT64_MAX || __builtin_mul_overflow(bytes, size, &bytes);
    info.shape.push_back(static_cast<int64_t>(size));
  }
  LT_CHECK(!overflow && bytes == info.end - info.begin, CheckpointError,
           "[SafetensorsFile] {}, tensor '{}': shape {} of {} does not take the {} bytes of data_offsets", file, name,
           shape.dump(), dtype.dump(), info.end - info.begin);
  return info;
}

void check_tiling(const std::map<std::string, TensorInfo>& tensors, uint64_t data_bytes, const std::string& file) {
  std::vector<std::pair<const std::string*, const TensorInfo*>> order;
  for (const auto& [name, info] : tensors) order.emplace_back(&name, &info);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  uint64_t expected = 0;
  for (const auto& [name, info] : order) {
    LT_CHECK(info->begin == expected, CheckpointError,
             "[SafetensorsFile] {}, tensor '{}': {} at byte {}, expected byte {}", file, *name,
             info->begin < expected ? "overlaps the tensor before it" : "leaves a hole before it", info->begin,
             expected);
    expected = info->end;
  }
  LT_CHECK(expected == data_bytes, CheckpointError, "[SafetensorsFile] {}: the tensors take {} bytes, the file has {}",
           file, expected, data_bytes);
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes, const std::string& file) {
  LT_CHECK(!text.empty() && text.front() == '{', CheckpointError,
           "[SafetensorsFile] {}: expected the header to start with '{{': not a safetensors file?", file);
  const nlohmann::json json = parse_without_duplicates(text, file);
  SafetensorsHeader header;
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadataKey) {
      LT_CHECK(value.is_object(), CheckpointError, "[SafetensorsFile] {}: __metadata__ is not an object", file);
      for (const auto& [key, entry] : value.items()) {
        LT_CHECK(entry.is_string(), CheckpointError, "[SafetensorsFile] {}: __metadata__ entry '{}' is not a string",
                 file, key);
        header.metadata.emplace(key, entry.get<std::string>());
      }
    } else {
      header.tensors.emplace(name, parse_tensor(value, name, data_bytes, file));
    }
  }
  check_tiling(header.tensors, data_bytes, file);
  return header;
}

std::string_view safetensors_dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) return name;
  }
  return {};
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  Json json = Json::object();
  if (!header.metadata.empty()) json[kMetadataKey] = header.metadata;
  std::vector<std::pair<const std::string*, const TensorInfo*>> order;
  for (const auto& [name, info] : header.tensors) order.emplace_back(&name, &info);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second->begin < b.second->begin; });
  // Appended to the object directly: looking every key up again would be quadratic in an ordered_json.
  auto& entries = json.get_ref<Json::object_t&>();
  for (const auto& [name, info] : order) {
    Json entry = Json::object();
    entry["dtype"] = std::string(safetensors_dtype_name(info->dtype));
    entry["shape"] = info->shape;
    entry["data_offsets"] = {info->begin, info->end};
    entries.push_back({*name, std::move(entry)});
  }
  std::string text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace lintorch::io::detail
