#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace lintorch::train {

/// Scalars of training steps, averaged until they are flushed. Tensors stay on their device, so that adding one never
/// waits for the GPU.
class MetricBag {
 public:
  void add(const std::string& name, const at::Tensor& scalar);
  void add(const std::string& name, double scalar);

  /// Means since the last flush, by name; one transfer per device. Empties the bag.
  std::map<std::string, double> flush();

 private:
  struct Sum {
    at::Tensor on_device;
    double on_host = 0;
    int64_t count = 0;
  };
  std::map<std::string, Sum> sums_;
};

}  // namespace lintorch::train
