#include "lintorch/models/wan/dit_key_map.h"

#include "lintorch/core/error.h"
#include "lintorch/io/key_map.h"

namespace lintorch::wan {
namespace {

const io::KeyMap& key_map() {
  // Original Wan to Diffusers. norm2 and norm3 change places; the original norm1, norm2 have no weights.
  static const io::KeyMap map = {{"patch_embedding", "patch_embedding"},
                                 {"text_embedding.0", "condition_embedder.text_embedder.linear_1"},
                                 {"text_embedding.2", "condition_embedder.text_embedder.linear_2"},
                                 {"time_embedding.0", "condition_embedder.time_embedder.linear_1"},
                                 {"time_embedding.2", "condition_embedder.time_embedder.linear_2"},
                                 {"time_projection.1", "condition_embedder.time_proj"},
                                 {"blocks.{}.modulation", "blocks.{}.scale_shift_table"},
                                 {"blocks.{}.self_attn.q", "blocks.{}.attn1.to_q"},
                                 {"blocks.{}.self_attn.k", "blocks.{}.attn1.to_k"},
                                 {"blocks.{}.self_attn.v", "blocks.{}.attn1.to_v"},
                                 {"blocks.{}.self_attn.o", "blocks.{}.attn1.to_out.0"},
                                 {"blocks.{}.self_attn.norm_q", "blocks.{}.attn1.norm_q"},
                                 {"blocks.{}.self_attn.norm_k", "blocks.{}.attn1.norm_k"},
                                 {"blocks.{}.self_attn.core", "blocks.{}.attn1.core"},
                                 {"blocks.{}.cross_attn.q", "blocks.{}.attn2.to_q"},
                                 {"blocks.{}.cross_attn.k", "blocks.{}.attn2.to_k"},
                                 {"blocks.{}.cross_attn.v", "blocks.{}.attn2.to_v"},
                                 {"blocks.{}.cross_attn.o", "blocks.{}.attn2.to_out.0"},
                                 {"blocks.{}.cross_attn.norm_q", "blocks.{}.attn2.norm_q"},
                                 {"blocks.{}.cross_attn.norm_k", "blocks.{}.attn2.norm_k"},
                                 {"blocks.{}.norm3", "blocks.{}.norm2"},
                                 {"blocks.{}.ffn.0", "blocks.{}.ffn.net.0.proj"},
                                 {"blocks.{}.ffn.2", "blocks.{}.ffn.net.2"},
                                 {"head.modulation", "scale_shift_table"},
                                 {"head.head", "proj_out"}};
  return map;
}

// Longest first where one ends another.
constexpr std::string_view kPrefixes[] = {"model.diffusion_model.", "model.", "pipe.dit.", "dit.", "net."};

std::string_view without_prefix(std::string_view name) {
  for (const std::string_view prefix : kPrefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

}  // namespace

std::optional<std::string> dit_key_to_diffusers(std::string_view original) { return key_map().forward(original); }

std::optional<std::string> dit_key_to_original(std::string_view diffusers) { return key_map().backward(diffusers); }

bool has_original_dit_keys(const TensorMap& state) {
  for (const auto& [name, tensor] : state)
    if (without_prefix(name) == "head.modulation") return true;
  return false;
}

TensorMap dit_state_to_diffusers(const TensorMap& state) {
  const bool original = has_original_dit_keys(state);
  TensorMap renamed;
  for (const auto& [full_name, tensor] : state) {
    const std::string_view name = without_prefix(full_name);
    const auto target = original ? dit_key_to_diffusers(name) : std::optional<std::string>(name);
    LT_CHECK(target, CheckpointError, "[dit_state_to_diffusers] expected original Wan tensor names, got {}", full_name);
    LT_CHECK(renamed.emplace(*target, tensor).second, CheckpointError,
             "[dit_state_to_diffusers] expected one tensor for {}, got a second: {}", *target, full_name);
  }
  return renamed;
}

}  // namespace lintorch::wan
