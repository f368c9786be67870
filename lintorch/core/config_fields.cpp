#include "lintorch/core/config_fields.h"

#include <algorithm>

namespace lintorch {

namespace detail {

static size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2) + 1;
  for (const auto& candidate : known) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best.empty() ? "" : fmt::format(", did you mean \"{}\"?", best);
}

void wrong_type(const std::string& path, const char* expected, const Json& got) {
  throw ConfigError(fmt::format("{}: expected {}, got {}", path.empty() ? "config" : path, expected, got.dump()));
}

}  // namespace detail

void ConfigReader::refuse_unknown(const std::set<std::string>& foreign) const {
  for (const auto& [key, value] : json_.items()) {
    if (key.starts_with("_") || foreign.contains(key)) continue;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    throw ConfigError(
        fmt::format("{}: unknown key{}", detail::join_path(path_, key), detail::did_you_mean(key, known_)));
  }
}

void apply_override(Json& json, const std::string& assignment, const Json& defaults) {
  const size_t equals = assignment.find('=');
  LT_CHECK(equals != std::string::npos && equals > 0, ConfigError, "--set {}: expected key=value", assignment);
  const std::string path = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);

  Json* node = &json;
  const Json* usual = &defaults;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    const std::string name = path.substr(begin, dot - begin);
    std::vector<std::string> known;
    if (node->is_object())
      for (const auto& [key, value] : node->items()) known.push_back(key);
    LT_CHECK(node->is_object() && node->contains(name), ConfigError, "--set {}: unknown key \"{}\"{}", assignment,
             path.substr(0, dot), detail::did_you_mean(name, known));
    node = &(*node)[name];
    usual = usual && usual->is_object() && usual->contains(name) ? &(*usual)[name] : nullptr;
    begin = dot + 1;
  }
  const Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool optional = usual && usual->is_null();
  const bool as_text = parsed.is_discarded() || (node->is_string() && !(optional && parsed.is_null()));
  *node = as_text ? Json(text) : parsed;
}

void ConfigDescriber::add_row(const std::string& path, const std::string& value, const std::string& meaning) {
  std::string escaped;
  for (const char c : meaning) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  markdown += fmt::format("| `{}` | `{}` | {} |\n", path, value, escaped);
}

}  // namespace lintorch
