#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lintorch::io {

/// Renames checkpoint tensors between two naming schemes by a table of pattern pairs, e.g.
/// {"blocks.{}.norm3", "blocks.{}.norm2"}. Each "{}" stands for one dot-free component and is carried over, in order.
///
/// A pattern matches a whole name, or a leading part of it that ends at a dot; the rest is carried over. Of several
/// matching patterns the one with most components wins, then the one with fewest placeholders. A name is rewritten
/// once, by one pattern, so swaps need no special order.
class KeyMap {
 public:
  /// Throws std::invalid_argument if a pattern occurs twice on one side or the two placeholder counts of a pair differ.
  KeyMap(std::initializer_list<std::pair<std::string, std::string>> pairs);
  explicit KeyMap(const std::vector<std::pair<std::string, std::string>>& pairs);

  /// Left scheme to right scheme; nullopt if no pattern matches.
  std::optional<std::string> forward(std::string_view name) const;

  /// Right scheme to left scheme; nullopt if no pattern matches.
  std::optional<std::string> backward(std::string_view name) const;

  /// Throws CheckpointError naming the first of these left names that has no image, shares its image with another, or
  /// does not come back unchanged.
  void check_bijection(const std::vector<std::string>& left_names) const;

 private:
  using Components = std::vector<std::string>;
  struct Rule {
    Components left, right;
  };
  static std::optional<std::string> rewrite(std::string_view name, const std::vector<Rule>& rules, bool to_right);

  std::vector<Rule> rules_;
};

}  // namespace lintorch::io
