"""Goldens for the text encoder: transformers' UMT5EncoderModel with random weights on padded batches.

Writes test/data/umt5.safetensors. Per model "a" and "b": "<model>.weight.<name>", ids, mask, output (last hidden state)
and, for the sum of output * probe over real tokens, the gradients "<model>.gradient.<name>" of three weights. The
config.json of each model is the metadata entry "<model>.config".
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

SEED = 11
MODELS = {
    "a": (dict(vocab_size=64, d_model=32, d_kv=8, num_heads=3, d_ff=48, num_layers=2), [12, 5, 1]),
    "b": (dict(vocab_size=40, d_model=24, d_kv=12, num_heads=2, d_ff=20, num_layers=3, layer_norm_epsilon=1e-5,
               relative_attention_num_buckets=16, relative_attention_max_distance=20), [40, 23]),
}
WITH_GRADIENT = ["shared.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                 "encoder.block.1.layer.1.DenseReluDense.wi_0.weight"]


def main():
    torch.manual_seed(SEED)
    tensors, metadata = {}, {}
    for name, (config, lengths) in MODELS.items():
        config = UMT5Config(**config, dropout_rate=0.1)
        config._attn_implementation = "eager"
        model = UMT5EncoderModel(config).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if "layer_norm" in key:
                    parameter.normal_(1.0, 0.2)
                elif "relative_attention_bias" in key:
                    parameter.normal_(0.0, 1.0)
        longest = max(lengths)
        mask = torch.tensor([[1] * n + [0] * (longest - n) for n in lengths])
        ids = torch.randint(4, config.vocab_size, (len(lengths), longest)) * mask
        output = model(input_ids=ids, attention_mask=mask).last_hidden_state
        probe = torch.randn(output.shape)
        (output * probe * mask[..., None]).sum().backward()
        parameters = dict(model.named_parameters())
        for key, value in parameters.items():
            tensors[f"{name}.weight.{key}"] = value.detach().clone()
        for key in WITH_GRADIENT:
            tensors[f"{name}.gradient.{key}"] = parameters[key].grad
        tensors |= {f"{name}.ids": ids, f"{name}.mask": mask, f"{name}.output": output.detach(), f"{name}.probe": probe}
        metadata[f"{name}.config"] = json.dumps(config.to_dict())
        print(name, sum(p.numel() for p in model.parameters()), sorted(parameters)[:4])
    target = pathlib.Path(__file__).resolve().parents[2] / "test" / "data" / "umt5.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target, metadata | {"script": "scripts/goldens/umt5.py", "seed": str(SEED),
                                           "torch": torch.__version__, "transformers": transformers.__version__})
    print(target.stat().st_size, metadata["a.config"])


if __name__ == "__main__":
    main()
