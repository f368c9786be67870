#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string_view>

namespace lintorch::train {

/// Autocast's dtype for TrainerConfig::precision ("fp32", "bf16"): bf16 applies to GPUs only.
at::ScalarType autocast_dtype(std::string_view precision, c10::Device device);

/// Mixed precision for the lifetime of the object: matrix products in `dtype`, weights stay fp32. Clears the cache of
/// cast weights at the end, so every step casts each weight once. No effect when dtype is fp32.
class AutocastScope {
 public:
  AutocastScope(c10::Device device, at::ScalarType dtype);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  c10::DeviceType type_;
  bool active_;
  bool was_enabled_ = false;
  at::ScalarType previous_dtype_ = at::kFloat;
};

}  // namespace lintorch::train
