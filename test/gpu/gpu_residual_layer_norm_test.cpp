#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/ops/residual_layer_norm.h"
#include "test/support/fused_kernels_guard.h"
#include "test/support/poisoned_memory.h"
#include "test/support/tensor_near.h"

using namespace lintorch;

namespace {

struct Case {
  int64_t B, L, D;
  at::ScalarType x, io;
  bool update, gate, norm, affine, shared;  // shared: one modulation row for the whole batch
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.B << " x " << c.L << " x " << c.D << ", x " << c10::toString(c.x) << ", io " << c10::toString(c.io)
             << (c.update ? ", update" : "") << (c.gate ? ", gate" : "") << (c.norm ? ", norm" : "")
             << (c.affine ? ", affine" : "") << (c.shared ? ", shared" : "");
}

struct Result {
  std::vector<at::Tensor> outputs, gradients;
};

/// Inputs in the order x, update, gate, shift, scale (those the case has), as values of the case's dtypes.
std::vector<at::Tensor> inputs(const Case& c) {
  torch::manual_seed(c.L * 7 + c.D);
  const auto parameter = [&] {
    return c.affine ? at::randn({c.D}) : at::randn({c.shared ? 1 : c.B, 6, c.D}).select(1, 2).unsqueeze(1);
  };
  std::vector<at::Tensor> list = {(at::randn({c.B, c.L, c.D}) * 2 + 0.5).to(c.x)};
  if (c.update) list.push_back(at::randn({c.B, c.L, c.D}).to(c.io));
  if (c.gate) list.push_back(at::randn({c.B, 1, c.D}));
  if (c.norm) {
    list.push_back(parameter());
    list.push_back(parameter() + 1);
  }
  return list;
}

/// Forward and backward on the inputs as they are; the directions are drawn in bf16-exact values.
Result run(const Case& c, std::vector<at::Tensor> in, at::ScalarType io) {
  for (auto& x : in) x = x.detach().requires_grad_();
  size_t next = 1;
  std::optional<ops::GatedUpdate> update;
  if (c.update) {
    update = ops::GatedUpdate{in[next++], {}};
    if (c.gate) update->gate_B1D = in[next++];
  }
  Result result;
  if (c.norm && c.update) {
    const auto step = ops::residual_layer_norm(in[0], update, in[next], in[next + 1], 1e-6, io);
    result.outputs = {step.x_BLD, step.h_BLD};
  } else if (c.norm) {
    const auto step = ops::residual_layer_norm(in[0], std::nullopt, in[next], in[next + 1], 1e-6, io);
    result.outputs = {step.h_BLD, step.x_BLD};
  } else {
    result.outputs = {ops::gated_residual(in[0], *update)};
  }
  std::vector<at::Tensor> directions;
  torch::manual_seed(99);
  for (const auto& output : result.outputs)
    directions.push_back(at::randn({c.B, c.L, c.D}).to(at::kBFloat16).to(output.device(), output.scalar_type()));
  result.gradients = torch::autograd::grad(result.outputs, in, directions);
  return result;
}

void check(const Case& c) {
  INFO(c);
  const auto host = inputs(c);
  std::vector<at::Tensor> exact, device;
  for (const auto& x : host) {
    exact.push_back(x.to(at::kDouble));
    device.push_back(x.cuda());
  }
  const Result expected = run(c, exact, at::kDouble);
  Result got;
  {
    const test::PoisonedMemory poisoned;
    got = run(c, device, c.io);
  }
  // The kernel, not a fallback.
  CHECK_THAT(got.outputs[0].grad_fn()->name(), Catch::Matchers::Contains("ResidualLayerNorm"));
  for (size_t i = 0; i < got.outputs.size(); ++i) {
    INFO("output " << i);
    // One rounding to bf16 is 1.7e-3; where the stream is bf16 too, the norm sees its rounding as well.
    CHECK(test::relative_error(got.outputs[i], expected.outputs[i]) <
          (got.outputs[i].scalar_type() == at::kFloat ? 2e-6 : 4e-3));
  }
  for (size_t i = 0; i < got.gradients.size(); ++i) {
    INFO("gradient " << i);
    CHECK(got.gradients[i].sizes() == host[i].sizes());
    CHECK(got.gradients[i].scalar_type() == host[i].scalar_type());
    const bool exact_path = c.x == at::kFloat && got.gradients[i].scalar_type() == at::kFloat;
    CHECK(test::relative_error(got.gradients[i], expected.gradients[i]) < (exact_path ? 1e-5 : 8e-3));
  }
  const Result again = run(c, device, c.io);
  for (size_t i = 0; i < got.outputs.size(); ++i) CHECK(at::equal(got.outputs[i], again.outputs[i]));
  for (size_t i = 0; i < got.gradients.size(); ++i) CHECK(at::equal(got.gradients[i], again.gradients[i]));
}

const std::pair<at::ScalarType, at::ScalarType> kDtypes[] = {
    {at::kFloat, at::kFloat}, {at::kFloat, at::kBFloat16}, {at::kBFloat16, at::kBFloat16}};

}  // namespace

TEST_CASE("the fused residual and norm match fp64 at all widths", "[gpu_residual_layer_norm]") {
  for (const auto& [x, io] : kDtypes)
    for (const int64_t width : {8, 24, 64, 256, 264, 512, 1024, 1536, 2048, 2056, 5112, 5120})
      check({2, 67, width, x, io, true, true, true, false, false});
}

TEST_CASE("the fused residual and norm match fp64 at all lengths", "[gpu_residual_layer_norm]") {
  for (const auto& [x, io] : kDtypes)
    for (const int64_t length : {1, 2, 63, 1025, 32760}) {
      check({1, length, 256, x, io, true, true, true, false, false});
      check({1, length, 1536, x, io, true, true, true, false, false});
    }
}

TEST_CASE("each part of the fused residual and norm matches fp64", "[gpu_residual_layer_norm]") {
  for (const auto& [x, io] : kDtypes)
    for (const int64_t width : {24, 256, 1536, 5120}) {
      check({3, 41, width, x, io, false, false, true, false, false});  // norm, modulated
      check({3, 41, width, x, io, false, false, true, false, true});
      check({3, 41, width, x, io, false, false, true, true, false});  // norm, affine
      check({3, 41, width, x, io, true, false, true, true, false});   // residual without gate, affine norm
      check({3, 41, width, x, io, true, true, true, true, false});
    }
  for (const int64_t width : {24, 256, 1536, 5120}) {
    for (const bool gate : {false, true}) {
      check({3, 41, width, at::kFloat, at::kBFloat16, true, gate, false, false, false});
      check({3, 41, width, at::kFloat, at::kFloat, true, gate, false, false, false});
      check({3, 41, width, at::kBFloat16, at::kBFloat16, true, gate, false, false, false});
    }
  }
}

TEST_CASE("many batch entries", "[gpu_residual_layer_norm]") {
  check({128, 54, 256, at::kFloat, at::kBFloat16, true, true, true, false, false});
  check({2000, 3, 64, at::kFloat, at::kBFloat16, true, true, true, false, false});
}

TEST_CASE("a large mean of the row costs no accuracy", "[gpu_residual_layer_norm]") {
  torch::manual_seed(5);
  const auto x = at::randn({1, 100, 1536}) + 100, shift = at::randn({1, 1, 1536}), scale = at::randn({1, 1, 1536});
  const auto expected =
      ops::layer_norm_modulate(x.to(at::kDouble), shift.to(at::kDouble), scale.to(at::kDouble), 1e-6, at::kDouble);
  const auto got = ops::layer_norm_modulate(x.cuda(), shift.cuda(), scale.cuda(), 1e-6, at::kFloat);
  CHECK(test::relative_error(got, expected) < 3e-5);  // the rounding of a mean of 100, up to 4 ulp
}

TEST_CASE("without gradients the outputs have the same bits", "[gpu_residual_layer_norm]") {
  const Case c{2, 67, 1536, at::kFloat, at::kBFloat16, true, true, true, false, false};
  std::vector<at::Tensor> device;
  for (const auto& x : inputs(c)) device.push_back(x.cuda());
  const Result trained = run(c, device, c.io);
  const at::NoGradGuard no_grad;
  const auto step =
      ops::residual_layer_norm(device[0], ops::GatedUpdate{device[1], device[2]}, device[3], device[4], 1e-6, c.io);
  CHECK(at::equal(step.x_BLD, trained.outputs[0]));
  CHECK(at::equal(step.h_BLD, trained.outputs[1]));
}

TEST_CASE("unaligned, strided and unsupported inputs", "[gpu_residual_layer_norm]") {
  torch::manual_seed(6);
  const auto wide = at::randn({2, 9, 70}), shift = at::randn({2, 1, 24}), scale = at::randn({2, 1, 24});
  const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const auto slice = wide.narrow(2, 1, 24), odd = wide.narrow(2, 0, 23);
  CHECK(test::relative_error(
            ops::layer_norm_modulate(wide.cuda().narrow(2, 1, 24), shift.cuda(), scale.cuda(), 1e-6, at::kFloat),
            ops::layer_norm_modulate(exact(slice), exact(shift), exact(scale), 1e-6, at::kDouble)) < 2e-6);
  const auto odd_shift = shift.narrow(2, 0, 23), odd_scale = scale.narrow(2, 0, 23);
  CHECK(test::relative_error(
            ops::layer_norm_modulate(odd.cuda(), odd_shift.cuda(), odd_scale.cuda(), 1e-6, at::kFloat),
            ops::layer_norm_modulate(exact(odd), exact(odd_shift), exact(odd_scale), 1e-6, at::kDouble)) < 2e-6);
  CHECK(test::relative_error(
            ops::layer_norm_modulate(exact(slice).cuda(), exact(shift).cuda(), exact(scale).cuda(), 1e-6, at::kDouble),
            ops::layer_norm_modulate(exact(slice), exact(shift), exact(scale), 1e-6, at::kDouble)) < 1e-12);
}
