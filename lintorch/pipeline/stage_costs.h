#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lintorch/core/json.h"

namespace lintorch::pipeline {

/// What one stage of a generation took.
struct StageCost {
  std::string stage;
  double seconds = 0;
  int64_t peak_bytes = 0;  ///< highest device memory held by the allocator during the stage; 0 on the CPU
};

/// Times the stages of a run one after the other, with the device drained at both ends of each.
class StageCosts {
 public:
  explicit StageCosts(c10::Device device) : device_(device) {}

  /// Runs `work` as the stage of this name and returns its result.
  template <class Work>
  auto run(std::string stage, const Work& work) {
    const Scope scope(*this, std::move(stage));
    return work();
  }

  const std::vector<StageCost>& stages() const { return stages_; }
  int64_t peak_bytes() const;

  /// A table, one line per stage and one for the sum.
  std::string table() const;
  /// {"device", "stages": [{"stage", "seconds", "peak_bytes"}], "peak_bytes", "seconds"}.
  Json json() const;

 private:
  class Scope {
   public:
    Scope(StageCosts& costs, std::string stage);
    ~Scope();

   private:
    StageCosts& costs_;
    std::string stage_;
    std::chrono::steady_clock::time_point begin_;
  };

  c10::Device device_;
  std::vector<StageCost> stages_;
};

}  // namespace lintorch::pipeline
