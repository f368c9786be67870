#include "lintorch/models/wan/dit_key_map.h"

#include <fmt/ranges.h>

#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/io/key_map.h"
#include "lintorch/models/component_weights.h"

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

constexpr std::string_view kPrefixes[] = {"", "model.diffusion_model.", "model.", "pipe.dit.", "dit.", "net."};
constexpr std::string_view kOriginalMarker = "head.modulation", kDiffusersMarker = "scale_shift_table";

}  // namespace

std::optional<std::string> dit_key_to_diffusers(std::string_view original) { return key_map().forward(original); }

std::optional<std::string> dit_key_to_original(std::string_view diffusers) { return key_map().backward(diffusers); }

std::string DitNaming::description() const {
  return std::string(original ? "original Wan names" : "Diffusers names") +
         (prefix.empty() ? "" : " with the prefix " + prefix);
}

DitNaming detect_dit_naming(const TensorMap& state, std::string_view what) {
  std::vector<DitNaming> found;
  for (const std::string_view prefix : kPrefixes) {
    if (state.contains(std::string(prefix).append(kOriginalMarker))) found.push_back({true, std::string(prefix)});
    if (state.contains(std::string(prefix).append(kDiffusersMarker))) found.push_back({false, std::string(prefix)});
  }
  LT_CHECK(!found.empty(), CheckpointError,
           "[{}] this is no Wan transformer: expected a tensor {} (original names) or {} (Diffusers names), alone or "
           "after one of the prefixes {}; got {} tensors{}",
           what, kOriginalMarker, kDiffusersMarker, fmt::join(std::begin(kPrefixes) + 1, std::end(kPrefixes), ", "),
           state.size(), state.empty() ? "" : " such as " + state.begin()->first);
  LT_CHECK(found.size() == 1, CheckpointError, "[{}] ambiguous: the tensors have both {} and {}", what,
           found[0].description(), found[1].description());
  return found[0];
}

bool has_original_dit_keys(const TensorMap& state) {
  for (const std::string_view prefix : kPrefixes)
    if (state.contains(std::string(prefix).append(kOriginalMarker))) return true;
  return false;
}

TensorMap dit_state_to_diffusers(const TensorMap& state, std::string_view what) {
  const DitNaming naming = detect_dit_naming(state, what);
  TensorMap renamed;
  for (const auto& [full_name, tensor] : state) {
    LT_CHECK(full_name.starts_with(naming.prefix), CheckpointError,
             "[{}] expected every tensor to have the prefix {}, got {}", what, naming.prefix, full_name);
    const std::string name = full_name.substr(naming.prefix.size());
    const std::string target = naming.original ? dit_key_to_diffusers(name).value_or(name) : name;
    LT_CHECK(renamed.emplace(target, tensor).second, CheckpointError,
             "[{}] expected one tensor for {}, got a second: {}", what, target, full_name);
  }
  return renamed;
}

TensorMap dit_state_to_original(const TensorMap& state) {
  return to_original_names(state, key_map(), "dit_state_to_original");
}

}  // namespace lintorch::wan
