#include "lintorch/train/metric_bag.h"

#include <ATen/ops/stack.h>

#include <utility>

#include "lintorch/core/error.h"

namespace lintorch::train {

void MetricBag::add(const std::string& name, const at::Tensor& scalar) {
  LT_CHECK(scalar.numel() == 1, Error, "[MetricBag] expected a scalar for {}, got {} elements", name, scalar.numel());
  Sum& sum = sums_[name];
  sum.on_device.push_back(scalar.detach().reshape({}));
  ++sum.count;
}

void MetricBag::add(const std::string& name, double scalar) {
  Sum& sum = sums_[name];
  sum.on_host += scalar;
  ++sum.count;
}

std::map<std::string, double> MetricBag::flush() {
  struct Batch {
    std::vector<at::Tensor> scalars;
    std::vector<Sum*> sums;
  };
  std::map<std::pair<c10::DeviceType, c10::DeviceIndex>, Batch> by_device;
  for (auto& [name, sum] : sums_)
    for (const auto& scalar : sum.on_device) {
      auto& batch = by_device[{scalar.device().type(), scalar.device().index()}];
      batch.scalars.push_back(scalar);
      batch.sums.push_back(&sum);
    }
  for (auto& [device, batch] : by_device) {
    const auto on_host = at::stack(batch.scalars).to(at::kCPU, at::kDouble);
    const double* value = on_host.const_data_ptr<double>();
    for (size_t i = 0; i < batch.sums.size(); ++i) batch.sums[i]->on_host += value[i];
  }
  std::map<std::string, double> means;
  for (const auto& [name, sum] : sums_) means[name] = sum.on_host / static_cast<double>(sum.count);
  sums_.clear();
  return means;
}

}  // namespace lintorch::train
