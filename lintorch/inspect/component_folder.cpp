#include "lintorch/inspect/component_folder.h"

#include "lintorch/core/error.h"

namespace lintorch::inspect {

namespace fs = std::filesystem;

fs::path component_folder(const fs::path& model, const std::string& part) {
  LT_CHECK(fs::exists(model), IoError, "[component_folder] {} does not exist", model.string());
  if (fs::exists(model / part)) return model / part;
  LT_CHECK(!fs::exists(model / "model_index.json"), CheckpointError, "[component_folder] {} has no {}", model.string(),
           part);
  return model;
}

}  // namespace lintorch::inspect
