#include "lintorch/linvideo/collect.h"
#include "apps/app_main.h"

using lintorch::linvideo::CollectConfig;

int main(int argc, char** argv) {
  return lintorch::apps::run_app<CollectConfig>(
      argc, argv, "lintorch-collect",
      "Collects data-free training trajectories (x_t, u_t) from a teacher's own sampler.",
      [](const CollectConfig& config) {
        lintorch::linvideo::collect_trajectories(config);
        return 0;
      });
}
