"""lintorch's video autoencoder against Diffusers' AutoencoderKLWan on random models."""

import torch
from diffusers import AutoencoderKLWan

import support

# name: config, clip [B, F, H, W] (odd latent sizes; one frame, and 1 + 4k frames).
CASES = {
    "one frame": (dict(base_dim=3, dim_mult=[1, 1, 1, 1], num_res_blocks=1), (1, 1, 24, 40)),
    "five frames": (dict(base_dim=6, dim_mult=[1, 2, 4, 4], num_res_blocks=2), (1, 5, 40, 24)),
    "seventeen frames": (dict(base_dim=4, dim_mult=[1, 2, 2, 3], num_res_blocks=1), (1, 17, 24, 56)),
    "two clips": (dict(base_dim=8, dim_mult=[1, 1, 2, 2], num_res_blocks=1, z_dim=5, latents_mean=[0.1] * 5,
                       latents_std=[1.5] * 5), (2, 9, 8, 24)),
    "narrow": (dict(base_dim=5, dim_mult=[1, 2, 4], num_res_blocks=2, temperal_downsample=[True, True]), (1, 13, 12, 20)),
}


class VaeTest(support.ReferenceTest):
    def check(self, name, arguments=(), what=""):
        config, (batch, frames, height, width) = CASES[name]
        generator = torch.Generator().manual_seed(100 + list(CASES).index(name))
        model = AutoencoderKLWan(**config).eval()
        support.randomize(model, generator)
        folder = self.folder / name
        model.save_pretrained(folder)
        x = torch.rand(batch, 3, frames, height, width, generator=generator) * 2 - 1
        posterior = model.encode(x).latent_dist
        ours = support.inspect_run("vae_encode", folder, {"x": x}, *arguments)
        self.assert_close(ours["mean"], posterior.mean, 1e-4, f"{name}, encode, mean{what}")
        self.assert_close(ours["logvar"].clamp(-30, 20), posterior.logvar, 1e-4, f"{name}, encode, logvar{what}")
        z = torch.randn(posterior.mean.shape, generator=generator)
        # Small enough that the clamp to [-1, 1] hides nothing.
        z *= 0.5 / model.decode(z).sample.std()
        sample = model.decode(z).sample
        self.assertLess((sample.abs() >= 1).double().mean().item(), 0.5)
        ours = support.inspect_run("vae_decode", folder, {"z": z}, *arguments)["sample"]
        self.assert_close(ours, sample, 1e-4, f"{name}, decode{what}")

    def test_encode_and_decode(self):
        for name in CASES:
            with self.subTest(name):
                self.check(name)

    def test_streaming(self):
        for name in ("five frames", "seventeen frames"):
            for mode in ("streaming", "whole_clip"):
                with self.subTest(name, mode=mode):
                    self.check(name, ("--set", f"clip_mode={mode}"), f", {mode}")

    def test_tiled_decode(self):
        config, _ = CASES["five frames"]
        generator = torch.Generator().manual_seed(200)
        model = AutoencoderKLWan(**config).eval()
        support.randomize(model, generator)
        folder = self.folder / "tiled"
        model.save_pretrained(folder)
        z = torch.randn(1, 16, 2, 5, 7, generator=generator)
        z *= 0.5 / model.decode(z).sample.std()
        model.enable_tiling(tile_sample_min_height=32, tile_sample_min_width=32, tile_sample_stride_height=16,
                            tile_sample_stride_width=24)
        arguments = ["--set", "tiled_decode=true"]
        for key, value in (("tile_height", 32), ("tile_width", 32), ("stride_height", 16), ("stride_width", 24)):
            arguments += ["--set", f"tiles.{key}={value}"]
        ours = support.inspect_run("vae_decode", folder, {"z": z}, *arguments)["sample"]
        self.assert_close(ours, model.decode(z).sample, 1e-4, "tiled decode")


if __name__ == "__main__":
    support.main()
