#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/models/wan/vae.h"
#include "lintorch/train/autocast.h"
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
