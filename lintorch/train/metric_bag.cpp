#include "lintorch/train/metric_bag.h"

#include <ATen/ops/stack.h>

#include <vector>

namespace lintorch::train {

void MetricBag::add(const std::string& name, const at::Tensor& scalar) {
  Sum& sum = sums_[name];
  const auto value = scalar.detach().to(at::kFloat);
  sum.on_device = sum.on_device.defined() ? sum.on_device + value : value.clone();
  ++sum.count;
}

void MetricBag::add(const std::string& name, double scalar) {
  Sum& sum = sums_[name];
  sum.on_host += scalar;
  ++sum.count;
}

std::map<std::string, double> MetricBag::flush() {
  std::map<c10::Device, std::vector<at::Tensor>, bool (*)(c10::Device, c10::Device)> by_device(
      [](c10::Device a, c10::Device b) { return std::pair(a.type(), a.index()) < std::pair(b.type(), b.index()); });
  for (const auto& [name, sum] : sums_)
    if (sum.on_device.defined()) by_device[sum.on_device.device()].push_back(sum.on_device.reshape({}));
  for (auto& [device, scalars] : by_device) {
    const auto on_host = at::stack(scalars).to(at::kCPU, at::kDouble);
    const double* value = on_host.const_data_ptr<double>();
    for (auto& [name, sum] : sums_)
      if (sum.on_device.defined() && sum.on_device.device() == device) sum.on_host += *value++;
  }
  std::map<std::string, double> means;
  for (const auto& [name, sum] : sums_) means[name] = sum.on_host / static_cast<double>(sum.count);
  sums_.clear();
  return means;
}

}  // namespace lintorch::train
