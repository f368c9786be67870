#include "lintorch/models/judge/judge_checkpoint.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/json.h"
#include "lintorch/layers/module_state.h"

namespace lintorch::judge {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kWeightsFile = "model.safetensors";

Judge load_judge(const std::filesystem::path& folder, c10::Device device) {
  const auto config_path = folder / kConfigFile;
  Judge judge(config_from_json<JudgeConfig>(read_json_file(config_path), config_path.string() + ":"));
  layers::load_module_state(*judge, io::SafetensorsFile(folder / kWeightsFile).load(), (folder / kWeightsFile).string());
  judge->to(device);
  judge->eval();
  return judge;
}

void save_judge(const std::filesystem::path& folder, Judge& judge, const io::Metadata& metadata) {
  Json json = Json::object();
  json["_class_name"] = "lintorch.Judge";
  json.update(config_to_json(judge->config()));
  write_json_file(folder / kConfigFile, json);
  io::write_safetensors(folder / kWeightsFile, layers::module_state(*judge), metadata);
}

}  // namespace lintorch::judge
