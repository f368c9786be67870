"""Reference results of Diffusers' AutoencoderKLWan for two small random models.

Each file holds the weights ("model.<name>"), clips ("<case>.video", "<case>.z") and the reference's answers
("<case>.moments", "<case>.decoded"), computed in float64 from weights and inputs that are exact in float32.
The fields of the config are in the metadata entry "config". The clamp of the reference's decode is undone by scaling
conv_out: the reference is asked for a tenth of the output (decoded / 10 stays inside [-1, 1]; checked).

Usage: python scripts/goldens/wan_vae.py [output folder]
"""

import json
import pathlib
import sys

import diffusers
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file

SEED = 20
CONFIGS = {
    # Three steps like Wan, with the width of Diffusers' own tests (its encoder rejects attn_scales with caches).
    "wan_vae_base3": dict(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, attn_scales=[],
                          temperal_downsample=[False, True, True]),
    # The structure of the miniature model at an eighth of its width; shortcuts where the widths differ.
    "wan_vae_mult124": dict(base_dim=2, z_dim=6, dim_mult=[1, 2, 4], num_res_blocks=2, attn_scales=[],
                            temperal_downsample=[True, True],
                            latents_mean=[0.1 * i for i in range(6)], latents_std=[1 + 0.2 * i for i in range(6)]),
}
# name: batch, frames, latent height, latent width (odd on purpose)
CASES = {"image": (1, 1, 3, 2), "clip9": (2, 9, 1, 2), "clip17": (1, 17, 3, 2)}
# Tiled decode, of the first model: pixels of a tile and of a stride (height, width); tiles at the edges are smaller.
TILES = dict(tile_sample_min_height=32, tile_sample_min_width=32, tile_sample_stride_height=16,
             tile_sample_stride_width=24)


def make_model(config, generator):
    model = AutoencoderKLWan(**config).eval().requires_grad_(False)
    for name, p in model.named_parameters():
        if name.endswith("gamma"):
            value = 1 + 0.3 * torch.randn(p.shape, generator=generator)
        elif name.endswith("bias"):
            value = 0.2 * torch.randn(p.shape, generator=generator)
        else:
            value = torch.randn(p.shape, generator=generator) * (1.5 / p[0].numel()) ** 0.5
        p.copy_(value)
    return model.double()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "test/data")
    for file_name, config in CONFIGS.items():
        generator = torch.Generator().manual_seed(SEED)
        model = make_model(config, generator)
        state = {f"model.{name}": value for name, value in model.state_dict().items()}
        scale = 2 ** len(config["temperal_downsample"])
        tensors = {}
        for case, (batch, frames, height, width) in CASES.items():
            video = torch.rand(batch, 3, frames, height * scale, width * scale, generator=generator) * 2 - 1
            z = torch.randn(batch, config["z_dim"], 1 + (frames - 1) // 4, height, width, generator=generator)
            dist = model.encode(video.double()).latent_dist
            tensors[f"{case}.video"] = video
            tensors[f"{case}.z"] = z
            tensors[f"{case}.moments"] = torch.cat([dist.mean, dist.logvar], 1)
            assert dist.logvar.abs().max() < 20  # the reference clamps it to [-30, 20]
        state = {name: value.float().clone() for name, value in state.items()}
        model.decoder.conv_out.weight *= 0.1
        model.decoder.conv_out.bias *= 0.1
        for case in CASES:
            decoded = model.decode(tensors[f"{case}.z"].double()).sample
            assert decoded.abs().max() < 1
            tensors[f"{case}.decoded"] = decoded * 10
        if file_name == "wan_vae_base3":
            z = torch.randn(1, config["z_dim"], 2, 5, 7, generator=generator)
            assert model.spatial_compression_ratio == scale
            model.enable_tiling(**TILES)
            tensors |= {"tiled.z": z, "tiled.decoded": model.decode(z.double()).sample * 10}
        tensors = state | {name: value.float().contiguous() for name, value in tensors.items()}
        metadata = {"script": "scripts/goldens/wan_vae.py", "seed": str(SEED), "torch": torch.__version__,
                    "diffusers": diffusers.__version__, "config": json.dumps(config)}
        save_file(tensors, folder / f"{file_name}.safetensors", metadata)
        print(file_name, sum(t.numel() * 4 for t in tensors.values()) // 1024, "KiB",
              {k: [round(v.std().item(), 3), round(v.abs().max().item(), 3)] for k, v in tensors.items() if "model." not in k})


if __name__ == "__main__":
    main()
