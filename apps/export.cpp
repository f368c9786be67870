#include "lintorch/linvideo/export.h"
#include "apps/app_main.h"
#include "lintorch/distill/export.h"

using lintorch::linvideo::ExportConfig;

int main(int argc, char** argv) {
  return lintorch::apps::run_app<ExportConfig>(
      argc, argv, "lintorch-export",
      "Turns a training checkpoint into an ordinary model folder with a "
      "per-layer attention list, or writes a model again "
      "in another layout.",
      [](const ExportConfig& config) {
        if (!config.checkpoint.empty() && lintorch::distill::is_distillation(config.checkpoint))
          lintorch::distill::export_distilled(config);
        else
          lintorch::linvideo::export_linearized(config);
        return 0;
      });
}
