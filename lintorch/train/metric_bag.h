#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lintorch/dist/group.h"

namespace lintorch::train {

/// Scalars of training steps, averaged until they are flushed. Adding one launches nothing and never waits for the GPU.
class MetricBag {
 public:
  /// Keeps the tensor, not a copy: nothing may change it in place before the next flush (clone a parameter first).
  void add(const std::string& name, const at::Tensor& scalar);
  void add(const std::string& name, double scalar);
  /// A number that is known once the device has come so far, e.g. a time between events; asked for at the flush.
  void add_later(const std::string& name, std::function<double()> scalar);

  /// Means since the last flush, by name; one transfer per device. Empties the bag. With several ranks all call it, and all
  /// get the means over the additions of all.
  std::map<std::string, double> flush(dist::Group* ranks = nullptr);

 private:
  struct Sum {
    std::vector<at::Tensor> on_device;
    std::vector<std::function<double()>> later;
    double on_host = 0;
    int64_t count = 0;
  };
  void bring_to_host();
  void add_other_ranks(dist::Group& ranks);

  std::map<std::string, Sum> sums_;
};

}  // namespace lintorch::train
