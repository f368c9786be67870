#include "lintorch/pipeline/model_parts.h"

#include <algorithm>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDitStem = "diffusion_pytorch_model";
constexpr const char* kWeightExtensions[] = {".safetensors", ".safetensors.index.json", ".pth"};

/// A part, how it is called in the Diffusers layout and in messages, and what stands for it in Wan's own repository.
struct Part {
  const char* name;
  fs::path ModelParts::*path;
  std::optional<std::string> ComponentPaths::*replaced;
  const char* original;
  const char* original_ending;
};
constexpr Part kParts[] = {
    {"transformer", &ModelParts::transformer, &ComponentPaths::transformer, kDitStem, "*.safetensors"},
    {"vae", &ModelParts::vae, &ComponentPaths::vae, wan::kOriginalVaeStem, ".pth"},
    {"text_encoder", &ModelParts::text_encoder, &ComponentPaths::text_encoder, umt5::kOriginalUmt5Stem, ".pth"},
    {"tokenizer", &ModelParts::tokenizer, &ComponentPaths::tokenizer, kOriginalTokenizer, "/"}};

// The files "<stem>.<extension>" of a folder.
std::vector<fs::path> weight_files(const fs::path& folder, const std::string& stem) {
  std::vector<fs::path> files;
  for (const char* extension : kWeightExtensions)
    if (fs::exists(folder / (stem + extension))) files.push_back(folder / (stem + extension));
  return files;
}

bool is_diffusers(const fs::path& folder) {
  return fs::exists(folder / "model_index.json") ||
         std::any_of(std::begin(kParts), std::end(kParts),
                     [&](const Part& part) { return fs::is_directory(folder / part.name); });
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

fs::path existing(const fs::path& path) { return fs::exists(path) ? path : fs::path(); }

ModelParts diffusers_parts(const fs::path& folder) {
  return {ModelLayout::kDiffusers, existing(folder / "transformer"), existing(folder / "vae"),
          existing(folder / "text_encoder"), existing(folder / "tokenizer")};
}

fs::path original_file(const fs::path& folder, const std::string& stem, bool replaced) {
  const auto files = weight_files(folder, stem);
  if (replaced || files.empty()) return {};
  LT_CHECK(files.size() == 1, CheckpointError, "[find_model_parts] {} is ambiguous: it has both {} and {}: delete one",
           folder.string(), files[0].filename().string(), files[1].filename().string());
  return files[0];
}

ModelParts original_parts(const fs::path& folder, const ComponentPaths& replaced) {
  return {ModelLayout::kOriginal, weight_files(folder, kDitStem).empty() ? fs::path() : folder,
          original_file(folder, wan::kOriginalVaeStem, replaced.vae.has_value()),
          original_file(folder, umt5::kOriginalUmt5Stem, replaced.text_encoder.has_value()),
          existing(folder / kOriginalTokenizer)};
}

void refuse_both_layouts(const fs::path& folder) {
  LT_CHECK(!(is_diffusers(folder) && is_original(folder)), CheckpointError,
           "[find_model_parts] {} is ambiguous: it has files of a Diffusers folder and of Wan's own repository: "
           "separate them",
           folder.string());
}

void replace(ModelParts& parts, const ComponentPaths& replaced) {
  for (const Part& part : kParts)
    if (const auto& replacement = replaced.*part.replaced) parts.*part.path = *replacement;
}

void require(bool found, const fs::path& folder, ModelLayout layout, const Part& part) {
  const bool diffusers = layout == ModelLayout::kDiffusers;
  LT_CHECK(found, CheckpointError, "[find_model_parts] {} has no {}{}: expected {}", folder.string(),
           diffusers ? part.name : part.original, diffusers ? "" : part.original_ending,
           diffusers ? "a Diffusers WanPipeline folder" : "the folder of Wan's own repository");
}

}  // namespace

bool is_transformer_alone(const fs::path& folder) {
  return fs::exists(folder / "config.json") && !is_diffusers(folder) && !has_original_companions(folder);
}

std::optional<ModelParts> list_model_parts(const fs::path& path, const ComponentPaths& replaced) {
  LT_CHECK(fs::exists(path), IoError, "[find_model_parts] {} does not exist", path.string());
  if (!fs::is_directory(path)) return std::nullopt;
  const bool diffusers = is_diffusers(path);
  if (!diffusers && !has_original_companions(path) && !fs::exists(path / kOriginalExtrasFile)) return std::nullopt;
  refuse_both_layouts(path);
  ModelParts parts = diffusers ? diffusers_parts(path) : original_parts(path, replaced);
  replace(parts, replaced);
  return parts;
}

fs::path find_model_part(const fs::path& path, fs::path ModelParts::*part, const ComponentPaths& replaced) {
  const Part& wanted =
      *std::find_if(std::begin(kParts), std::end(kParts), [&](const Part& p) { return p.path == part; });
  if (const auto& replacement = replaced.*wanted.replaced) return *replacement;
  const auto parts = list_model_parts(path, replaced);
  if (!parts) return path;
  require(!((*parts).*part).empty(), path, parts->layout, wanted);
  return (*parts).*part;
}

ModelParts find_model_parts(const fs::path& folder, const ComponentPaths& replaced) {
  LT_CHECK(fs::is_directory(folder), IoError, "[find_model_parts] {} is not a folder", folder.string());
  refuse_both_layouts(folder);
  const bool diffusers = is_diffusers(folder);
  LT_CHECK(
      diffusers || is_original(folder), CheckpointError,
      "[find_model_parts] {} is no model: it has no model_index.json (Diffusers) and none of {}.*, {}.*, {}.* (Wan's "
      "own repository)",
      folder.string(), kDitStem, umt5::kOriginalUmt5Stem, wan::kOriginalVaeStem);
  ModelParts parts = diffusers ? diffusers_parts(folder) : original_parts(folder, replaced);
  replace(parts, replaced);
  for (const char* name : {"model_index.json", "scheduler"})
    require(!diffusers || fs::exists(folder / name), folder, parts.layout, Part{name, nullptr, nullptr, name, ""});
  for (const Part& part : kParts) require(!(parts.*part.path).empty(), folder, parts.layout, part);
  return parts;
}

}  // namespace lintorch::pipeline
