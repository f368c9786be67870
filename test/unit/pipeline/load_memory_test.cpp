#include <catch2/catch.hpp>

#include <malloc.h>

#include <fstream>

#include "lintorch/core/error.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/umt5/shapes.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_shapes.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/models/wan/vae_key_map.h"
#include "test/support/temp_dir.h"
#include "test/support/tiny_dit.h"
#include "test/support/torch_archive_builder.h"

using namespace lintorch;

namespace {

/// A value of /proc/self/status in bytes, e.g. "VmHWM:", the highest resident size so far, mapped files included.
double status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key) {
      double kilobytes = 0;
      status >> kilobytes;
      return 1024 * kilobytes;
    }
  throw std::runtime_error("no " + key);
}

/// Pages of the libraries that the first load of a process brings in are no part of a model.
void warm_up() {
  const test::TempDir folder;
  wan::save_wan_dit(folder / "dit", test::random_dit(test::two_layer_config(false), 1), at::kFloat);
  wan::load_wan_dit(folder / "dit", at::kBFloat16, at::kCPU);
  umt5::Umt5Encoder encoder(umt5::tiny());
  umt5::save_umt5(folder / "t5", encoder, at::kFloat);
  umt5::load_umt5(folder / "t5", at::kBFloat16, at::kCPU);
}

/// Peak growth of the process during `load`, in units of the bytes of the module it returns.
template <class Load>
double peak_ratio(const Load& load) {
  warm_up();
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM starts again from the present size
  const double before = status_bytes("VmRSS:");
  if (status_bytes("VmHWM:") > 1.02 * before) throw std::runtime_error("the kernel does not reset VmHWM");
  const auto model = load();
  const double peak = status_bytes("VmHWM:");
  double kept = 0;
  for (const auto& [name, tensor] : layers::module_state(*model)) kept += static_cast<double>(tensor.nbytes());
  CHECK(kept > 100e6);
  return (peak - before) / kept;
}

/// 68 million parameters.
wan::WanDitConfig large_dit() {
  wan::WanDitConfig config;
  config.num_attention_heads = 8;
  config.num_layers = 4;
  config.ffn_dim = 3072;
  config.text_dim = 1024;
  return config;
}

// The shadow memory of the address sanitizer counts, too.
#ifdef __SANITIZE_ADDRESS__
constexpr double kLimit = 1.5;
#else
constexpr double kLimit = 1.15;
#endif

using NamedShapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

}  // namespace

TEST_CASE("loading a transformer holds one copy of it", "[load_memory]") {
  const test::TempDir folder;
  const auto config = large_dit();
  NamedShapes shapes;
  for (const auto& [name, shape] : wan::dit_shapes(config)) shapes.emplace_back(*wan::dit_key_to_original(name), shape);
  test::write_zero_archive(folder / "dit.pth", shapes);
  {
    const auto state = wan::dit_state_to_diffusers(io::read_checkpoint(folder / "dit.pth", ""));
    wan::write_wan_dit(folder / "dit", config, state);
  }
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const double ratio = peak_ratio([&] { return wan::load_wan_dit(folder / "dit", dtype, at::kCPU); });
    INFO("peak / kept, fp32 safetensors to " << c10::toString(dtype) << ": " << ratio);
    CHECK(ratio <= kLimit);
  }
}

TEST_CASE("loading the autoencoder of a .pth file holds one copy of it", "[load_memory]") {
  const test::TempDir folder;
  NamedShapes shapes;
  {
    const layers::Uninitialized uninitialized;
    const wan::WanVae vae(wan::t2v_vae());
    const auto key_map = wan::vae_key_map(wan::t2v_vae());
    for (const auto& [name, tensor] : layers::module_state(*vae))
      shapes.emplace_back(*key_map.backward(name), tensor.sizes().vec());
  }
  test::write_zero_archive(folder / "Wan2.1_VAE.pth", shapes);
  const double ratio = peak_ratio([&] { return wan::load_wan_vae(folder / "Wan2.1_VAE.pth", at::kFloat, at::kCPU); });
  INFO("peak / kept, Wan2.1_VAE.pth: " << ratio);
  CHECK(ratio <= kLimit);
}

TEST_CASE("loading a text encoder of a .pth file holds one copy of it", "[load_memory]") {
  const test::TempDir folder;
  umt5::Umt5Config config = umt5::umt5_xxl();
  config.vocab_size = 10'000;
  config.d_model = 1024;
  config.d_ff = 2560;
  config.num_heads = 16;
  config.num_layers = 4;
  NamedShapes shapes;
  for (const auto& [name, shape] : umt5::umt5_shapes(config))
    shapes.emplace_back(*umt5::umt5_key_map().backward(name), shape);
  test::write_zero_archive(folder / "t5.pth", shapes);
  const double ratio = peak_ratio([&] { return umt5::load_umt5(folder / "t5.pth", at::kBFloat16, at::kCPU); });
  INFO("peak / kept, fp32 .pth to bf16: " << ratio);
  CHECK(ratio <= kLimit);
}
