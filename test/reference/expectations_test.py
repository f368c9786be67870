"""What Diffusers' own tests of Wan expect of a model (tests/models and tests/pipelines/wan, their configurations), asked of
lintorch: output shapes, a sample that does not depend on its batch, round trips through save_pretrained."""

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

import support

TRANSFORMER = dict(patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4,
                   text_dim=16, freq_dim=256, ffn_dim=32, num_layers=2, cross_attn_norm=True,
                   qk_norm="rms_norm_across_heads", rope_max_seq_len=32)
VAE = dict(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True])


class ExpectationsTest(support.ReferenceTest):
    def test_transformer(self):
        generator = torch.Generator().manual_seed(600)
        model = WanTransformer3DModel(**TRANSFORMER).eval()
        support.randomize(model, generator)
        model.save_pretrained(self.folder)
        inputs = {"hidden_states": torch.randn(2, 4, 2, 16, 16, generator=generator),
                  "timestep": torch.randint(0, 1000, (2,), generator=generator),
                  "encoder_hidden_states": torch.randn(2, 12, 16, generator=generator)}
        sample = support.inspect_run("transformer", self.folder, inputs)["sample"]
        self.assertEqual(sample.shape, inputs["hidden_states"].shape)
        self.assertTrue(sample.isfinite().all())
        self.assertTrue(torch.equal(sample, support.inspect_run("transformer", self.folder, inputs)["sample"]))
        for i in range(2):
            alone = support.inspect_run("transformer", self.folder, {k: v[i:i + 1] for k, v in inputs.items()})["sample"]
            self.assert_close(sample[i:i + 1], alone, 1e-5, f"sample {i} of a batch")

    def test_vae(self):
        generator = torch.Generator().manual_seed(601)
        model = AutoencoderKLWan(**VAE).eval()
        support.randomize(model, generator)
        model.save_pretrained(self.folder)
        video = torch.rand(2, 3, 9, 16, 16, generator=generator) * 2 - 1
        moments = support.inspect_run("vae_encode", self.folder, {"x": video})
        self.assertEqual(tuple(moments["mean"].shape), (2, 16, 3, 2, 2))
        decoded = support.inspect_run("vae_decode", self.folder, {"z": moments["mean"]})["sample"]
        self.assertEqual(decoded.shape, video.shape)
        self.assertLessEqual(decoded.abs().max().item(), 1)
        for i in range(2):
            alone = support.inspect_run("vae_encode", self.folder, {"x": video[i:i + 1]})["mean"]
            self.assert_close(moments["mean"][i:i + 1], alone, 1e-5, f"clip {i} of a batch")
        # Causal: the first latent frame sees the first picture alone.
        first = support.inspect_run("vae_encode", self.folder, {"x": video[:, :, :1]})["mean"]
        self.assert_close(moments["mean"][:, :, :1], first, 1e-5, "first frame alone")


if __name__ == "__main__":
    support.main()
