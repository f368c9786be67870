"""lintorch's UMT5 encoder against transformers' UMT5EncoderModel on random models."""

import safetensors.torch
import torch
from transformers import UMT5Config, UMT5EncoderModel

import support

# name: config, lengths of the prompts in a batch, padded length.
CASES = {
    "wan padding": (dict(vocab_size=384, d_model=64, d_kv=16, d_ff=96, num_layers=3, num_heads=4), [5, 31, 512], 512),
    "odd": (dict(vocab_size=101, d_model=30, d_kv=7, d_ff=45, num_layers=2, num_heads=3), [1, 19], 19),
    "wide heads": (dict(vocab_size=300, d_model=48, d_kv=64, d_ff=160, num_layers=4, num_heads=2), [77], 200),
    "buckets": (dict(vocab_size=200, d_model=40, d_kv=8, d_ff=64, num_layers=1, num_heads=5,
                     relative_attention_num_buckets=20, relative_attention_max_distance=60), [3, 130], 130),
}


class TextEncoderTest(support.ReferenceTest):
    def make(self, name):
        config, lengths, padded = CASES[name]
        generator = torch.Generator().manual_seed(200 + list(CASES).index(name))
        model = UMT5EncoderModel(UMT5Config(**config, feed_forward_proj="gated-gelu", dropout_rate=0.0)).eval()
        support.randomize(model, generator)
        mask = torch.tensor([[int(i < length) for i in range(padded)] for length in lengths])
        ids = torch.randint(4, config["vocab_size"], mask.shape, generator=generator) * mask
        return model, ids, mask

    def test_fp32(self):
        for name in CASES:
            with self.subTest(name):
                model, ids, mask = self.make(name)
                model.save_pretrained(self.folder / name)
                reference = model(input_ids=ids, attention_mask=mask).last_hidden_state
                ours = support.inspect_run("text_encoder", self.folder / name, {"input_ids": ids, "attention_mask": mask})
                # Every row, those of padding too: the transformer sees none of them, but they are defined.
                self.assert_close(ours["last_hidden_state"], reference, 1e-5, name)

    def test_without_mask(self):
        model, ids, _ = self.make("odd")
        model.save_pretrained(self.folder)
        reference = model(input_ids=ids).last_hidden_state
        ours = support.inspect_run("text_encoder", self.folder, {"input_ids": ids})["last_hidden_state"]
        self.assert_close(ours, reference, 1e-5, "no mask")

    def test_embedding_under_both_names(self):
        """transformers stores the embedding as shared.weight only; a file with neither name must be refused."""
        model, ids, mask = self.make("wan padding")
        model.save_pretrained(self.folder)
        path = self.folder / "model.safetensors"
        stored = safetensors.torch.load_file(path)
        self.assertIn("shared.weight", stored)
        reference = model(input_ids=ids, attention_mask=mask).last_hidden_state
        inputs = {"input_ids": ids, "attention_mask": mask}
        embedding = stored.pop("shared.weight")
        stored.pop("encoder.embed_tokens.weight", None)
        safetensors.torch.save_file(stored | {"encoder.embed_tokens.weight": embedding}, path, {"format": "pt"})
        ours = support.inspect_run("text_encoder", self.folder, inputs)["last_hidden_state"]
        self.assert_close(ours, reference, 1e-5, "encoder.embed_tokens.weight")
        safetensors.torch.save_file(stored, path, {"format": "pt"})
        with self.assertRaisesRegex(AssertionError, "has no token embedding"):
            support.inspect_run("text_encoder", self.folder, inputs)


if __name__ == "__main__":
    support.main()
