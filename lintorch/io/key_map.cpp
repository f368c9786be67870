#include "lintorch/io/key_map.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "lintorch/core/error.h"

namespace lintorch::io {

namespace {

constexpr std::string_view kPlaceholder = "{}";

std::vector<std::string> split(std::string_view name) {
  std::vector<std::string> components;
  size_t begin = 0;
  while (true) {
    const size_t dot = name.find('.', begin);
    components.emplace_back(name.substr(begin, dot - begin));
    if (dot == std::string_view::npos) return components;
    begin = dot + 1;
  }
}

int64_t count_placeholders(const std::vector<std::string>& pattern) {
  return std::count(pattern.begin(), pattern.end(), kPlaceholder);
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& name) {
  if (pattern.size() > name.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != kPlaceholder && pattern[i] != name[i]) return false;
  }
  return true;
}

}  // namespace

KeyMap::KeyMap(std::initializer_list<std::pair<std::string, std::string>> pairs)
    : KeyMap(std::vector<std::pair<std::string, std::string>>(pairs)) {}

KeyMap::KeyMap(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::set<std::string> lefts, rights;
  for (const auto& [left, right] : pairs) {
    Rule rule{split(left), split(right)};
    if (!lefts.insert(left).second || !rights.insert(right).second) {
      throw std::invalid_argument("KeyMap: a pattern of the pair '" + left + "', '" + right + "' occurs twice");
    }
    if (count_placeholders(rule.left) != count_placeholders(rule.right)) {
      throw std::invalid_argument("KeyMap: '" + left + "' and '" + right + "' differ in their number of {}");
    }
    rules_.push_back(std::move(rule));
  }
}

std::optional<std::string> KeyMap::rewrite(std::string_view name, const std::vector<Rule>& rules, bool to_right) {
  const Components components = split(name);
  const Rule* best = nullptr;
  const auto source = [&](const Rule& rule) -> const Components& { return to_right ? rule.left : rule.right; };
  const auto rank = [&](const Rule& rule) {
    return std::pair(static_cast<int64_t>(source(rule).size()), -count_placeholders(source(rule)));
  };
  for (const Rule& rule : rules) {
    if (matches(source(rule), components) && (best == nullptr || rank(rule) > rank(*best))) best = &rule;
  }
  if (best == nullptr) return std::nullopt;

  Components carried;
  for (size_t i = 0; i < source(*best).size(); ++i) {
    if (source(*best)[i] == kPlaceholder) carried.push_back(components[i]);
  }
  std::string result;
  size_t next = 0;
  const auto append = [&](const std::string& component) {
    if (!result.empty()) result += '.';
    result += component;
  };
  for (const auto& part : to_right ? best->right : best->left) append(part == kPlaceholder ? carried[next++] : part);
  for (size_t i = source(*best).size(); i < components.size(); ++i) append(components[i]);
  return result;
}

std::optional<std::string> KeyMap::forward(std::string_view name) const { return rewrite(name, rules_, true); }

std::optional<std::string> KeyMap::backward(std::string_view name) const { return rewrite(name, rules_, false); }

void KeyMap::check_bijection(const std::vector<std::string>& left_names) const {
  std::map<std::string, std::string> left_of;
  for (const auto& left : left_names) {
    const auto right = forward(left);
    LT_CHECK(right.has_value(), CheckpointError, "[KeyMap] no pattern matches the tensor '{}'", left);
    const auto [it, inserted] = left_of.emplace(*right, left);
    LT_CHECK(inserted, CheckpointError, "[KeyMap] '{}' and '{}' both become '{}'", it->second, left, *right);
    const auto back = backward(*right);
    LT_CHECK(back == left, CheckpointError, "[KeyMap] '{}' becomes '{}' and comes back as '{}'", left, *right,
             back.value_or("nothing"));
  }
}

}  // namespace lintorch::io
