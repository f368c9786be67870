#include "lintorch/linvideo/collect.h"
#include "apps/app_main.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/progress_bar.h"

using lintorch::linvideo::CollectConfig;

int main(int argc, char** argv) {
  return lintorch::apps::run_app<CollectConfig>(
      argc, argv, "lintorch-collect",
      "Collects data-free training trajectories (x_t, u_t) from a teacher's own sampler.",
      [](const CollectConfig& config) {
        const auto summary = lintorch::linvideo::collect_trajectories(config);
        lintorch::log_info("{} trajectories ({} from an earlier run), {:.1f} MB in {}, took {}", summary.trajectories,
                           summary.reused, static_cast<double>(summary.bytes) / 1e6, config.output,
                           lintorch::format_duration(summary.seconds));
        return 0;
      });
}
