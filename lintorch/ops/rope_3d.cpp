// Letter: P = K / 2, pairs of channels.
#include "lintorch/ops/rope_3d.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"

namespace lintorch::ops {
namespace {

at::Tensor rotate(const at::Tensor& x_BLNK, const at::Tensor& table_L1P, at::ScalarType dtype) {
  const at::ScalarType real = table_L1P.scalar_type() == at::kComplexDouble ? at::kDouble : at::kFloat;
  const at::Tensor pairs = at::view_as_complex(x_BLNK.to(real).unflatten(-1, {-1, 2}).contiguous());
  return at::view_as_real(pairs * table_L1P).flatten(-2).to(dtype);
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Turns by table[way]. The rotation is orthogonal: its backward is the opposite rotation, so x need not be kept.
struct Rope3d : torch::autograd::Function<Rope3d> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& table, int64_t dtype,
                            int64_t way) {
    context->saved_data["table"] = table;
    context->saved_data["way"] = way;
    context->saved_data["dtype"] = static_cast<int64_t>(x.scalar_type());
    return rotate(x, table[way], static_cast<at::ScalarType>(dtype));
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor table = context->saved_data["table"].toTensor();
    const auto dtype = static_cast<at::ScalarType>(context->saved_data["dtype"].toInt());
    const int64_t way = context->saved_data["way"].toInt();
    return {rotate(grads[0], table[1 - way], dtype), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor turn(const at::Tensor& x_BLNK, const at::Tensor& table_2L1P, at::ScalarType dtype, int64_t way) {
  check_shape(x_BLNK, {-1, table_2L1P.size(1), -1, 2 * table_2L1P.size(3)}, "rope_3d: x");
  return Rope3d::apply(x_BLNK, table_2L1P, static_cast<int64_t>(dtype), way);
}

}  // namespace

std::array<int64_t, 3> rope_3d_split(int64_t head_dim) {
  LT_CHECK(head_dim >= 6 && head_dim % 2 == 0, Error, "[rope_3d_split] expected an even head dim of at least 6, got {}",
           head_dim);
  const int64_t side = 2 * (head_dim / 6);
  return {head_dim - 2 * side, side, side};
}

at::Tensor rope_3d_table(const std::array<int64_t, 3>& grid, int64_t head_dim, at::ScalarType dtype,
                         const at::Device& device, double theta) {
  const std::array<int64_t, 3> split = rope_3d_split(head_dim);
  std::vector<at::Tensor> angles;
  for (int axis = 0; axis < 3; ++axis) {
    const auto exponents = at::arange(0, split[axis], 2, at::kDouble) / static_cast<double>(split[axis]);
    const at::Tensor frequencies = at::exp(exponents * -std::log(theta));
    std::vector<int64_t> shape = {1, 1, 1, -1};
    shape[axis] = grid[axis];
    angles.push_back(at::outer(at::arange(grid[axis], at::kDouble), frequencies)
                         .view(shape)
                         .expand({grid[0], grid[1], grid[2], -1}));
  }
  const at::Tensor angles_L1P = at::cat(angles, -1).flatten(0, 2).unsqueeze(1);
  const at::ScalarType complex = dtype == at::kDouble ? at::kComplexDouble : at::kComplexFloat;
  const at::Tensor both_2L1P = at::stack({angles_L1P, -angles_L1P});
  return at::polar(at::ones_like(both_2L1P), both_2L1P).to(complex).to(device);
}

at::Tensor rope_3d(const at::Tensor& x_BLNK, const at::Tensor& table_2L1P, at::ScalarType dtype) {
  return turn(x_BLNK, table_2L1P, dtype, 0);
}

at::Tensor rope_3d_inverse(const at::Tensor& x_BLNK, const at::Tensor& table_2L1P, at::ScalarType dtype) {
  return turn(x_BLNK, table_2L1P, dtype, 1);
}

}  // namespace lintorch::ops
