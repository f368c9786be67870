#include "lintorch/train/metric_bag.h"

#include <ATen/ops/stack.h>

#include <bit>
#include <sstream>
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

void MetricBag::add_later(const std::string& name, std::function<double()> scalar) {
  Sum& sum = sums_[name];
  sum.later.push_back(std::move(scalar));
  ++sum.count;
}

void MetricBag::bring_to_host() {
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
  for (auto& [name, sum] : sums_)
    for (const auto& scalar : sum.later) sum.on_host += scalar();
}

// The sums of all ranks in their order, so that every rank has the same bits.
void MetricBag::add_other_ranks(dist::Group& ranks) {
  std::string own;
  for (const auto& [name, sum] : sums_)
    own += fmt::format("{} {} {:x}\n", name, sum.count, std::bit_cast<uint64_t>(sum.on_host));
  sums_.clear();
  for (const auto& text : ranks.gather_text(own)) {
    std::istringstream lines(text);
    std::string name;
    int64_t count = 0;
    uint64_t bits = 0;
    while (lines >> name >> std::dec >> count >> std::hex >> bits) {
      sums_[name].on_host += std::bit_cast<double>(bits);
      sums_[name].count += count;
    }
  }
}

std::map<std::string, double> MetricBag::flush(dist::Group* ranks) {
  bring_to_host();
  if (ranks != nullptr) add_other_ranks(*ranks);
  std::map<std::string, double> means;
  for (const auto& [name, sum] : sums_) means[name] = sum.on_host / static_cast<double>(sum.count);
  sums_.clear();
  return means;
}

}  // namespace lintorch::train
