#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/core/error.h"
#include "lintorch/core/json.h"

namespace lintorch {

// One `visit` per config struct drives reading, writing, overrides and the reference page:
//
//   struct AdmConfig {
//     double min_t = 0.02;
//     template <class V> void visit(V& v) { v("min_t", min_t, "lowest flow time sampled, in [0,1)"); }
//     void validate(const std::string& path) const;      // optional; throws ConfigError naming path
//   };

namespace detail {

struct AnyVisitor {
  template <class T>
  void operator()(const char*, T&, const char* = "") {}
};

template <class T>
concept VisitableConfig = requires(T& config, AnyVisitor& visitor) {
  config.visit(visitor);
};

template <class T>
concept ValidatedConfig = requires(const T& config, const std::string& path) {
  config.validate(path);
};

/// The known name nearest to `name` by edit distance, as ", did you mean \"x\"?", or "" when none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

[[noreturn]] void wrong_type(const std::string& path, const char* expected, const Json& got);

inline std::string join_path(const std::string& path, std::string_view name) {
  if (path.empty()) return std::string(name);
  return path + (path.back() == ':' ? " " : ".") + std::string(name);
}

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace detail

template <class T>
void read_config_value(const Json& json, T& value, const std::string& path);

/// Reads the fields of one struct; remembers the known names so that unknown keys can be refused.
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) detail::wrong_type(path_, "an object", json);
  }

  template <class T>
  void operator()(const char* name, T& value, const char* = "") {
    known_.push_back(name);
    if (auto it = json_.find(name); it != json_.end()) read_config_value(*it, value, detail::join_path(path_, name));
  }

  /// Throws ConfigError for a key that is neither a field nor in `foreign`. Keys starting with '_' are free.
  void refuse_unknown(const std::set<std::string>& foreign = {}) const;

 private:
  const Json& json_;
  std::string path_;
  std::vector<std::string> known_;
};

template <class T>
void read_config_value(const Json& json, T& value, const std::string& path) {
  if constexpr (detail::VisitableConfig<T>) {
    ConfigReader reader(json, path);
    value.visit(reader);
    reader.refuse_unknown();
    if constexpr (detail::ValidatedConfig<T>) value.validate(path);
  } else if constexpr (detail::IsOptional<T>::value) {
    if (json.is_null()) {
      value.reset();
    } else {
      value.emplace();
      read_config_value(json, *value, path);
    }
  } else if constexpr (detail::IsVector<T>::value) {
    if (!json.is_array()) detail::wrong_type(path, "an array", json);
    value.clear();
    for (size_t i = 0; i < json.size(); ++i) {
      typename T::value_type item{};
      read_config_value(json[i], item, path + "[" + std::to_string(i) + "]");
      value.push_back(std::move(item));
    }
  } else if constexpr (NamedEnum<T>) {
    if (!json.is_string()) detail::wrong_type(path, "a string", json);
    value = enum_from_name<T>(json.get<std::string>(), path);
  } else if constexpr (std::same_as<T, bool>) {
    if (!json.is_boolean()) detail::wrong_type(path, "true or false", json);
    value = json.get<bool>();
  } else if constexpr (std::integral<T>) {
    if (!json.is_number_integer()) detail::wrong_type(path, "an integer", json);
    value = json.get<T>();
  } else if constexpr (std::floating_point<T>) {
    if (!json.is_number()) detail::wrong_type(path, "a number", json);
    value = json.get<T>();
  } else {
    static_assert(std::same_as<T, std::string>,
                  "config fields: bool, integer, double, string, enum, vector, optional, struct");
    if (!json.is_string()) detail::wrong_type(path, "a string", json);
    value = json.get<std::string>();
  }
}

template <class T>
Json write_config_value(const T& value);

class ConfigWriter {
 public:
  template <class T>
  void operator()(const char* name, T& value, const char* = "") {
    json[name] = write_config_value(value);
  }
  Json json = Json::object();
};

template <class T>
Json write_config_value(const T& value) {
  if constexpr (detail::VisitableConfig<T>) {
    ConfigWriter writer;
    const_cast<T&>(value).visit(writer);
    return writer.json;
  } else if constexpr (detail::IsOptional<T>::value) {
    return value ? write_config_value(*value) : Json(nullptr);
  } else if constexpr (detail::IsVector<T>::value) {
    Json array = Json::array();
    for (const auto& item : value) array.push_back(write_config_value(item));
    return array;
  } else if constexpr (NamedEnum<T>) {
    return std::string(enum_name(value));
  } else {
    return value;
  }
}

/// Struct from JSON: missing keys keep their defaults, unknown ones are refused. `where` starts every message.
template <class T>
T config_from_json(const Json& json, const std::string& where = "") {
  T config;
  read_config_value(json, config, where);
  return config;
}

template <class T>
Json config_to_json(const T& config) {
  return write_config_value(config);
}

/// Applies "a.b.c=value" to the JSON form of a config. A text field takes the value as it stands, any other reads it
/// as JSON (or as text where it is no JSON, e.g. an enum's name). defaults: of the config; what is null there may be null again.
/// Throws ConfigError when the path does not exist (nearest name suggested).
void apply_override(Json& json, const std::string& assignment, const Json& defaults);

/// `config` (by default the struct's defaults), then the file (if given), then the overrides in order; validated at the end.
template <class T>
T load_config(const std::optional<std::filesystem::path>& file, const std::vector<std::string>& overrides,
              T config = {}) {
  const Json defaults = config_to_json(config);
  if (file) read_config_value(read_json_file(*file), config, file->filename().string() + ":");
  if (!overrides.empty()) {
    Json json = config_to_json(config);
    for (const auto& assignment : overrides) apply_override(json, assignment, defaults);
    config = T{};
    read_config_value(json, config, "");
  } else if constexpr (detail::ValidatedConfig<T>) {
    config.validate(file ? file->filename().string() + ":" : "");
  }
  return config;
}

/// Writes a Markdown table (field, default, meaning) of a config and its nested structs.
class ConfigDescriber {
 public:
  explicit ConfigDescriber(std::string path = "") : path_(std::move(path)) {}

  template <class T>
  void operator()(const char* name, T& value, const char* meaning = "") {
    const std::string path = detail::join_path(path_, name);
    if constexpr (detail::VisitableConfig<T>) {
      ConfigDescriber nested(path);
      value.visit(nested);
      markdown += nested.markdown;
    } else {
      std::string text = meaning;
      if constexpr (NamedEnum<T>) text += " (" + enum_choices<T>() + ")";
      add_row(path, write_config_value(value).dump(), text);
    }
  }

  std::string markdown;

 private:
  void add_row(const std::string& path, const std::string& value, const std::string& meaning);
  std::string path_;
};

}  // namespace lintorch
