#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lintorch/core/json.h"
#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/layer_assignment.h"

namespace lintorch::linvideo {

/// What a training checkpoint says about its run, beside the weights; makes a checkpoint self-contained for export.
struct TrainingRecord {
  LinearizeConfig config;
  std::string teacher;                        ///< teacher_fingerprint() of the model it started from
  std::optional<LayerAssignment> assignment;  ///< once the choice is frozen
  std::vector<double> block_errors;           ///< selection greedy: measured error of every layer
};

/// A JSON value as tensors of a checkpoint: "record" holds its text as bytes.
TensorMap json_to_tensors(const Json& json);

/// The JSON value back; discarded (Json::is_discarded) if the text is damaged. Throws CheckpointError if the tensors hold
/// none.
Json json_from_tensors(const TensorMap& tensors);

/// As tensors of a checkpoint: "record" holds the JSON text as bytes.
TensorMap record_to_tensors(const TrainingRecord& record);

/// Throws CheckpointError if the tensors hold no record.
TrainingRecord record_from_tensors(const TensorMap& tensors);

}  // namespace lintorch::linvideo
