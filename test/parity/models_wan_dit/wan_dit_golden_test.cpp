#include <catch2/catch.hpp>

#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/dit.h"
#include "test/support/golden.h"
#include "test/support/tensor_near.h"

using namespace lintorch;

TEST_CASE("WanDit equals Diffusers' WanTransformer3DModel", "[wan_dit_golden]") {
  for (const char* name : {"odd", "batch"}) {
    INFO(name);
    const io::SafetensorsFile file(test::test_data(fmt::format("wan_dit_{}.safetensors", name)));
    const TensorMap golden = file.load();
    wan::WanDit dit(wan::wan_dit_config_from_json(Json::parse(file.metadata().at("config"))));
    layers::load_module_state(*dit, test::with_prefix(golden, "weights."), "golden");
    const at::NoGradGuard no_grad;
    const auto run = [&] { return dit->forward(golden.at("latent"), golden.at("timestep"), golden.at("text")); };
    CHECK(test::relative_error(run(), golden.at("velocity")) < 1e-5);
    // bf16 weights: within the format's reach of the same reference.
    dit->to(at::kBFloat16);
    CHECK(test::relative_error(run(), golden.at("velocity")) < 5e-2);
  }
}
