#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lintorch/models/model_layout.h"

namespace lintorch::pipeline {

/// Paths that replace parts of a model folder; null = the folder's own.
struct ComponentPaths {
  std::optional<std::string> transformer;
  std::optional<std::string> vae;
  std::optional<std::string> text_encoder;
  std::optional<std::string> tokenizer;

  template <class V>
  void visit(V& v) {
    v("transformer", transformer,
      "folder or single file (.safetensors, .pth) with the transformer instead of the model's");
    v("vae", vae, "the same for the autoencoder");
    v("text_encoder", text_encoder, "the same for the text encoder");
    v("tokenizer", tokenizer, "folder with spiece.model instead of the model's");
  }
};

/// Where the parts of a model lie, as open_wan_dit, open_wan_vae, open_umt5 and Tokenizer::load take them.
struct ModelParts {
  ModelLayout layout = ModelLayout::kDiffusers;
  std::filesystem::path transformer;
  std::filesystem::path vae;
  std::filesystem::path text_encoder;
  std::filesystem::path tokenizer;
};

/// The tokenizer's folder in Wan's own repository.
inline constexpr const char* kOriginalTokenizer = "google/umt5-xxl";

/// The file that an original folder written by lintorch has beside Wan's own: "scheduler" and "defaults", which Wan
/// keeps in code.
inline constexpr const char* kOriginalExtrasFile = "lintorch.json";

/// The parts that a model folder has, replaced ones included; empty paths for those it lacks. nullopt if `path` is no model
/// folder but a file, or the folder of a single part: config.json, spiece.model or scheduler_config.json and nothing that
/// belongs to another part. Throws IoError if it does not exist, CheckpointError if it has files of both layouts, or a part
/// twice.
std::optional<ModelParts> list_model_parts(const std::filesystem::path& path, const ComponentPaths& replaced = {});

/// Where one part lies, of a model whose other parts need not be there: its replacement, else what list_model_parts finds,
/// else `path` itself, which is then the part. Throws as list_model_parts, and CheckpointError if the folder lacks it.
///
///   find_model_part(path, &ModelParts::vae)
std::filesystem::path find_model_part(const std::filesystem::path& path, std::filesystem::path ModelParts::*part,
                                      const ComponentPaths& replaced = {});

/// Tells the layout of a model folder by the files in it, and finds the parts:
///   Diffusers: model_index.json, transformer/, vae/, text_encoder/, tokenizer/, scheduler/
///   original:  config.json, diffusion_pytorch_model*.safetensors, models_t5_umt5-xxl-enc-bf16.*, Wan2.1_VAE.*,
///              google/umt5-xxl/; .pth, .safetensors, or shards with an index
/// Parts given in `replaced` need not be in the folder. Throws IoError if it is no folder; CheckpointError naming what is
/// missing, if it is neither or both, or if a part is there twice.
ModelParts find_model_parts(const std::filesystem::path& folder, const ComponentPaths& replaced = {});

/// Whether the folder holds a transformer and no other part of a model, in either layout.
bool is_transformer_alone(const std::filesystem::path& folder);

}  // namespace lintorch::pipeline
