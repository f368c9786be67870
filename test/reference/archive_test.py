"""The original layout that lintorch writes, read as Wan's own code reads it: torch.load of Wan2.1_VAE.pth and
models_t5_umt5-xxl-enc-bf16.pth. And files that torch.save writes, read by lintorch."""

import csv
import zipfile

import safetensors.torch
import torch

import support

SMALL = ["--set", "transformer.num_layers=2", "--set", "vae.base_dim=8", "--seed", "3"]
VAE, TEXT_ENCODER = "Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth"


def original_names(table):
    """Diffusers or transformers name -> name in Wan's files."""
    with open(support.ROOT / "test" / "data" / table, newline="") as file:
        return {row["diffusers_or_hf_key"]: row["wan_key"] for row in csv.DictReader(file, delimiter="\t")}


class ArchiveTest(support.ReferenceTest):
    def random(self, layout, *arguments):
        support.run_app("inspect", "random", "--layout", layout, "--output", self.folder / layout, *SMALL, *arguments)
        return self.folder / layout

    def assert_same(self, loaded, expected):
        self.assertEqual(set(loaded), set(expected))
        for name, tensor in expected.items():
            self.assertEqual(loaded[name].dtype, tensor.dtype, name)
            self.assertTrue(torch.equal(loaded[name], tensor), name)

    def check_archives(self, original, diffusers):
        """Both files hold the tensors of the Diffusers folder under Wan's names, for every way to load them."""
        text_encoder = {original_names("umt5_xxl_keys.tsv")[name]: tensor for name, tensor in
                        safetensors.torch.load_file(diffusers / "text_encoder" / "model.safetensors").items()}
        # The table is that of the published autoencoder, which has more layers: its decoder counts them differently.
        vae = sorted(safetensors.torch.load_file(diffusers / "vae" / "diffusion_pytorch_model.safetensors").values(),
                     key=lambda tensor: (tensor.shape, tensor.flatten().tolist()))
        for mmap in (False, True):
            self.assert_same(torch.load(original / TEXT_ENCODER, weights_only=True, mmap=mmap), text_encoder)
            loaded = torch.load(original / VAE, weights_only=True, mmap=mmap, map_location="cpu")
            self.assertLessEqual({"encoder.conv1.weight", "decoder.upsamples.0.residual.0.gamma", "conv2.bias",
                                  "decoder.middle.1.to_qkv.weight"}, set(loaded))
            ours = sorted(loaded.values(), key=lambda tensor: (tensor.shape, tensor.flatten().tolist()))
            self.assertEqual(len(ours), len(vae))
            for a, b in zip(ours, vae):
                self.assertTrue(torch.equal(a, b))
        for name in (VAE, TEXT_ENCODER):
            with zipfile.ZipFile(original / name) as archive:
                self.assertIsNone(archive.testzip())  # checksums
                self.assertIn("archive/extra/lintorch.config", archive.namelist())

    def test_random_models(self):
        for dtype in ("fp32", "bf16", "fp16"):
            with self.subTest(dtype):
                original, diffusers = (self.random(layout, "--dtype", dtype) for layout in ("original", "diffusers"))
                self.check_archives(original, diffusers)
                state = torch.load(original / TEXT_ENCODER, weights_only=True)
                wanted = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
                self.assertEqual({tensor.dtype for tensor in state.values()}, {wanted})

    def test_export(self):
        diffusers = self.random("diffusers")
        support.run_app("export", "--set", f"model={diffusers}", "--set", f"output={self.folder / 'exported'}", "--set",
                        "layout=original")
        self.check_archives(self.folder / "exported", diffusers)

    def test_files_of_torch(self):
        """A text encoder as torch.save writes it, without lintorch's metadata and with strides, gives the same results."""
        original = self.random("original")
        encoder = torch.load(original / TEXT_ENCODER, weights_only=True)
        key = "blocks.0.attn.q.weight"
        encoder[key] = encoder[key].t().contiguous().t()
        torch.save(encoder, self.folder / "encoder.pth")
        inputs = {"input_ids": torch.tensor([[5, 6, 7, 1]])}
        ours = support.inspect_run("text_encoder", original, inputs)["last_hidden_state"]
        theirs = support.inspect_run("text_encoder", original, inputs, "--set",
                                     f"components.text_encoder={self.folder / 'encoder.pth'}")["last_hidden_state"]
        # The epsilon and bucket distances of the tiny preset are those of UMT5-XXL, which a bare file is taken to have.
        self.assertTrue(torch.equal(ours, theirs))


if __name__ == "__main__":
    support.main()
