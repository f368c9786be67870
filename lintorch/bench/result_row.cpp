#include "lintorch/bench/result_row.h"

#include "lintorch/core/date.h"
#include "lintorch/core/version.h"

namespace lintorch::bench {

Json result_row(const std::string& table, const Figure& figure, const std::string& hardware,
                const std::string& command) {
  return {{"table", table},          {"row", figure.row}, {"metric", figure.metric}, {"mean", figure.mean},
          {"std", figure.deviation}, {"n", figure.count}, {"unit", figure.unit},     {"hardware", hardware},
          {"commit", git_commit()},  {"date", today()},   {"command", command}};
}

}  // namespace lintorch::bench
