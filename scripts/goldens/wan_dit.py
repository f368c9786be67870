"""Goldens of the Wan transformer: Diffusers' WanTransformer3DModel with random weights, in fp32.

Writes test/data/wan_dit_<name>.safetensors: weights as "weights.<name>", inputs "latent", "timestep", "text", result
"velocity"; metadata: config (JSON), script, seed, versions. The sinusoidal time embedding is computed in fp64 as the
official code does (Diffusers computes it in fp32, 1e-4 off at t = 999); everything else is Diffusers' own.
"""

import json
import pathlib

import diffusers
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

SEED = 20251
DATA = pathlib.Path(__file__).resolve().parents[2] / "test" / "data"

CASES = {
    # Odd token grid 3 x 5 x 7, odd text length, head dim 12 (t, h, w = 4, 4, 4).
    "odd": (dict(num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=10, freq_dim=16,
                 ffn_dim=32, num_layers=2), (1, 4, 3, 10, 14), [999.0], 7),
    # Batch of two with fractional timesteps, head dim 22 (10, 6, 6), two frames per patch, no cross_attn_norm.
    "batch": (dict(num_attention_heads=2, attention_head_dim=22, in_channels=3, out_channels=5, text_dim=8, freq_dim=32,
                   ffn_dim=40, num_layers=1, patch_size=(2, 2, 2), cross_attn_norm=False), (2, 3, 2, 6, 10),
              [12.25, 731.5], 4),
}


class Fp64TimeEmbedding(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.half = width // 2

    def forward(self, timestep):
        frequencies = 10000.0 ** (-torch.arange(self.half, dtype=torch.float64) / self.half)
        angles = timestep.double()[:, None] * frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=1).float()


def main():
    torch.manual_seed(SEED)
    for name, (config, shape, timesteps, text_length) in CASES.items():
        model = WanTransformer3DModel(**config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                # Also where initialisation is trivial: biases, norm weights, head.
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.condition_embedder.timesteps_proj = Fp64TimeEmbedding(config["freq_dim"])
        latent = torch.randn(shape)
        timestep = torch.tensor(timesteps, dtype=torch.float64)
        text = torch.randn(shape[0], text_length, config["text_dim"])
        with torch.no_grad():
            velocity = model(latent, timestep, text, return_dict=False)[0]
        tensors = {f"weights.{key}": value.contiguous() for key, value in model.state_dict().items()}
        tensors |= {"latent": latent, "timestep": timestep, "text": text, "velocity": velocity.contiguous()}
        full_config = {"_class_name": "WanTransformer3DModel"}
        full_config |= {key: value for key, value in model.config.items() if not key.startswith("_")}
        metadata = {"script": "scripts/goldens/wan_dit.py", "seed": str(SEED), "torch": torch.__version__,
                    "diffusers": diffusers.__version__, "config": json.dumps(full_config)}
        path = DATA / f"wan_dit_{name}.safetensors"
        save_file(tensors, path, metadata)
        print(path.name, path.stat().st_size, "bytes, velocity std", velocity.std().item())


if __name__ == "__main__":
    main()
