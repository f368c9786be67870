#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "lintorch/train/parameter_group.h"

namespace lintorch::train {

/// What of the parameters this process updates: here all of every parameter, with the gradients that autograd left in them.
/// A sharded run updates a piece of some (gradient_buckets.h). Parameters are named by group and index in it.
class ParameterLayout {
 public:
  explicit ParameterLayout(const std::vector<ParameterGroup>& groups) : groups_(groups) {}
  virtual ~ParameterLayout() = default;

  /// The values to update; undefined if none of the parameter is updated here.
  virtual at::Tensor values(size_t group, size_t index) const { return parameter(group, index); }
  /// Their gradients, of the same shape; undefined if the step gave the parameter none.
  virtual at::Tensor gradient(size_t group, size_t index) const { return parameter(group, index).grad(); }
  /// Whether the step gave the parameter a gradient, here or elsewhere.
  virtual bool has_gradient(size_t group, size_t index) const { return parameter(group, index).grad().defined(); }
  /// The piece of a tensor like the parameter that belongs to values().
  virtual at::Tensor piece(size_t group, size_t index, const at::Tensor& whole) const { return whole; }
  /// The whole tensors, one per parameter of the group, that pieces of all processes make up; on rank 0, undefined elsewhere.
  /// All processes call it.
  virtual std::vector<at::Tensor> whole(size_t group, const std::vector<at::Tensor>& pieces) const { return pieces; }
  /// Sum over processes of a scalar, where each has gradients of its own pieces only.
  virtual at::Tensor sum(const at::Tensor& scalar) const { return scalar; }
  virtual bool sharded() const { return false; }
  /// After values were updated: gives every process all of them.
  virtual void publish(const std::vector<bool>& stepped) {}

 protected:
  const at::Tensor& parameter(size_t group, size_t index) const { return groups_[group].parameters[index].second; }
  const std::vector<ParameterGroup>& groups_;
};

}  // namespace lintorch::train
