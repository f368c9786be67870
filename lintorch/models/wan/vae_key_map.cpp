#include "lintorch/models/wan/vae_key_map.h"

namespace lintorch::wan {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

void add_resnet(Pairs& pairs, const std::string& official, const std::string& diffusers) {
  pairs.emplace_back(official + ".residual.0", diffusers + ".norm1");
  pairs.emplace_back(official + ".residual.2", diffusers + ".conv1");
  pairs.emplace_back(official + ".residual.3", diffusers + ".norm2");
  pairs.emplace_back(official + ".residual.6", diffusers + ".conv2");
  pairs.emplace_back(official + ".shortcut", diffusers + ".conv_shortcut");
}

}  // namespace

io::KeyMap vae_key_map(const WanVaeConfig& config) {
  Pairs pairs = {{"conv1", "quant_conv"}, {"conv2", "post_quant_conv"}};
  for (const std::string side : {"encoder", "decoder"}) {
    pairs.emplace_back(side + ".conv1", side + ".conv_in");
    pairs.emplace_back(side + ".head.0", side + ".norm_out");
    pairs.emplace_back(side + ".head.2", side + ".conv_out");
    pairs.emplace_back(side + ".middle.1", side + ".mid_block.attentions.0");
    add_resnet(pairs, side + ".middle.0", side + ".mid_block.resnets.0");
    add_resnet(pairs, side + ".middle.2", side + ".mid_block.resnets.1");
  }
  add_resnet(pairs, "encoder.downsamples.{}", "encoder.down_blocks.{}");
  for (const std::string part : {"resample", "time_conv", "norm", "to_qkv", "proj"})
    pairs.emplace_back("encoder.downsamples.{}." + part, "encoder.down_blocks.{}." + part);
  // The official decoder numbers the layers of all stages in one list.
  const auto num_stages = static_cast<int64_t>(config.dim_mult.size());
  int64_t layer = 0;
  const auto official_layer = [&layer] { return "decoder.upsamples." + std::to_string(layer++); };
  for (int64_t stage = 0; stage < num_stages; ++stage) {
    const std::string block = "decoder.up_blocks." + std::to_string(stage);
    for (int64_t i = 0; i <= config.num_res_blocks; ++i)
      add_resnet(pairs, official_layer(), block + ".resnets." + std::to_string(i));
    if (stage + 1 < num_stages) pairs.emplace_back(official_layer(), block + ".upsamplers.0");
  }
  return io::KeyMap(pairs);
}

}  // namespace lintorch::wan
