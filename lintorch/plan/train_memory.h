#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/models/wan/config.h"
#include "lintorch/plan/train_run_config.h"
#include "lintorch/plan/trained_values.h"

namespace lintorch::plan {

/// One part of the memory of a training run, on each GPU.
struct MemoryPart {
  std::string name;
  double bytes = 0;
  std::string counted;  ///< what it is made of
  bool exact = false;   ///< from the shapes alone; others are estimates
};

/// What a run looks like from outside its config.
struct RunShape {
  wan::WanDitConfig model;            ///< of the teacher
  wan::WanDitConfig student;          ///< of the network that trains; for method linearize the same
  std::vector<int64_t> latent_shape;  ///< [C, T, H, W]
  int64_t vae_values = 0;             ///< the autoencoder stays on the device, in fp32
  int64_t ranks = 1;
  bool stored_velocities = true;  ///< whether the trajectory store has them
  bool gpu = true;                ///< bf16 autocast works on GPUs only
};

/// The parts whose sum is the predicted peak of a training step (log: memory/peak_gb), without the CUDA context. Formulas:
/// docs/training.md. Throws ConfigError as trained_values.h.
std::vector<MemoryPart> train_memory(const TrainRunConfig& config, const RunShape& shape);

double total_bytes(const std::vector<MemoryPart>& parts);

/// Bytes of one checkpoint: weights, two moments, averages, and the pool.
double checkpoint_file_bytes(const TrainRunConfig& config, const RunShape& shape);

}  // namespace lintorch::plan
