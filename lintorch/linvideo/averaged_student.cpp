#include "lintorch/linvideo/averaged_student.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>

#include <utility>

#include "lintorch/core/error.h"

namespace lintorch::linvideo {

AveragedStudent::AveragedStudent(wan::WanDit twin, NamedTensors trained, double decay)
    : twin_(std::move(twin)), decay_(decay) {
  const at::NoGradGuard no_grad;
  const auto twins = twin_->named_parameters();
  for (const auto& [name, weight] : trained) {
    names_.push_back(name);
    weights_.push_back(weight);
    averages_.push_back(twins[name]);
    averages_.back().set_requires_grad(false).set_data(weight.detach().clone());  // in the dtype that trains
  }
}

void AveragedStudent::update() {
  const at::NoGradGuard no_grad;
  at::_foreach_lerp_(averages_, weights_, at::Scalar(1.0 - decay_));
}

TensorMap AveragedStudent::state() const {
  TensorMap state;
  for (size_t i = 0; i < names_.size(); ++i) state[names_[i]] = averages_[i];
  return state;
}

void AveragedStudent::load_state(const TensorMap& state) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto it = state.find(names_[i]);
    LT_CHECK(it != state.end(), CheckpointError, "[AveragedStudent] the checkpoint has no average of {}", names_[i]);
    LT_CHECK(it->second.sizes() == averages_[i].sizes(), CheckpointError,
             "[AveragedStudent] the average of {} has another shape", names_[i]);
    averages_[i].copy_(it->second);
  }
}

}  // namespace lintorch::linvideo
