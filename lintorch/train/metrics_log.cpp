#include "lintorch/train/metrics_log.h"

#include <fstream>
#include <sstream>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/train/tensorboard_writer.h"

namespace lintorch::train {

MetricsLog::MetricsLog(const std::filesystem::path& folder, int64_t first_step) : jsonl_(folder / "metrics.jsonl") {
  if (std::filesystem::exists(jsonl_)) {
    std::istringstream lines(read_file(jsonl_));
    std::string kept, line;
    while (std::getline(lines, line)) {
      const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (record.is_object() && record.value("step", first_step) < first_step) kept += line + "\n";
    }
    write_file_atomic(jsonl_, kept);
  }
  tensorboard_ = std::make_unique<TensorBoardWriter>(folder / "tensorboard");
}

MetricsLog::~MetricsLog() = default;

void MetricsLog::write(int64_t step, double seconds, const std::map<std::string, double>& metrics) {
  Json record{{"step", step}, {"seconds", seconds}};
  for (const auto& [name, value] : metrics) {
    record[name] = value;
    tensorboard_->scalar(name, step, value);
  }
  tensorboard_->flush();
  std::ofstream out(jsonl_, std::ios::app);
  out << record.dump() << '\n';
  out.flush();
  LT_CHECK(out.good(), IoError, "[MetricsLog] cannot write {}", jsonl_.string());
}

}  // namespace lintorch::train
