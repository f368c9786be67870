#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/error.h"

namespace lintorch::judge {

/// Shape of the judge network and what it reached when it was trained; the content of judge/config.json.
struct JudgeConfig {
  std::vector<int64_t> channels = {24, 48, 96, 128, 128};  ///< of the five convolutions; the last is the feature width
  std::optional<double> class_accuracy;      ///< on real test clips, in [0,1]
  std::optional<double> direction_accuracy;  ///< on real test clips, in [0,1]

  int64_t feature_dim() const { return channels.back(); }

  template <class V>
  void visit(V& v) {
    v("channels", channels, "channels of the five convolutions, multiples of 8; the last is the width of the features");
    v("class_accuracy", class_accuracy, "accuracy of object classes on real test clips, in [0,1]");
    v("direction_accuracy", direction_accuracy, "accuracy of motion directions on real test clips, in [0,1]");
  }
  /// Throws ConfigError naming path.
  void validate(const std::string& path) const;
};

}  // namespace lintorch::judge
