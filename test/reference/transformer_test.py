"""lintorch's Wan transformer against Diffusers' WanTransformer3DModel on random models."""

import torch
from diffusers import WanTransformer3DModel

import support

# name: config, latent [B, C, T, H, W], timesteps, text length.
CASES = {
    "odd grid": (dict(num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=10,
                      freq_dim=16, ffn_dim=32, num_layers=2), (1, 4, 3, 10, 14), [999], 7),
    "wan head": (dict(num_attention_heads=3, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=64,
                      freq_dim=256, ffn_dim=448, num_layers=3), (1, 16, 5, 6, 10), [875], 33),
    "batch": (dict(num_attention_heads=5, attention_head_dim=22, in_channels=3, out_channels=5, text_dim=24, freq_dim=32,
                   ffn_dim=100, num_layers=4, patch_size=(2, 2, 2)), (3, 3, 4, 6, 10), [1, 500, 999], 12),
    "no norm": (dict(num_attention_heads=1, attention_head_dim=64, in_channels=8, out_channels=8, text_dim=16,
                     freq_dim=64, ffn_dim=128, num_layers=2, cross_attn_norm=False, eps=1e-5), (2, 8, 1, 18, 2), [0, 3], 1),
    "no patch": (dict(num_attention_heads=4, attention_head_dim=20, in_channels=2, out_channels=2, text_dim=8,
                      freq_dim=48, ffn_dim=33, num_layers=1, patch_size=(1, 1, 1)), (1, 2, 7, 5, 3), [321], 512),
}


class Fp64TimeEmbedding(torch.nn.Module):
    """The sinusoidal time embedding in fp64, as the official code has it."""

    def __init__(self, width):
        super().__init__()
        self.half = width // 2

    def forward(self, timestep):
        frequencies = 10000.0 ** (-torch.arange(self.half, dtype=torch.float64) / self.half)
        angles = timestep.double()[:, None] * frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=1)


def make_case(name):
    config, shape, timesteps, text_length = CASES[name]
    generator = torch.Generator().manual_seed(list(CASES).index(name))
    model = WanTransformer3DModel(**config).eval()
    support.randomize(model, generator)
    inputs = {"hidden_states": torch.randn(shape, generator=generator),
              "timestep": torch.tensor(timesteps, dtype=torch.int64),
              "encoder_hidden_states": torch.randn(shape[0], text_length, config["text_dim"], generator=generator)}
    return model, inputs


def to_bf16(model):
    """The model as from_pretrained(torch_dtype=torch.bfloat16) gives it (which would need the package accelerate)."""
    for name, parameter in model.named_parameters():
        if not set(name.split(".")) & set(model._keep_in_fp32_modules):
            parameter.data = parameter.data.bfloat16()
    return model


class TransformerTest(support.ReferenceTest):
    def test_fp32(self):
        for name in CASES:
            with self.subTest(name):
                model, inputs = make_case(name)
                model.save_pretrained(self.folder / name)
                ours = support.inspect_run("transformer", self.folder / name, inputs)["sample"]
                self.assert_close(ours, model(**inputs).sample, 1e-5, f"{name}, fp32")
                # What is left is mostly Diffusers' time embedding in fp32: its sine of 999 is good to 1e-4 only.
                model.condition_embedder.timesteps_proj = Fp64TimeEmbedding(model.config.freq_dim)
                self.assert_close(ours, model(**inputs).sample, 2e-6, f"{name}, fp32, time embedding in fp64")

    def test_bf16(self):
        for name in CASES:
            with self.subTest(name):
                model, inputs = make_case(name)
                model.save_pretrained(self.folder / name)
                exact = model(**inputs).sample
                low = to_bf16(model)
                low_inputs = {k: v.bfloat16() if v.is_floating_point() else v for k, v in inputs.items()}
                reference_error = support.relative_error(low(**low_inputs).sample, exact)
                for residual in ("fp32", "weights"):
                    ours = support.inspect_run("transformer", self.folder / name, low_inputs, "--dtype", "bf16",
                                               "--set", f"residual={residual}")["sample"]
                    error = support.relative_error(ours, exact)
                    print(f"{name}, bf16 against fp32: lintorch with a residual stream in {residual} {error:.2e}, "
                          f"reference {reference_error:.2e}", flush=True)
                    self.assertLessEqual(error, 1.5 * reference_error)


if __name__ == "__main__":
    support.main()
