#include "lintorch/linvideo/student.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/layers/uninitialized.h"
#include "lintorch/linvideo/lora.h"

namespace lintorch::linvideo {

bool trains(const std::string& name, TrainableKind trainable) {
  return trainable == TrainableKind::kAll ||
         (trainable == TrainableKind::kAttention && name.find(".attn1.") != std::string::npos);
}

wan::WanDit copy_wan_dit(wan::WanDit& dit, TrainableKind trainable) {
  wan::WanDit copy = [&] {
    const layers::Uninitialized uninitialized;
    return wan::WanDit(dit->config());
  }();
  at::NoGradGuard no_grad;
  const auto parameters = dit->named_parameters();
  const auto buffers = dit->named_buffers();
  for (auto& parameter : copy->named_parameters()) {
    const at::Tensor value = parameters[parameter.key()].detach();
    parameter.value().set_data(trains(parameter.key(), trainable) ? value.clone() : value);
  }
  for (auto& buffer : copy->named_buffers()) buffer.value().set_data(buffers[buffer.key()].clone());
  return copy;
}

VelocityFunction velocity_of(wan::WanDit dit) {
  return [dit](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor& text) mutable {
    return dit->forward(x, timestep, text);
  };
}

StudentParameters select_parameters(wan::WanDit& student, wan::WanDit& teacher, TrainableKind trainable) {
  const auto teacher_parameters = teacher->named_parameters();
  StudentParameters selected;
  for (auto& parameter : student->named_parameters()) {
    const std::string& name = parameter.key();
    at::Tensor& value = parameter.value();
    if (is_lora_parameter(name)) {
      selected.backbone.emplace_back(name, value);
    } else if (!teacher_parameters.contains(name)) {
      selected.feature_maps.emplace_back(name, value);
    } else if (trains(name, trainable)) {
      selected.backbone.emplace_back(name, value);
    } else {
      value.set_requires_grad(false);
      const at::Tensor& original = teacher_parameters[name];
      if (original.device() == value.device()) value.set_data(original.detach());
    }
  }
  return selected;
}

}  // namespace lintorch::linvideo
