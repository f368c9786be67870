#include "lintorch/pretrain/pretrain.h"
#include "apps/app_main.h"
#include "lintorch/core/device.h"
#include "lintorch/core/logging.h"
#include "lintorch/pipeline/video_model.h"

namespace {

using lintorch::pretrain::PretrainConfig;

struct PretrainAppConfig {
  PretrainConfig pretrain;
  lintorch::pipeline::GenerationDefaults defaults;
  std::string device = "auto";

  template <class V>
  void visit(V& v) {
    v("pretrain", pretrain);
    v("defaults", defaults);
    v("device", device, "auto, cpu, cuda, cuda:N");
  }
};

}  // namespace

int main(int argc, char** argv) {
  return lintorch::apps::run_app<PretrainAppConfig>(
      argc, argv, "lintorch-pretrain", "Trains the miniature text-to-video model from scratch on Moving Fashion clips.",
      [](const PretrainAppConfig& config) {
        const auto device = lintorch::resolve_device(config.device);
        lintorch::log_info("training on {}", lintorch::device_description(device));
        lintorch::write_json_file(std::filesystem::path(config.pretrain.output) / "resolved_config.json",
                                  lintorch::config_to_json(config));
        const auto result = lintorch::pretrain::run_pretrain(config.pretrain, device,
                                                             lintorch::pipeline::model_index_json(config.defaults));
        return result == lintorch::train::TrainResult::kFinished ? 0 : lintorch::apps::kInterruptedExitCode;
      });
}
