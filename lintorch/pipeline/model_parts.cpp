#include "lintorch/pipeline/model_parts.h"

#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDitStem = "diffusion_pytorch_model";
constexpr const char* kOriginalTokenizer = "google/umt5-xxl";
constexpr const char* kWeightExtensions[] = {".safetensors", ".safetensors.index.json", ".pth"};

// The files "<stem>.<extension>" of a folder.
std::vector<fs::path> weight_files(const fs::path& folder, const std::string& stem) {
  std::vector<fs::path> files;
  for (const char* extension : kWeightExtensions)
    if (fs::exists(folder / (stem + extension))) files.push_back(folder / (stem + extension));
  return files;
}

bool is_diffusers(const fs::path& folder) {
  return fs::exists(folder / "model_index.json") || fs::exists(folder / "transformer");
}

// What stands beside the transformer in Wan's own repository.
bool has_original_companions(const fs::path& folder) {
  for (const char* stem : {wan::kOriginalVaeStem, umt5::kOriginalUmt5Stem})
    if (!weight_files(folder, stem).empty()) return true;
  return fs::exists(folder / kOriginalTokenizer);
}

bool is_original(const fs::path& folder) {
  return !weight_files(folder, kDitStem).empty() || has_original_companions(folder);
}

ModelParts diffusers_parts(const fs::path& folder, const ComponentPaths& replaced) {
  const std::pair<const char*, bool> needed[] = {{"model_index.json", true},
                                                 {"transformer", !replaced.transformer},
                                                 {"vae", !replaced.vae},
                                                 {"text_encoder", !replaced.text_encoder},
                                                 {"tokenizer", !replaced.tokenizer},
                                                 {"scheduler", true}};
  for (const auto& [part, is_needed] : needed)
    LT_CHECK(!is_needed || fs::exists(folder / part), CheckpointError,
             "[load_video_model] {} has no {}: expected a Diffusers WanPipeline folder", folder.string(), part);
  return {ModelLayout::kDiffusers, folder / "transformer", folder / "vae", folder / "text_encoder",
          folder / "tokenizer"};
}

fs::path original_file(const fs::path& folder, const std::string& stem, bool needed) {
  const auto files = weight_files(folder, stem);
  if (!needed) return {};
  LT_CHECK(!files.empty(), CheckpointError,
           "[load_video_model] {} has no {}.pth or {}.safetensors: expected the folder of Wan's own repository",
           folder.string(), stem, stem);
  LT_CHECK(files.size() == 1, CheckpointError, "[load_video_model] {} is ambiguous: it has both {} and {}: delete one",
           folder.string(), files[0].filename().string(), files[1].filename().string());
  return files[0];
}

ModelParts original_parts(const fs::path& folder, const ComponentPaths& replaced) {
  LT_CHECK(replaced.transformer || !weight_files(folder, kDitStem).empty(), CheckpointError,
           "[load_video_model] {} has no {}*.safetensors: expected the folder of Wan's own repository", folder.string(),
           kDitStem);
  LT_CHECK(replaced.tokenizer || fs::exists(folder / kOriginalTokenizer), CheckpointError,
           "[load_video_model] {} has no {}/: expected the folder of Wan's own repository", folder.string(),
           kOriginalTokenizer);
  return {ModelLayout::kOriginal, folder, original_file(folder, wan::kOriginalVaeStem, !replaced.vae),
          original_file(folder, umt5::kOriginalUmt5Stem, !replaced.text_encoder), folder / kOriginalTokenizer};
}

}  // namespace

bool is_transformer_alone(const fs::path& folder) {
  return fs::exists(folder / "config.json") && !is_diffusers(folder) && !has_original_companions(folder);
}

ModelParts find_model_parts(const fs::path& folder, const ComponentPaths& replaced) {
  LT_CHECK(fs::is_directory(folder), IoError, "[load_video_model] {} is not a folder", folder.string());
  const bool diffusers = is_diffusers(folder), original = is_original(folder);
  LT_CHECK(!(diffusers && original), CheckpointError,
           "[load_video_model] {} is ambiguous: it has files of a Diffusers folder and of Wan's own repository: "
           "separate them",
           folder.string());
  LT_CHECK(
      diffusers || original, CheckpointError,
      "[load_video_model] {} is no model: it has no model_index.json (Diffusers) and none of {}.*, {}.*, {}.* (Wan's "
      "own repository)",
      folder.string(), kDitStem, umt5::kOriginalUmt5Stem, wan::kOriginalVaeStem);
  ModelParts parts = diffusers ? diffusers_parts(folder, replaced) : original_parts(folder, replaced);
  if (replaced.transformer) parts.transformer = *replaced.transformer;
  if (replaced.vae) parts.vae = *replaced.vae;
  if (replaced.text_encoder) parts.text_encoder = *replaced.text_encoder;
  if (replaced.tokenizer) parts.tokenizer = *replaced.tokenizer;
  return parts;
}

}  // namespace lintorch::pipeline
