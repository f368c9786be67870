#include "lintorch/plan/trained_values.h"

#include <map>

#include "lintorch/core/error.h"
#include "lintorch/inspect/tensor_spec.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/models/wan/dit_checkpoint.h"

namespace lintorch::plan {

TrainedValues network_values(const wan::WanDitConfig& model, linvideo::TrainableKind trainable,
                             const linvideo::LoraConfig& lora) {
  TrainedValues values;
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& spec : inspect::wan_dit_tensors(model)) {
    values.teacher += spec.numel();
    if (wan::keeps_fp32(spec.name)) values.teacher_fp32 += spec.numel();
    if (linvideo::trains(spec.name, trainable)) values.backbone += spec.numel();
    shapes[spec.name] = spec.shape;
  }
  if (trainable != linvideo::TrainableKind::kLora) return values;
  values.adapters = true;
  for (int64_t layer = 0; layer < model.num_layers; ++layer)
    for (const auto& module : lora.modules) {
      const auto weight = shapes.find(fmt::format("blocks.{}.{}.weight", layer, module));
      LT_CHECK(weight != shapes.end() && weight->second.size() == 2, ConfigError,
               "lora.modules: expected linear layers of a block, e.g. attn1.to_q or ffn.net.2, got {}", module);
      values.backbone += lora.rank * (weight->second[0] + weight->second[1]);
    }
  return values;
}

TrainedValues linearize_values(const wan::WanDitConfig& model, const linvideo::LinearizeConfig& config) {
  TrainedValues values = network_values(model, config.trainable, config.lora);
  if (ops::has_weights(config.linear_attention.feature_map))
    values.feature_maps = 2 * model.num_layers * model.num_attention_heads * model.attention_head_dim *
                          config.linear_attention.feature_dim;
  values.gates = model.num_layers;
  return values;
}

}  // namespace lintorch::plan
