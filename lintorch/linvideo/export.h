#pragma once

#include <filesystem>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/layer_assignment.h"
#include "lintorch/models/model_layout.h"
#include "lintorch/models/wan/dit_checkpoint.h"

namespace lintorch::linvideo {

/// Turns a training checkpoint into an ordinary model folder: transformer/config.json lists the attention kind of every
/// layer, the branches not in use and the gates are gone, adapters are merged into the weights, and the other components are copies of the teacher's. Adds
/// linearization.json: gates, chosen layers, step, config.
///
/// The choice is the frozen one, or the `target` smallest gates of a run that ended before its freeze (with a warning).
/// The folder appears whole or not at all. Throws CheckpointError if the checkpoint is no linearization run or does not
/// fit the teacher, ConfigError, IoError.
///
/// Without a checkpoint it writes config.model again, in config.layout: a model folder, or a single transformer file,
/// which becomes a folder with config.json. Number formats stay unless config.dtype is given; then going to another
/// layout and back gives equal bits.
void export_linearized(const ExportConfig& config);

/// The checkpoint that `checkpoint` means: itself, or the newest complete one of a run folder. Throws CheckpointError if
/// there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& checkpoint);

/// Number format and layout that an export asks for; `dtype` where it names none.
WeightFormat export_format(const ExportConfig& config, std::optional<at::ScalarType> dtype);

/// Adds what the weights say of how they were made (linearized_by, distilled_by) to the metadata of their export.
void carry_notes(const wan::DitSource& source, WeightFormat& format);

/// The weights of a finished or running linearization.
struct TrainedStudent {
  TensorMap parameters;  ///< trained weights by module name, averaged or not; the other weights are the teacher's
  at::Tensor gates;      ///< r of every layer
  TensorMap extra_state;
  int64_t step = 0;
};

/// The same from weights in memory. Returns the exported assignment.
LayerAssignment export_student(const TrainedStudent& trained, const std::filesystem::path& teacher_folder,
                               const std::filesystem::path& output, const WeightFormat& format);

/// Control for evaluation: the teacher with the given layers made linear, their maps as a run of `seed` starts them, and nothing
/// trained.
void export_untrained_swap(const LayerAssignment& assignment, const layers::LinearAttentionConfig& linear_attention,
                           uint64_t seed, const std::filesystem::path& teacher_folder,
                           const std::filesystem::path& output, const WeightFormat& format);

}  // namespace lintorch::linvideo
