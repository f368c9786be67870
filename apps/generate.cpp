#include "apps/app_main.h"
#include "lintorch/pipeline/generate_config.h"

using lintorch::pipeline::GenerateConfig;

int main(int argc, char** argv) {
  return lintorch::apps::run_app<GenerateConfig>(
      argc, argv, "lintorch-generate", "Generates a video from a prompt, with a plain or a linearized model.",
      [](const GenerateConfig& config) {
        lintorch::pipeline::generate_video(config);
        return 0;
      },
      {{"model", "model", "model folder"},
       {"prompt", "prompt", "what to show"},
       {"negative-prompt", "negative_prompt", "what to avoid"},
       {"size", "size", "WIDTHxHEIGHT"},
       {"frames", "frames", "pixel frames"},
       {"steps", "steps", "sampler steps"},
       {"guidance", "guidance", "classifier-free guidance scale"},
       {"shift", "shift", "flow shift"},
       {"sampler", "sampler", "euler|unipc"},
       {"sigma-convention", "sigma_convention", "wan|diffusers"},
       {"seed", "seed", "noise seed"},
       {"noise", "noise", "start from the noise of FILE"},
       {"fps", "fps", "frames per second"},
       {"output", "output", "video.mp4, video.gif or a folder"},
       {"save-latents", "save_latents", "write the final latents to FILE"},
       {"latents", "latents", "decode the latents of FILE instead of sampling"},
       {"tiled-decode", "tiled_decode", "decode in overlapping tiles: true|false; default: if memory asks for it"},
       {"device", "device", "auto, cpu, cuda, cuda:N"},
       {"dtype", "dtype", "fp32|bf16"},
       {"vae-dtype", "vae_dtype", "fp32|bf16"},
       {"fp8", "fp8", "none|feed_forward|all"},
       {"fp8-attention", "fp8_attention", "softmax self-attention in FP8: true|false"},
       {"offload", "offload", "none|sequential"},
       {"report", "report", "write seconds and peak memory of every part to FILE"}});
}
