#include <ATen/ops/equal.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/io/tensor_file.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/pipeline/model_export.h"
#include "lintorch/pipeline/text_to_video.h"
#include "test/support/golden.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::pipeline;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// Writes the model in `from` again as `to`, in a layout.
void convert(const fs::path& from, const fs::path& to, ModelLayout layout, uint64_t max_shard_bytes = 0) {
  fs::create_directories(to);
  const auto dit = wan::open_wan_dit(find_model_parts(from).transformer);
  write_model_folder(from, {dit.config, dit.state}, to, {.layout = layout, .max_shard_bytes = max_shard_bytes});
}

struct Models {
  Models() {
    test::write_micro_model(folder / "diffusers");
    convert(folder / "diffusers", folder / "original", ModelLayout::kOriginal);
  }
  fs::path original(const char* name) const { return folder / "original" / name; }
  test::TempDir folder;
};

void check_equal(const TensorMap& a, const TensorMap& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, tensor] : a) {
    INFO(name);
    REQUIRE(b.contains(name));
    CHECK(b.at(name).scalar_type() == tensor.scalar_type());
    CHECK(at::equal(tensor, b.at(name)));
  }
}

VideoModel load(const fs::path& folder, const ComponentPaths& replaced = {}) {
  return load_video_model(folder, at::kFloat, at::kCPU, replaced);
}

std::string refusal(const fs::path& folder) {
  try {
    load(folder);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("diffusers -> original -> diffusers keeps every bit and every setting", "[model_layouts]") {
  const Models models;
  const fs::path first = models.folder / "diffusers", back = models.folder / "back";
  convert(models.folder / "original", back, ModelLayout::kDiffusers);
  for (const auto& [part, stem] : {std::pair{"transformer", "diffusion_pytorch_model"},
                                   std::pair{"vae", "diffusion_pytorch_model"}, std::pair{"text_encoder", "model"}}) {
    INFO(part);
    check_equal(io::read_checkpoint(first / part, stem), io::read_checkpoint(back / part, stem));
    CHECK(read_json_file(first / part / "config.json") == read_json_file(back / part / "config.json"));
  }
  CHECK(read_file(first / "tokenizer/spiece.model") == read_file(back / "tokenizer/spiece.model"));
  CHECK(read_json_file(first / "model_index.json") == read_json_file(back / "model_index.json"));
  CHECK(read_json_file(first / "scheduler/scheduler_config.json") ==
        read_json_file(back / "scheduler/scheduler_config.json"));
}

TEST_CASE("an original folder has Wan's files and names", "[model_layouts]") {
  const Models models;
  CHECK(io::read_tensor_file(models.original("Wan2.1_VAE.pth")).contains("decoder.upsamples.0.residual.0.gamma"));
  CHECK(io::read_tensor_file(models.original("models_t5_umt5-xxl-enc-bf16.pth"))
            .contains("blocks.0.pos_embedding.embedding.weight"));
  CHECK(io::read_tensor_file(models.original("diffusion_pytorch_model.safetensors")).contains("head.modulation"));
  CHECK(read_json_file(models.original("config.json"))["_class_name"] == "WanModel");
  CHECK(fs::exists(models.original("google/umt5-xxl/spiece.model")));
}

TEST_CASE("both layouts generate the same video", "[model_layouts]") {
  const Models models;
  auto a = load(models.folder / "diffusers"), b = load(models.folder / "original");
  CHECK(b.defaults.steps == 4);
  CHECK(b.scheduler.flow_shift == a.scheduler.flow_shift);
  const at::NoGradGuard no_grad;
  const auto generate = [](VideoModel& model) {
    SampleOptions options{.steps = 2, .shift = 3, .guidance = 1};
    return generate_latents(model.dit, encode_prompts(model, {"a red circle"}), {},
                            make_noise({1}, {4, 2, 4, 4}, at::kCPU), options);
  };
  CHECK(at::equal(generate(a), generate(b)));
}

TEST_CASE("the same layout again, in shards", "[model_layouts]") {
  const Models models;
  for (const auto& [from, layout] :
       {std::pair{"diffusers", ModelLayout::kDiffusers}, {"original", ModelLayout::kOriginal}}) {
    const fs::path to = models.folder / (std::string(from) + "_sharded");
    convert(models.folder / from, to, layout, 8000);
    const auto parts = find_model_parts(to);
    CHECK(parts.layout == layout);
    CHECK(fs::exists(parts.transformer / "diffusion_pytorch_model.safetensors.index.json"));
    CHECK_FALSE(fs::exists(parts.transformer / "diffusion_pytorch_model.safetensors"));
    check_equal(wan::open_wan_dit(parts.transformer).state,
                wan::open_wan_dit(find_model_parts(models.folder / from).transformer).state);
    CHECK_NOTHROW(load(to));
  }
}

TEST_CASE("an original folder without lintorch's file has Wan's own settings", "[model_layouts]") {
  const Models models;
  fs::remove(models.original(kOriginalExtrasFile));
  const auto model = load(models.folder / "original");
  CHECK(model.scheduler.flow_shift == 5);
  CHECK(model.scheduler.sampler == diffusion::SamplerKind::kUniPc);
  CHECK(model.defaults.width == 832);
  CHECK(model.defaults.negative_prompt.starts_with("色调艳丽"));
  write_json_file(models.original(kOriginalExtrasFile), Json::array());
  CHECK_THAT(refusal(models.folder / "original"), Contains("lintorch.json"));
}

TEST_CASE("folders that are incomplete, ambiguous or no model get one clear error", "[model_layouts]") {
  const Models models;
  const auto without = [&](const char* name) {
    const fs::path moved = models.folder / "moved";
    fs::rename(models.original(name), moved);
    const std::string message = refusal(models.folder / "original");
    fs::rename(moved, models.original(name));
    return message;
  };
  CHECK_THAT(without("Wan2.1_VAE.pth"), Contains("no Wan2.1_VAE.pth"));
  CHECK_THAT(without("models_t5_umt5-xxl-enc-bf16.pth"), Contains("no models_t5_umt5-xxl-enc-bf16.pth"));
  CHECK_THAT(without("diffusion_pytorch_model.safetensors"), Contains("no diffusion_pytorch_model*.safetensors"));
  CHECK_THAT(without("google"), Contains("no google/umt5-xxl/"));

  write_file_atomic(models.original("Wan2.1_VAE.safetensors"), "x");
  CHECK_THAT(refusal(models.folder / "original"), Contains("ambiguous") && Contains("Wan2.1_VAE.pth"));
  fs::remove(models.original("Wan2.1_VAE.safetensors"));
  fs::copy_file(models.folder / "diffusers/model_index.json", models.original("model_index.json"));
  CHECK_THAT(refusal(models.folder / "original"), Contains("ambiguous") && Contains("Diffusers folder"));
  CHECK_THAT(refusal(models.folder.path()), Contains("is no model"));
  CHECK_THAT(refusal(models.folder / "none"), Contains("is not a folder"));
}

TEST_CASE("components can be given their own paths", "[model_layouts]") {
  const Models models;
  const fs::path original = models.folder / "original";
  fs::remove_all(models.folder / "diffusers/vae");
  CHECK_THAT(refusal(models.folder / "diffusers"), Contains("has no vae"));
  const auto model =
      load(models.folder / "diffusers", {.transformer = (original / "diffusion_pytorch_model.safetensors").string(),
                                         .vae = (original / "Wan2.1_VAE.pth").string(),
                                         .tokenizer = (original / "google/umt5-xxl").string()});
  CHECK(model.vae->config().z_dim == 4);
  ComponentPaths wrong{.transformer = (original / "Wan2.1_VAE.pth").string(),
                       .vae = (original / "Wan2.1_VAE.pth").string()};
  CHECK_THROWS_WITH(load(models.folder / "diffusers", wrong), Contains("no Wan transformer"));
}

TEST_CASE("single parts are found in either layout, without the others", "[model_layouts]") {
  const Models models;
  const fs::path diffusers = models.folder / "diffusers", original = models.folder / "original";
  CHECK(find_model_part(diffusers, &ModelParts::text_encoder) == diffusers / "text_encoder");
  CHECK(find_model_part(original, &ModelParts::transformer) == original);
  CHECK(find_model_part(original, &ModelParts::vae) == original / "Wan2.1_VAE.pth");
  CHECK(find_model_part(original, &ModelParts::tokenizer) == original / "google/umt5-xxl");
  CHECK(find_model_part(original, &ModelParts::vae, {.vae = "elsewhere"}) == "elsewhere");
  // The part itself: its folder, or its file. A folder of Diffusers' autoencoder has a transformer's file name in it.
  for (const auto& part : {diffusers / "vae", diffusers / "tokenizer", original / "Wan2.1_VAE.pth"}) {
    CHECK_FALSE(list_model_parts(part));
    CHECK(find_model_part(part, &ModelParts::vae) == part);
  }
  for (const char* name : {"transformer", "text_encoder", "tokenizer", "scheduler", "model_index.json"})
    fs::remove_all(diffusers / name);
  CHECK(find_model_part(diffusers, &ModelParts::vae) == diffusers / "vae");
  CHECK(list_model_parts(diffusers)->transformer.empty());
  CHECK_THROWS_WITH(find_model_part(diffusers, &ModelParts::transformer), Contains("has no transformer"));
  fs::remove(models.original("config.json"));
  fs::remove(models.original("diffusion_pytorch_model.safetensors"));
  CHECK(find_model_part(original, &ModelParts::vae) == original / "Wan2.1_VAE.pth");
  CHECK_THROWS_WITH(find_model_part(original, &ModelParts::transformer),
                    Contains("has no diffusion_pytorch_model*.safetensors"));
  CHECK_THROWS_AS(find_model_part(models.folder / "none", &ModelParts::vae), IoError);
  fs::copy(diffusers / "vae", models.original("vae"));
  CHECK_THROWS_WITH(find_model_part(original, &ModelParts::vae), Contains("ambiguous"));
}

TEST_CASE("a text encoder of torch.save with Wan's names loads", "[umt5_source]") {
  const auto source = umt5::open_umt5(test::test_data("umt5_original.pth"));
  check_equal(io::read_tensor_file(test::test_data("umt5_original.safetensors")), source.state);
  CHECK(source.config.vocab_size == 40);
  CHECK(source.config.d_model == 16);
  CHECK(source.config.num_heads == 2);
  CHECK(source.config.d_kv == 4);
  CHECK(source.config.d_ff == 24);
  CHECK(source.config.num_layers == 2);
  CHECK(source.config.relative_attention_num_buckets == 32);
  const auto loaded = umt5::load_umt5(test::test_data("umt5_original.pth"), at::kBFloat16, at::kCPU);
  check_equal(source.state, layers::module_state(*loaded));

  const test::TempDir folder;
  TensorMap state = source.state;
  state.erase("encoder.block.1.layer.0.SelfAttention.k.weight");
  io::write_safetensors(folder / "t5", state);
  CHECK_THROWS_WITH(umt5::open_umt5(folder / "t5"),
                    Contains("missing: encoder.block.1.layer.0.SelfAttention.k.weight") && Contains("nearest preset:"));
  state = source.state;
  state["token_embedding.weight"] = state["shared.weight"];
  io::write_safetensors(folder / "t5", state);
  CHECK_THROWS_WITH(umt5::open_umt5(folder / "t5"), Contains("ambiguous"));
  state.erase("token_embedding.weight");
  state["shared.weight"] = state["shared.weight"].to(at::kFloat8_e5m2);
  io::write_safetensors(folder / "t5", state);
  CHECK_THROWS_WITH(umt5::open_umt5(folder / "t5"), Contains("wrong number format: shared.weight"));
}

TEST_CASE("an autoencoder file without a config must be the published one", "[vae_source]") {
  const Models models;
  const TensorMap state = io::read_tensor_file(models.original("Wan2.1_VAE.pth"));
  const fs::path file = models.folder / "vae.safetensors";
  io::write_safetensors(file, state);
  CHECK_THROWS_WITH(wan::open_wan_vae(file), Contains("mis-shaped: decoder.conv_in.bias (expected [384], got [32])") &&
                                                 Contains("nearest preset: "));
  io::write_safetensors(file, {{"weight", at::zeros({1})}});
  CHECK_THROWS_WITH(wan::open_wan_vae(file), Contains("no Wan autoencoder"));
}
