#include "lintorch/models/umt5/encode_text.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using namespace lintorch::umt5;

namespace {

TokenBatch tokens(std::vector<int64_t> lengths, int64_t longest) {
  const auto batch = static_cast<int64_t>(lengths.size());
  TokenBatch result{torch::randint(4, 512, {batch, longest}, torch::kInt64),
                    torch::zeros({batch, longest}, torch::kInt64)};
  for (int64_t b = 0; b < batch; ++b) {
    result.ids_BS[b].slice(0, lengths[b]).zero_();
    result.mask_BS[b].slice(0, 0, lengths[b]).fill_(1);
  }
  return result;
}

Umt5Encoder seeded_encoder() {
  torch::manual_seed(3);
  return Umt5Encoder(tiny());
}

}  // namespace

TEST_CASE("encode_text zeroes the rows past the true length", "[encode_text]") {
  auto encoder = seeded_encoder();
  const auto text_BSD = encode_text(encoder, tokens({7, 64, 1}, 64));
  REQUIRE(text_BSD.sizes() == at::IntArrayRef{3, 64, 128});
  CHECK(text_BSD[0].slice(0, 7).eq(0).all().item<bool>());
  CHECK(text_BSD[2].slice(0, 1).eq(0).all().item<bool>());
  CHECK(text_BSD[0].slice(0, 0, 7).abs().amin(-1).gt(0).sum().item<int64_t>() >= 6);
  CHECK(text_BSD[1].abs().amax(-1).gt(0).all().item<bool>());
}

TEST_CASE("padding does not change the features of a prompt", "[encode_text]") {
  auto encoder = seeded_encoder();
  const auto batch = tokens({7, 20}, 64);
  const auto padded = encode_text(encoder, batch);
  const TokenBatch alone{batch.ids_BS.slice(0, 0, 1).slice(1, 0, 7), batch.mask_BS.slice(0, 0, 1).slice(1, 0, 7)};
  CHECK((encode_text(encoder, alone)[0] - padded[0].slice(0, 0, 7)).abs().max().item<double>() < 1e-5);
}

TEST_CASE("encode_text is differentiable in every weight", "[encode_text]") {
  auto encoder = seeded_encoder();
  encode_text(encoder, tokens({9, 30}, 64)).pow(3).sum().backward();
  for (const auto& parameter : encoder->named_parameters()) {
    CAPTURE(parameter.key());
    REQUIRE(parameter.value().grad().defined());
    CHECK(parameter.value().grad().isfinite().all().item<bool>());
    CHECK(parameter.value().grad().abs().max().item<double>() > 0);
  }
}

TEST_CASE("random weights have the scales of transformers and depend on the seed alone", "[encode_text]") {
  auto encoder = seeded_encoder(), again = seeded_encoder();
  const auto weights = encoder->named_parameters(), same = again->named_parameters();
  for (const auto& weight : weights) CHECK(torch::equal(weight.value(), same[weight.key()]));
  const auto std = [&](const std::string& name) { return weights[name].std().item<double>(); };
  const std::string attention = "encoder.block.0.layer.0.SelfAttention.",
                    ffn = "encoder.block.1.layer.1.DenseReluDense.";
  CHECK(std("shared.weight") == Approx(1.0).epsilon(0.03));
  CHECK(std(attention + "q.weight") == Approx(1 / std::sqrt(128.0 * 32)).epsilon(0.05));
  CHECK(std(attention + "k.weight") == Approx(1 / std::sqrt(128.0)).epsilon(0.05));
  CHECK(std(attention + "o.weight") == Approx(1 / std::sqrt(128.0)).epsilon(0.05));
  CHECK(std(ffn + "wi_1.weight") == Approx(1 / std::sqrt(128.0)).epsilon(0.05));
  CHECK(std(ffn + "wo.weight") == Approx(1 / std::sqrt(256.0)).epsilon(0.05));
}

TEST_CASE("bf16 weights give bf16 features near the fp32 ones", "[encode_text]") {
  auto encoder = seeded_encoder();
  const auto batch = tokens({12, 40}, 64);
  const auto exact = encode_text(encoder, batch).detach();
  encoder->to(torch::kBFloat16);
  const auto rounded = encode_text(encoder, batch).detach();
  CHECK(rounded.scalar_type() == torch::kBFloat16);
  const auto error = (rounded.to(torch::kFloat32) - exact).pow(2).mean().sqrt() / exact.pow(2).mean().sqrt();
  CHECK(error.item<double>() < 0.03);
}

TEST_CASE("under autocast the products run in bf16, features and gradients stay fp32", "[encode_text]") {
  auto encoder = seeded_encoder();
  const auto batch = tokens({12, 40}, 64);
  const auto exact = encode_text(encoder, batch).detach();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto text_BSD = encode_text(encoder, batch);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK(text_BSD.scalar_type() == torch::kFloat32);
  const auto error = ((text_BSD - exact).pow(2).mean().sqrt() / exact.pow(2).mean().sqrt()).item<double>();
  CHECK(error < 0.03);
  CHECK(error > 1e-6);
  text_BSD.sum().backward();
  for (const auto& parameter : encoder->parameters()) CHECK(parameter.grad().scalar_type() == torch::kFloat32);
}

TEST_CASE("encode_text refuses ids without an embedding and masks of another shape", "[encode_text]") {
  auto encoder = seeded_encoder();
  auto batch = tokens({3}, 8);
  batch.ids_BS[0][0] = 512;
  CHECK_THROWS_AS(encode_text(encoder, batch), Error);
  batch = tokens({3}, 8);
  CHECK_THROWS_AS(encoder(batch.ids_BS, batch.mask_BS.slice(1, 0, 4)), Error);
  CHECK_THROWS_AS(encoder(batch.ids_BS[0], batch.mask_BS[0]), Error);
}
