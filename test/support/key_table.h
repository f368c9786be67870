#pragma once

#include <ATen/ops/zeros.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "test/support/golden.h"

namespace lintorch::test {

/// A tensor of a published model.
struct KeyRow {
  std::string original, diffusers;
  std::vector<int64_t> shape;
};

/// Every tensor of a published model, from test/data/<model>_keys.tsv: wan_dit_1.3b, wan_dit_14b, wan_vae, umt5_xxl.
inline std::vector<KeyRow> key_table(const std::string& model) {
  std::ifstream file(test_data(model + "_keys.tsv"));
  std::vector<KeyRow> rows;
  std::string header, shape;
  std::getline(file, header);
  for (KeyRow row; file >> row.original >> row.diffusers >> shape;) {
    row.shape.clear();
    std::istringstream sizes(shape);
    for (std::string size; std::getline(sizes, size, 'x');) row.shape.push_back(std::stoll(size));
    rows.push_back(row);
  }
  return rows;
}

/// The model's tensors under original names at full size, each a view of one element.
inline TensorMap original_state(const std::vector<KeyRow>& table, at::ScalarType dtype) {
  TensorMap state;
  for (const KeyRow& row : table) state[row.original] = at::zeros({1}, dtype).expand(row.shape);
  return state;
}

}  // namespace lintorch::test
