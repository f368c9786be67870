#include "lintorch/linvideo/training_record.h"

#include <ATen/Functions.h>

#include <cstring>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::linvideo {

TensorMap json_to_tensors(const Json& json) {
  const std::string text = json.dump();
  at::Tensor bytes = at::empty({static_cast<int64_t>(text.size())}, at::TensorOptions(at::kByte));
  std::memcpy(bytes.mutable_data_ptr<uint8_t>(), text.data(), text.size());
  return {{"record", bytes}};
}

Json json_from_tensors(const TensorMap& tensors) {
  const auto it = tensors.find("record");
  LT_CHECK(it != tensors.end() && it->second.scalar_type() == at::kByte, CheckpointError,
           "[json_from_tensors] the checkpoint has no tensor \"record\": expected one of a linearization run or a "
           "distillation");
  const at::Tensor bytes = it->second.to(at::kCPU).contiguous();
  const auto* data = reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>());
  return Json::parse(data, data + bytes.numel(), nullptr, /*allow_exceptions=*/false);
}

TensorMap record_to_tensors(const TrainingRecord& record) {
  Json json{{"linearize", config_to_json(record.config)}, {"teacher", record.teacher}, {"attention", nullptr}};
  if (!record.block_errors.empty()) json["block_errors"] = record.block_errors;
  if (record.assignment) json["attention"] = write_config_value(*record.assignment);
  return json_to_tensors(json);
}

TrainingRecord record_from_tensors(const TensorMap& tensors) {
  const Json json = json_from_tensors(tensors);
  LT_CHECK(json.is_object() && json.contains("linearize") && json.contains("teacher") && json.contains("attention"),
           CheckpointError, "[record_from_tensors] the checkpoint's tensor \"record\" is damaged");
  TrainingRecord record;
  record.config = config_from_json<LinearizeConfig>(json["linearize"], "record: linearize");
  record.teacher = json["teacher"].get<std::string>();
  if (!json["attention"].is_null())
    read_config_value(json["attention"], record.assignment.emplace(), "record: attention");
  if (json.contains("block_errors")) record.block_errors = json["block_errors"].get<std::vector<double>>();
  return record;
}

}  // namespace lintorch::linvideo
