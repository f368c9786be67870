#include "lintorch/train/autocast.h"

#include <ATen/autocast_mode.h>

namespace lintorch::train {

at::ScalarType autocast_dtype(std::string_view precision, c10::Device device) {
  return precision == "bf16" && device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

AutocastScope::AutocastScope(c10::Device device, at::ScalarType dtype)
    : type_(device.type()), active_(dtype != at::kFloat) {
  if (!active_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(type_);
  previous_dtype_ = at::autocast::get_autocast_dtype(type_);
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, dtype);
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, was_enabled_);
  at::autocast::set_autocast_dtype(type_, previous_dtype_);
}

}  // namespace lintorch::train
