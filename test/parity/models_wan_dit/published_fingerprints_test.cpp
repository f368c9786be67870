#include <fmt/ranges.h>

#include <catch2/catch.hpp>

#include <algorithm>

#include "lintorch/layers/module_state.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/umt5/shapes.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_shapes.h"
#include "lintorch/models/wan/vae.h"
#include "lintorch/models/wan/vae_key_map.h"
#include "test/support/md5.h"

using namespace lintorch;

namespace {

// MD5 over the sorted, comma-joined strings "name:d0_d1" and "name" of all tensors: how DiffSynth-Studio identifies
// checkpoints. It lists these values for the files that Wan published.
template <class ToOriginal>
std::string fingerprint(const layers::ShapeMap& shapes, const ToOriginal& to_original) {
  std::vector<std::string> parts;
  for (const auto& [name, shape] : shapes) {
    const std::string original = to_original(name).value();
    parts.push_back(fmt::format("{}:{}", original, fmt::join(shape, "_")));
    parts.push_back(original);
  }
  std::sort(parts.begin(), parts.end());
  return test::md5(fmt::format("{}", fmt::join(parts, ",")));
}

}  // namespace

TEST_CASE("MD5 gives the values of RFC 1321", "[published_fingerprints]") {
  CHECK(test::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(test::md5("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  // More than one block: "12345678901234567890..." eight times.
  std::string digits;
  for (int i = 0; i < 8; ++i) digits += "1234567890";
  CHECK(test::md5(digits) == "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("our names and shapes, under original names, are those of the published files", "[published_fingerprints]") {
  CHECK(fingerprint(wan::dit_shapes(wan::t2v_1_3b()), wan::dit_key_to_original) == "9269f8db9040a9d860eaca435be61814");
  CHECK(fingerprint(wan::dit_shapes(wan::t2v_14b()), wan::dit_key_to_original) == "aafcfd9672c3a2456dc46e1cb6e52c70");
  const auto umt5_name = [](const std::string& name) { return umt5::umt5_key_map().backward(name); };
  CHECK(fingerprint(umt5::umt5_shapes(umt5::umt5_xxl()), umt5_name) == "9c8818c2cbea55eca56c7b447df170da");
  const auto vae = [] {
    const layers::Uninitialized uninitialized;
    return wan::WanVae(wan::t2v_vae());
  }();
  const auto vae_map = wan::vae_key_map(wan::t2v_vae());
  CHECK(fingerprint(layers::shapes_of(layers::module_state(*vae)), [&](const std::string& name) {
          return vae_map.backward(name);
        }) == "ccc42284ea13e1ad04693284c7a09be6");
}
