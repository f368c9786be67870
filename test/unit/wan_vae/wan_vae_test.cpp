#include "lintorch/models/wan/vae.h"

#include <ATen/autocast_mode.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

namespace lintorch::wan {
namespace {

using Catch::Matchers::Contains;

/// A narrow model with the structure of the miniature one.
WanVae small_vae(uint64_t seed = 1) {
  torch::manual_seed(seed);
  WanVaeConfig config = tiny_vae();
  config.base_dim = 4;
  WanVae vae(config);
  vae->eval();
  return vae;
}

/// Both modes sum the same products; only the order of sums inside a convolution may differ: some 1e-7 per layer, over
/// about 30 layers. A wrong frame at a chunk boundary gives errors above 1e-2.
constexpr double kRounding = 5e-6;

double relative_error(const at::Tensor& a, const at::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

}  // namespace

TEST_CASE("latent and video sizes follow the factors", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  REQUIRE(vae->spatial_factor() == 4);
  REQUIRE(vae->temporal_factor() == 4);
  const auto moments = vae->encode_moments(torch::rand({2, 3, 9, 12, 20}) * 2 - 1);
  REQUIRE(moments.sizes() == at::IntArrayRef({2, 32, 3, 3, 5}));
  const auto video = vae->decode(torch::randn({2, 16, 3, 3, 5}));
  REQUIRE(video.sizes() == at::IntArrayRef({2, 3, 9, 12, 20}));
  REQUIRE(video.is_contiguous());
  REQUIRE(video.abs().max().item<double>() <= 1.0);
}

TEST_CASE("streaming equals one pass over the whole clip", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  const int64_t frames = GENERATE(1, 5, 17);
  for (int64_t batch : {1, 2}) {
    const auto video = torch::rand({batch, 3, frames, 12, 20}) * 2 - 1;
    CHECK(relative_error(vae->encode_moments(video, ClipMode::kStreaming),
                         vae->encode_moments(video, ClipMode::kWholeClip)) < kRounding);
    const auto z = torch::randn({batch, 16, 1 + (frames - 1) / 4, 3, 5});
    CHECK(relative_error(vae->decode_raw(z, ClipMode::kStreaming), vae->decode_raw(z, ClipMode::kWholeClip)) <
          kRounding);
  }
}

TEST_CASE("other depths and temporal steps work in both modes", "[wan_vae]") {
  at::NoGradGuard no_grad;
  torch::manual_seed(3);
  WanVaeConfig config = tiny_vae();
  config.base_dim = 4;
  config.num_res_blocks = 1;
  config.dim_mult = {1, 1, 2, 2};
  config.temperal_downsample =
      GENERATE(values<std::vector<bool>>({{true, false, true}, {true, true, true}, {false, false, false}}));
  config.attn_scales = {0.5};
  WanVae vae(config);
  const int64_t frames = 1 + 2 * vae->temporal_factor();
  const auto video = torch::rand({1, 3, frames, 16, 24}) * 2 - 1;
  const auto moments = vae->encode_moments(video);
  REQUIRE(moments.sizes() == at::IntArrayRef({1, 32, 3, 2, 3}));
  CHECK(relative_error(vae->encode_moments(video, ClipMode::kStreaming), moments) < kRounding);
  const auto decoded = vae->decode_raw(moments.narrow(1, 0, 16));
  REQUIRE(decoded.sizes() == video.sizes());
  CHECK(relative_error(vae->decode_raw(moments.narrow(1, 0, 16), ClipMode::kStreaming), decoded) < kRounding);
}

TEST_CASE("no latent frame depends on later pixels", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  const auto video = torch::rand({1, 3, 9, 8, 8}) * 2 - 1;
  auto changed = video.clone();
  changed.slice(2, 5).zero_();
  const auto a = vae->encode_moments(video), b = vae->encode_moments(changed);
  CHECK(at::equal(a.narrow(2, 0, 2), b.narrow(2, 0, 2)));
  CHECK_FALSE(at::allclose(a.select(2, 2), b.select(2, 2)));
}

TEST_CASE("clips of a batch do not mix", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  const auto z = torch::randn({3, 16, 2, 3, 2});
  const auto together = vae->decode_raw(z);
  for (int64_t i = 0; i < 3; ++i)
    CHECK(relative_error(together.narrow(0, i, 1), vae->decode_raw(z.narrow(0, i, 1))) < kRounding);
}

TEST_CASE("gradients reach every parameter and agree between the modes", "[wan_vae]") {
  WanVae vae = small_vae();
  vae->to(at::kDouble);
  const auto video = torch::rand({2, 3, 9, 8, 8}, at::kDouble) * 2 - 1;
  std::vector<std::vector<at::Tensor>> gradients;
  for (ClipMode mode : {ClipMode::kWholeClip, ClipMode::kStreaming}) {
    vae->zero_grad();
    const auto z = vae->encode_moments(video, mode).narrow(1, 0, 16);
    (vae->decode_raw(z, mode) - video).square().mean().backward();
    gradients.emplace_back();
    for (const auto& item : vae->named_parameters()) {
      INFO(item.key());
      REQUIRE(item.value().grad().defined());
      gradients.back().push_back(item.value().grad().clone());
    }
  }
  const auto names = vae->named_parameters().keys();
  for (size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(gradients[0][i].abs().max().item<double>() > 0);
    CHECK(at::allclose(gradients[0][i], gradients[1][i], 1e-9, 1e-12));
  }
}

TEST_CASE("a gradient equals the finite difference", "[wan_vae]") {
  WanVae vae = small_vae();
  vae->to(at::kDouble);
  const auto z = torch::randn({1, 16, 3, 2, 2}, at::kDouble).requires_grad_();
  const auto direction = torch::randn_like(z);
  const auto weights = torch::randn({1, 3, 9, 8, 8}, at::kDouble);
  const auto loss = [&](const at::Tensor& x) { return (vae->decode_raw(x) * weights).sum(); };
  loss(z).backward();
  const double expected = (z.grad() * direction).sum().item<double>();
  at::NoGradGuard no_grad;
  const double step = 1e-5;
  const double measured = (loss(z + step * direction) - loss(z - step * direction)).item<double>() / (2 * step);
  CHECK(measured == Approx(expected).epsilon(1e-6));
}

TEST_CASE("latents are normalized by the statistics of the config", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  std::vector<double> mean(16), std(16);
  for (int i = 0; i < 16; ++i) {
    mean[i] = 0.1 * i - 0.5;
    std[i] = 0.5 + 0.1 * i;
  }
  vae->set_latent_statistics(mean, std);
  REQUIRE(vae->config().latents_mean == mean);
  const auto video = torch::rand({1, 3, 5, 8, 8}) * 2 - 1;
  const auto mu = vae->encode_moments(video).narrow(1, 0, 16);
  const auto latent = vae->encode(video);
  for (int i = 0; i < 16; ++i) CHECK(at::allclose(latent.select(1, i), (mu.select(1, i) - mean[i]) / std[i]));
  CHECK(at::allclose(vae->denormalize(latent), mu, 1e-5, 1e-6));
  CHECK(at::allclose(vae->decode(latent), vae->decode_raw(mu).clamp(-1, 1), 1e-4, 1e-5));
}

TEST_CASE("statistics of the wrong size or sign are refused", "[wan_vae]") {
  WanVae vae = small_vae();
  const std::vector<double> ones(16, 1.0);
  REQUIRE_THROWS_WITH(vae->set_latent_statistics(std::vector<double>(4, 0.0), ones),
                      Contains("z_dim = 16 values, got 4"));
  REQUIRE_THROWS_WITH(vae->set_latent_statistics(ones, std::vector<double>(16, 0.0)), Contains("positive"));
  REQUIRE(vae->config().latents_std == ones);
}

TEST_CASE("sizes that do not fit name the nearest ones that do", "[wan_vae]") {
  WanVae vae = small_vae();
  const auto encode = [&](at::IntArrayRef sizes) { vae->encode(torch::zeros(sizes)); };
  REQUIRE_THROWS_WITH(encode({1, 3, 16, 8, 8}), Contains("1 + 4 k frames, got 16: use 13 or 17"));
  REQUIRE_THROWS_WITH(encode({1, 3, 2, 8, 8}), Contains("use 1 or 5"));
  REQUIRE_THROWS_WITH(encode({1, 3, 0, 8, 8}), Contains("use 1"));
  REQUIRE_THROWS_WITH(encode({1, 3, 5, 70, 8}), Contains("height divisible by 4, got 70: use 68 or 72"));
  REQUIRE_THROWS_WITH(encode({1, 3, 5, 8, 2}), Contains("width divisible by 4, got 2: use 4"));
  REQUIRE_THROWS_WITH(encode({1, 4, 5, 8, 8}), Contains("[B, 3, F, H, W], got 1 x 4 x 5 x 8 x 8"));
  REQUIRE_THROWS_AS(encode({3, 5, 8, 8}), Error);
  REQUIRE_THROWS_WITH(vae->decode(torch::zeros({1, 8, 2, 3, 3})), Contains("[B, 16, T, h, w], got 1 x 8 x 2 x 3 x 3"));
  REQUIRE_THROWS_AS(vae->decode_raw(torch::zeros({1, 16, 0, 3, 3})), Error);
}

TEST_CASE("bf16 weights give fp32 results near the fp32 ones", "[wan_vae]") {
  at::NoGradGuard no_grad;
  WanVae vae = small_vae();
  const auto z = torch::randn({1, 16, 2, 3, 3});
  const auto expected = vae->decode_raw(z);
  vae->to(at::kBFloat16);
  const auto rounded = vae->decode_raw(z);
  REQUIRE(rounded.scalar_type() == at::kFloat);
  CHECK(relative_error(rounded, expected) < 0.05);
}

TEST_CASE("training under bf16 autocast gives fp32 gradients near the fp32 ones", "[wan_vae]") {
  // bf16 moves the gradients of so narrow a random model by some 10% (14% for Diffusers' too); a point where a norm of
  // four channels nearly vanishes can do worse, so the seed matters.
  WanVae vae = small_vae(2);
  const auto video = torch::rand({1, 3, 5, 8, 8}) * 2 - 1;
  const auto gradient = [&](bool autocast) {
    vae->zero_grad();
    at::autocast::set_autocast_enabled(at::kCPU, autocast);
    const auto loss = (vae->decode_raw(vae->encode(video)) - video).square().mean();
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    loss.backward();
    std::vector<at::Tensor> all;
    for (const auto& p : vae->parameters()) {
      REQUIRE(p.grad().scalar_type() == at::kFloat);
      all.push_back(p.grad().flatten());
    }
    return at::cat(all).clone();
  };
  const auto exact = gradient(false);
  const double error = relative_error(gradient(true), exact);
  CHECK(error < 0.3);
  CHECK(error > 1e-4);  // autocast was on
}

}  // namespace lintorch::wan
