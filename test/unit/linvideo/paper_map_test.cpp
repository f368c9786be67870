#include <catch2/catch.hpp>

#include <filesystem>
#include <regex>
#include <sstream>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/files.h"
#include "lintorch/distill/config.h"
#include "lintorch/linvideo/collect_config.h"
#include "lintorch/linvideo/config.h"

using namespace lintorch;

namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(cell);
  return cells;
}

/// Texts in backticks.
std::vector<std::string> code_of(const std::string& text) {
  static const std::regex kCode("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), kCode), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

template <class Config>
std::string key_table() {
  Config config;
  ConfigDescriber table;
  config.visit(table);
  return table.markdown;
}

/// Whether `key` (which may end with ".*" or carry ": value") is a key of the table.
bool has_key(const std::string& table, std::string key) {
  key = key.substr(0, key.find(':'));
  if (key.ends_with("*")) return table.find("`" + key.substr(0, key.size() - 1)) != std::string::npos;
  return table.find("`" + key + "`") != std::string::npos;
}

void check_keys(const std::string& cell) {
  static const std::string linearize = key_table<linvideo::LinearizeConfig>();
  static const std::string distill = key_table<distill::DistillConfig>();
  static const std::string collect = key_table<linvideo::CollectConfig>();
  std::string prefix;
  for (std::string key : code_of(cell)) {
    if (key.starts_with(".")) key = prefix + key;
    prefix = key.substr(0, key.rfind('.'));
    INFO(key);
    if (key.starts_with("train.") || key == "collect.*" || key == "export.*") continue;
    if (key.starts_with("collect."))
      CHECK(has_key(collect, key.substr(8)));
    else if (key.starts_with("distill."))
      CHECK(has_key(distill, key.substr(8)));
    else
      CHECK(has_key(linearize, key));
  }
}

}  // namespace

TEST_CASE("docs/paper_map.md names files, entry points and config keys that exist", "[paper_map]") {
  const std::filesystem::path root = LINTORCH_SOURCE_DIR;
  std::istringstream lines(read_file(root / "docs/paper_map.md"));
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto cells = cells_of(line);
    if (cells.size() < 7 || code_of(cells[3]).empty()) continue;
    ++rows;
    const std::filesystem::path header = root / code_of(cells[3]).at(0);
    INFO(line);
    for (const auto& file : code_of(cells[3])) REQUIRE(std::filesystem::exists(root / file));
    for (const auto& name : code_of(cells[4])) CHECK_THAT(read_file(header), Catch::Contains(name));
    for (const auto& test : code_of(cells[6])) CHECK(std::filesystem::exists(root / test));
    check_keys(cells[5]);
  }
  CHECK(rows >= 16);
}

TEST_CASE("docs/distillation.md names config keys that exist", "[paper_map]") {
  std::istringstream lines(read_file(std::filesystem::path(LINTORCH_SOURCE_DIR) / "docs/distillation.md"));
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto cells = cells_of(line);
    if (cells.size() != 4 || cells[3].find("`distill.") == std::string::npos) continue;
    ++rows;
    INFO(line);
    check_keys(cells[3]);
  }
  CHECK(rows >= 7);
}

TEST_CASE("docs/method.md names config keys that exist", "[paper_map]") {
  std::istringstream lines(read_file(std::filesystem::path(LINTORCH_SOURCE_DIR) / "docs/method.md"));
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto cells = cells_of(line);
    if (cells.size() < 5 || !std::regex_match(cells[1], std::regex(" *[0-9]+ *"))) continue;
    ++rows;
    INFO(line);
    check_keys(cells[4]);
  }
  CHECK(rows >= 20);
}
