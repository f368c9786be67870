"""A linearized tiny_wan in Diffusers (scripts/python/lintorch_diffusers) against lintorch."""

import json
import shutil
import sys

import safetensors.torch
import torch

import support

sys.path.insert(0, str(support.ROOT / "scripts" / "python" / "lintorch_diffusers"))
from lintorch_diffusers import load_transformer  # noqa: E402

TEACHER = support.ROOT / "configs" / "tiny_wan" / "model" / "transformer"
ATTENTION = ["linear", "linear", "softmax", "linear", "linear", "softmax", "softmax", "softmax"]
INPUT_SHAPE = (2, 16, 5, 18, 24)


class LinearizedTest(support.ReferenceTest):
    def make(self, feature_map, feature_dim, name, **options):
        """The bundled teacher with half of its layers linear, with random feature maps."""
        generator = torch.Generator().manual_seed(500)
        folder = self.folder / name
        shutil.copytree(TEACHER, folder)
        config = json.loads((folder / "config.json").read_text())
        config |= {"attention": ATTENTION,
                   "linear_attention": {"feature_map": feature_map, "feature_dim": feature_dim, "init": "kaiming",
                                        **options}}
        (folder / "config.json").write_text(json.dumps(config))
        path = folder / "diffusion_pytorch_model.safetensors"
        state = safetensors.torch.load_file(path)
        if feature_map == "hedgehog":
            heads, head_dim = config["num_attention_heads"], config["attention_head_dim"]
            for layer, kind in enumerate(ATTENTION):
                if kind == "linear":
                    for weight in ("w_q", "w_k"):
                        state[f"blocks.{layer}.attn1.core.{weight}"] = 0.3 * torch.randn(
                            heads, head_dim, feature_dim, generator=generator)
        safetensors.torch.save_file(state, path, {"format": "pt"})
        return folder

    def inputs(self):
        generator = torch.Generator().manual_seed(501)
        return {"hidden_states": torch.randn(INPUT_SHAPE, generator=generator), "timestep": torch.tensor([950, 120]),
                "encoder_hidden_states": torch.randn(2, 64, 128, generator=generator)}

    def test_output(self):
        inputs = self.inputs()
        plain = load_transformer(TEACHER)(**inputs).sample
        self.assert_close(support.inspect_run("transformer", TEACHER, inputs)["sample"], plain, 1e-4, "teacher")
        for feature_map, feature_dim in (("hedgehog", 64), ("hedgehog", 24), ("relu", 64), ("taylor", 64)):
            name = f"{feature_map} {feature_dim}"
            with self.subTest(name):
                folder = self.make(feature_map, feature_dim, name)
                sample = load_transformer(folder)(**inputs).sample
                self.assertGreater(support.relative_error(sample, plain), 0.01)  # the linear layers do take part
                ours = support.inspect_run("transformer", folder, inputs)["sample"]
                self.assert_close(ours, sample, 1e-4, name)

    def test_rotation_after_the_map(self):
        inputs = self.inputs()
        for feature_map, feature_dim in (("hedgehog", 64), ("hedgehog", 32), ("hedgehog", 96), ("relu", 64)):
            name = f"{feature_map} {feature_dim}, rotation after the map"
            with self.subTest(name):
                folder = self.make(feature_map, feature_dim, name, rope="after")
                sample = load_transformer(folder)(**inputs).sample
                before = load_transformer(self.make(feature_map, feature_dim, name + ": before"))(**inputs).sample
                self.assertGreater(support.relative_error(sample, before), 0.01)  # the order matters
                ours = support.inspect_run("transformer", folder, inputs)["sample"]
                self.assert_close(ours, sample, 1e-4, name)

    def test_round_trip(self):
        folder = self.make("hedgehog", 64, "exported")
        model = load_transformer(folder)
        model.save_pretrained(self.folder / "saved")
        inputs = self.inputs()
        ours = support.inspect_run("transformer", self.folder / "saved", inputs)["sample"]
        self.assert_close(ours, model(**inputs).sample, 1e-4, "saved by Diffusers, read by lintorch")

    def test_bf16(self):
        folder = self.make("hedgehog", 64, "exported")
        inputs = self.inputs()
        exact = load_transformer(folder)(**inputs).sample
        inputs = {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
        low = load_transformer(folder, torch.bfloat16)(**inputs).sample
        self.assert_close(low, exact, 0.05, "bf16 against fp32")

    def test_errors(self):
        folder = self.make("hedgehog", 64, "exported")
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"attention": ATTENTION[1:]}))
        with self.assertRaisesRegex(ValueError, "each of 8 layers"):
            load_transformer(folder)
        for change, message in (({"rope": "sideways"}, "rope: expected one of before, after, got 'sideways'"),
                                ({"rope": "after", "feature_map": "taylor"}, "multiple of 64, got .* 4161 features")):
            linear_attention = config["linear_attention"] | change
            (folder / "config.json").write_text(json.dumps(config | {"linear_attention": linear_attention}))
            with self.assertRaisesRegex(ValueError, message):
                load_transformer(folder)
        (folder / "config.json").write_text(json.dumps(config | {"attention": ["softmax"] * 8}))
        with self.assertRaisesRegex(RuntimeError, "core.w_q"):
            load_transformer(folder)


if __name__ == "__main__":
    support.main()
