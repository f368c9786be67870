#include "lintorch/linvideo/student.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/lora.h"

namespace lintorch::linvideo {

wan::WanDit copy_wan_dit(wan::WanDit& dit) {
  wan::WanDit copy(dit->config());
  at::NoGradGuard no_grad;
  const auto source = dit->named_parameters();
  // Per parameter: a model in low precision keeps some of its weights in fp32.
  for (auto& parameter : copy->named_parameters()) {
    const at::Tensor& value = source[parameter.key()];
    parameter.value().set_data(at::empty_like(value));
  }
  for (auto& buffer : copy->named_buffers())
    buffer.value().set_data(at::empty_like(dit->named_buffers()[buffer.key()]));
  layers::load_module_state(*copy, layers::module_state(*dit), "copy_wan_dit");
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
    } else if (trainable == TrainableKind::kAll ||
               (trainable == TrainableKind::kAttention && name.find(".attn1.") != std::string::npos)) {
      selected.backbone.emplace_back(name, value);
    } else {
      value.set_requires_grad(false);
      const at::Tensor& original = teacher_parameters[name];
      if (original.dtype() == value.dtype() && original.device() == value.device()) value.set_data(original.detach());
    }
  }
  return selected;
}

}  // namespace lintorch::linvideo
