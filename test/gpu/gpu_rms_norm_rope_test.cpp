#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "lintorch/ops/rms_norm_rope.h"
#include "lintorch/ops/rope_3d.h"
#include "test/support/fused_kernels_guard.h"
#include "test/support/poisoned_memory.h"
#include "test/support/tensor_near.h"

using namespace lintorch;

namespace {

struct Case {
  int64_t B;
  std::array<int64_t, 3> grid;
  int64_t D, K;  // K = 0: no rotation
  at::ScalarType dtype;
  bool slice;  // x is the middle third of a wider tensor
};

struct Result {
  at::Tensor y;
  std::vector<at::Tensor> gradients;  // of the whole tensor that x is a part of, and of the weight
};

Result run(const Case& c, const at::Tensor& stored, const at::Tensor& weight_in) {
  const auto whole = stored.detach().requires_grad_(), weight = weight_in.detach().requires_grad_();
  const auto x = c.slice ? whole.narrow(2, c.D, c.D) : whole;
  Result result;
  if (c.K > 0) {
    const auto table =
        ops::rope_3d_table(c.grid, c.K, x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat, x.device());
    result.y = ops::rms_norm_rope(x, weight, table, 1e-6, x.scalar_type());
  } else {
    result.y = ops::rms_norm(x, weight, 1e-6, x.scalar_type());
  }
  torch::manual_seed(99);
  const auto direction = at::randn(result.y.sizes()).to(at::kBFloat16).to(x.device(), x.scalar_type());
  result.gradients = torch::autograd::grad({result.y}, {whole, weight}, {direction});
  return result;
}

void check(const Case& c) {
  INFO(c.B << " x " << c.grid[0] << "*" << c.grid[1] << "*" << c.grid[2] << " x " << c.D << ", head " << c.K << ", "
           << c10::toString(c.dtype) << (c.slice ? ", slice" : ""));
  torch::manual_seed(c.D + c.K);
  const int64_t L = c.grid[0] * c.grid[1] * c.grid[2];
  const auto stored = (at::randn({c.B, L, c.slice ? 3 * c.D : c.D}) * 3 + 0.5).to(c.dtype);
  const auto weight = at::randn({c.D});
  const Result expected = run(c, stored.to(at::kDouble), weight.to(at::kDouble));
  const auto on_device = stored.cuda(), weight_on_device = weight.cuda();
  Result got;
  {
    const test::PoisonedMemory poisoned;
    got = run(c, on_device, weight_on_device);
  }
  const bool fp32 = c.dtype == at::kFloat;
  CHECK(got.y.sizes() == expected.y.sizes());
  CHECK(got.y.scalar_type() == c.dtype);
  CHECK(test::relative_error(got.y, expected.y) < (fp32 ? 2e-6 : 4e-3));
  CHECK(test::relative_error(got.gradients[0], expected.gradients[0]) < (fp32 ? 1e-5 : 4e-3));
  CHECK(got.gradients[1].scalar_type() == at::kFloat);
  CHECK(test::relative_error(got.gradients[1], expected.gradients[1]) < 1e-5);  // fp32 throughout
  if (c.D % 8 != 0 || c.K % 8 != 0) return;                                     // no kernel: LibTorch's operators
  const Result again = run(c, on_device, weight_on_device);
  CHECK(at::equal(got.y, again.y));
  CHECK(at::equal(got.gradients[0], again.gradients[0]));
  CHECK(at::equal(got.gradients[1], again.gradients[1]));
  const at::NoGradGuard no_grad;
  const auto x = c.slice ? on_device.narrow(2, c.D, c.D) : on_device;
  const auto y = c.K > 0 ? ops::rms_norm_rope(x, weight_on_device,
                                              ops::rope_3d_table(c.grid, c.K, at::kFloat, at::kCUDA), 1e-6, c.dtype)
                         : ops::rms_norm(x, weight_on_device, 1e-6, c.dtype);
  CHECK(at::equal(got.y, y));
}

}  // namespace

TEST_CASE("the fused RMSNorm and rotation match fp64", "[gpu_rms_norm_rope]") {
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const bool slice : {false, true}) {
      for (const auto& [D, K] : std::vector<std::pair<int64_t, int64_t>>{
               {8, 8}, {24, 8}, {48, 24}, {256, 64}, {384, 128}, {1536, 128}, {2048, 128}, {2304, 128}, {5120, 128}})
        check({2, {3, 5, 7}, D, K, dtype, slice});
      check({1, {1, 1, 1}, 1536, 128, dtype, slice});
      check({3, {1, 1, 2}, 256, 64, dtype, slice});
      check({1, {5, 30, 52}, 256, 64, dtype, slice});
      check({1, {21, 30, 52}, 1536, 128, dtype, slice});
      check({128, {5, 3, 4}, 256, 64, dtype, slice});
    }
}

TEST_CASE("the fused RMSNorm matches fp64", "[gpu_rms_norm_rope]") {
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const int64_t width : {8, 24, 256, 1536, 2056, 5120}) {
      check({2, {1, 1, 512}, width, 0, dtype, false});
      check({3, {1, 1, 63}, width, 0, dtype, true});
    }
}

TEST_CASE("head dims and widths without a kernel", "[gpu_rms_norm_rope]") {
  check({2, {1, 2, 3}, 24, 12, at::kFloat, false});
  check({2, {1, 2, 3}, 23, 0, at::kFloat, false});
}

// The composition rounds after the norm, after the weight and after the rotation; the kernel once.
TEST_CASE("in bf16 the kernel is no worse than the composition", "[gpu_rms_norm_rope]") {
  torch::manual_seed(8);
  const auto x = at::randn({2, 105, 1536}).to(at::kBFloat16), weight = at::randn({1536}).to(at::kBFloat16);
  const auto table = ops::rope_3d_table({3, 5, 7}, 128, at::kFloat, at::kCUDA);
  const auto exact = ops::rms_norm_rope(x.to(at::kDouble), weight.to(at::kDouble),
                                        ops::rope_3d_table({3, 5, 7}, 128, at::kDouble, at::kCPU), 1e-6, at::kDouble);
  const auto error = [&](ops::FusedKernels mode) {
    const test::FusedKernelsGuard guard(mode);
    return test::relative_error(ops::rms_norm_rope(x.cuda(), weight.cuda(), table, 1e-6, at::kBFloat16), exact);
  };
  CHECK(error(ops::FusedKernels::kAuto) <= error(ops::FusedKernels::kOff));
}
