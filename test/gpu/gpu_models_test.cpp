#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/models/wan/vae.h"
#include "lintorch/train/autocast.h"
#include "test/support/fused_kernels_guard.h"
#include "test/support/tensor_near.h"
#include "test/support/tiny_dit.h"

using namespace lintorch;

namespace {

/// fp32 comparisons need full-precision products; LibTorch lets cuDNN use tf32 unless told otherwise.
void disable_tf32() { at::globalContext().setAllowTF32CuDNN(false); }

}  // namespace

TEST_CASE("the transformer gives the same velocity on GPU and CPU", "[gpu_models]") {
  disable_tf32();
  const auto config = test::two_layer_config(true);
  auto dit = test::random_dit(config, 1);
  const auto inputs = test::random_dit_inputs(config, 2);
  const at::NoGradGuard no_grad;
  const auto on_cpu = dit->forward(inputs.latent_BCTHW, inputs.timestep_B, inputs.text_BSD);
  dit->to(at::kCUDA);
  const auto latent = inputs.latent_BCTHW.cuda(), timestep = inputs.timestep_B.cuda(), text = inputs.text_BSD.cuda();
  const auto on_gpu = dit->forward(latent, timestep, text);
  CHECK(test::relative_error(on_gpu, on_cpu) < 1e-5);

  // bf16 products: rounding errors of 2^-9 over a dozen products in a row.
  const train::AutocastScope autocast(at::kCUDA, at::kBFloat16);
  CHECK(test::relative_error(dit->forward(latent, timestep, text), on_cpu) < 3e-2);
}

// Rule of docs/adding_an_op.md, for a whole model and every parameter's gradient.
TEST_CASE("in bf16 the fused kernels are as close to fp32 as the composition", "[gpu_models]") {
  disable_tf32();
  auto config = test::two_layer_config(true);
  config.attention_head_dim = config.linear_attention.feature_dim = 64;  // width 128: the kernels serve all of it
  const auto inputs = test::random_dit_inputs(config, 2);
  const auto run = [&](const c10::Device& device, bool bf16, ops::FusedKernels mode) {
    const test::FusedKernelsGuard guard(mode);
    auto dit = test::random_dit(config, 1);
    dit->to(device);
    const train::AutocastScope autocast(device, bf16 ? at::kBFloat16 : at::kFloat);
    const auto velocity =
        dit->forward(inputs.latent_BCTHW.to(device), inputs.timestep_B.to(device), inputs.text_BSD.to(device));
    velocity.square().sum().backward();
    std::vector<std::pair<std::string, at::Tensor>> results = {{"velocity", velocity}};
    for (const auto& parameter : dit->named_parameters()) results.emplace_back(parameter.key(), parameter->grad());
    return results;
  };
  const auto exact = run(at::kCPU, false, ops::FusedKernels::kOff);
  const auto single = run(at::kCUDA, false, ops::FusedKernels::kAuto);
  const auto fused = run(at::kCUDA, true, ops::FusedKernels::kAuto);
  const auto composed = run(at::kCUDA, true, ops::FusedKernels::kOff);
  for (size_t i = 0; i < exact.size(); ++i) {
    INFO(exact[i].first);
    CHECK(test::relative_error(single[i].second, exact[i].second) < 1e-4);
    CHECK(test::relative_error(fused[i].second, exact[i].second) <=
          2 * test::relative_error(composed[i].second, exact[i].second) + 1e-4);
  }
}

TEST_CASE("the autoencoder gives the same results on GPU and CPU", "[gpu_models]") {
  disable_tf32();
  torch::manual_seed(3);
  auto config = wan::tiny_vae();
  config.base_dim = 8;
  wan::WanVae vae(config);
  const auto video = at::rand({1, 3, 9, 16, 24}) * 2 - 1;
  const at::NoGradGuard no_grad;
  const auto latent = vae->encode(video);
  const auto decoded = vae->decode(latent);
  vae->to(at::kCUDA);
  CHECK(test::relative_error(vae->encode(video.cuda()), latent) < 1e-4);
  CHECK(test::relative_error(vae->decode(latent.cuda()), decoded) < 1e-4);
}
