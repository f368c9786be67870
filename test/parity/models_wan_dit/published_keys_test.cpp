#include <fmt/ranges.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "lintorch/layers/module_state.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/component_weights.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/umt5/shapes.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_shapes.h"
#include "lintorch/models/wan/vae.h"
#include "lintorch/models/wan/vae_key_map.h"
#include "test/support/key_table.h"
#include "test/support/md5.h"

using namespace lintorch;

namespace {

using Rename = std::function<std::optional<std::string>(std::string_view)>;

/// A published model: its complete table, and what this library says about it.
struct Published {
  std::string name;
  size_t num_tensors;
  int64_t num_parameters;
  std::string fingerprint;
  layers::ShapeMap shapes;  // ours, Diffusers' or transformers' names
  Rename forward, backward;
};

Rename forward_of(const io::KeyMap& map) {
  return [map](std::string_view name) { return map.forward(name); };
}
Rename backward_of(const io::KeyMap& map) {
  return [map](std::string_view name) { return map.backward(name); };
}

std::vector<Published> published_models() {
  const auto vae = [] {
    const layers::Uninitialized uninitialized;
    return wan::WanVae(wan::t2v_vae());
  }();
  const io::KeyMap vae_map = wan::vae_key_map(wan::t2v_vae()), umt5_map = umt5::umt5_key_map();
  return {{"wan_dit_1.3b", 825, 1'418'996'800, "9269f8db9040a9d860eaca435be61814", wan::dit_shapes(wan::t2v_1_3b()),
           wan::dit_key_to_diffusers, wan::dit_key_to_original},
          {"wan_dit_14b", 1095, 14'288'491'584, "aafcfd9672c3a2456dc46e1cb6e52c70", wan::dit_shapes(wan::t2v_14b()),
           wan::dit_key_to_diffusers, wan::dit_key_to_original},
          {"wan_vae", 194, 126'892'531, "ccc42284ea13e1ad04693284c7a09be6",
           layers::shapes_of(layers::module_state(*vae)), forward_of(vae_map), backward_of(vae_map)},
          {"umt5_xxl", 242, 5'680'910'336, "9c8818c2cbea55eca56c7b447df170da", umt5::umt5_shapes(umt5::umt5_xxl()),
           forward_of(umt5_map), backward_of(umt5_map)}};
}

// MD5 over the sorted, comma-joined strings "name:d0_d1" and "name" of all tensors: how DiffSynth-Studio identifies
// checkpoints. It lists these values for the files that Wan published.
std::string fingerprint(const std::vector<test::KeyRow>& table) {
  std::vector<std::string> parts;
  for (const auto& row : table) {
    parts.push_back(fmt::format("{}:{}", row.original, fmt::join(row.shape, "_")));
    parts.push_back(row.original);
  }
  std::sort(parts.begin(), parts.end());
  return test::md5(fmt::format("{}", fmt::join(parts, ",")));
}

}  // namespace

TEST_CASE("MD5 gives the values of RFC 1321", "[published_keys]") {
  CHECK(test::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(test::md5("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  // More than one block: "12345678901234567890..." eight times.
  std::string digits;
  for (int i = 0; i < 8; ++i) digits += "1234567890";
  CHECK(test::md5(digits) == "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("the tables are those of the published files", "[published_keys]") {
  for (const auto& model : published_models()) {
    INFO(model.name);
    const auto table = test::key_table(model.name);
    CHECK(table.size() == model.num_tensors);
    int64_t count = 0;
    for (const auto& row : table) {
      int64_t numel = 1;
      for (const int64_t size : row.shape) numel *= size;
      count += numel;
    }
    CHECK(count == model.num_parameters);
    CHECK(fingerprint(table) == model.fingerprint);
  }
}

TEST_CASE("the key maps are bijective on the full tables, and our models have these tensors", "[published_keys]") {
  for (const auto& model : published_models()) {
    std::set<std::string> images;
    layers::ShapeMap shapes;
    for (const auto& row : test::key_table(model.name)) {
      INFO(model.name << ": " << row.original);
      CHECK(model.forward(row.original) == row.diffusers);
      CHECK(model.backward(row.diffusers) == row.original);
      images.insert(row.diffusers);
      shapes[row.diffusers] = row.shape;
    }
    INFO(model.name);
    CHECK(images.size() == model.num_tensors);
    CHECK(shapes == model.shapes);
  }
}

TEST_CASE("whole states at full size keep shapes and dtypes through both directions", "[published_keys]") {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const std::string name : {"wan_dit_1.3b", "wan_dit_14b"}) {
      const auto table = test::key_table(name);
      const TensorMap original = test::original_state(table, dtype), state = wan::dit_state_to_diffusers(original);
      REQUIRE(state.size() == table.size());
      for (const auto& row : table) {
        INFO(name << ": " << row.diffusers);
        REQUIRE(state.contains(row.diffusers));
        const at::Tensor& tensor = state.at(row.diffusers);
        CHECK(tensor.sizes() == at::IntArrayRef(row.shape));
        CHECK(tensor.scalar_type() == dtype);
        CHECK(tensor.data_ptr() == original.at(row.original).data_ptr());  // this tensor, not another of its shape
      }
      const TensorMap back = wan::dit_state_to_original(state);
      REQUIRE(back.size() == original.size());
      for (const auto& [key, tensor] : original) CHECK(back.at(key).data_ptr() == tensor.data_ptr());
      const auto preset = wan::matching_dit_preset(state);
      REQUIRE(preset);
      CHECK(preset->first == (name == "wan_dit_14b" ? "t2v_14b" : "t2v_1_3b"));
    }
    for (const auto& [name, map] : {std::pair<std::string, io::KeyMap>{"wan_vae", wan::vae_key_map(wan::t2v_vae())},
                                    {"umt5_xxl", umt5::umt5_key_map()}}) {
      TensorMap state;
      const auto table = test::key_table(name);
      const TensorMap original = test::original_state(table, dtype);
      for (const auto& row : table) state[row.diffusers] = original.at(row.original);
      const TensorMap back = to_original_names(state, map, "test");
      REQUIRE(back.size() == table.size());
      for (const auto& [key, tensor] : original) CHECK(back.at(key).data_ptr() == tensor.data_ptr());
    }
  }
}
