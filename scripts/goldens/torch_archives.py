"""Files of torch.save for the tests of the .pth reader.

Writes to test/data (or the given folder):
  torch_state.pth          an OrderedDict of every kind of tensor the reader must know, among them views and tied ones
  torch_state.safetensors  the same values, contiguous (safetensors has no views)
  torch_legacy.pth         the format before PyTorch 1.6
  torch_malicious.pth      a dict of one tensor whose pickle also runs a command when Python unpickles it
  torch_training.pth       a training checkpoint: a dict of dicts
  umt5_original.pth        a text encoder of Wan's own names in bf16, 2 layers of width 16
  umt5_original.safetensors  its values under transformers' names

Usage: python scripts/goldens/torch_archives.py [output folder]
"""

import collections
import os
import pathlib
import sys

import torch
from safetensors.torch import save_file

SEED = 33


def all_kinds():
    base = torch.randn(6, 8)
    tied = torch.randn(5)
    state = collections.OrderedDict()
    state["fp32"] = torch.randn(3, 4)
    state["bf16"] = torch.randn(2, 3, 4).to(torch.bfloat16)
    state["fp16"] = torch.randn(7).to(torch.float16)
    state["fp64"] = torch.randn(2, 2, dtype=torch.float64)
    state["int64"] = torch.arange(-3, 4)
    state["uint8"] = torch.arange(9, dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["fp8"] = torch.randn(4).to(torch.float8_e4m3fn)  # an untyped storage
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.empty(0, 3)
    state["transposed"] = base.t()
    state["slice"] = base[2:5, 1::3]
    state["offset"] = base.flatten()[11:13]
    state["tied_a"], state["tied_b"] = tied, tied
    state["parameter"] = torch.nn.Parameter(torch.randn(3))
    state._metadata = collections.OrderedDict([("", {"version": 1})])  # as nn.Module.state_dict() leaves it
    return state


class Payload:
    def __reduce__(self):
        return os.system, ("touch malicious_pickle_was_run",)


def umt5(names, width=16, heads=2, inner=8, ffn=24, layers=2):
    """Wan's names, or transformers'; the same values in the same order."""
    tensors = collections.OrderedDict()

    def add(wan, hf, *shape):
        tensors[wan if names == "wan" else hf] = torch.randn(shape).to(torch.bfloat16)

    torch.manual_seed(SEED)
    add("token_embedding.weight", "shared.weight", 40, width)
    for i in range(layers):
        block, hf = f"blocks.{i}.", f"encoder.block.{i}.layer."
        add(block + "norm1.weight", hf + "0.layer_norm.weight", width)
        for part in "qkv":
            add(block + f"attn.{part}.weight", hf + f"0.SelfAttention.{part}.weight", inner, width)
        add(block + "attn.o.weight", hf + "0.SelfAttention.o.weight", width, inner)
        add(block + "norm2.weight", hf + "1.layer_norm.weight", width)
        add(block + "ffn.gate.0.weight", hf + "1.DenseReluDense.wi_0.weight", ffn, width)
        add(block + "ffn.fc1.weight", hf + "1.DenseReluDense.wi_1.weight", ffn, width)
        add(block + "ffn.fc2.weight", hf + "1.DenseReluDense.wo.weight", width, ffn)
        add(block + "pos_embedding.embedding.weight", hf + "0.SelfAttention.relative_attention_bias.weight", 32, heads)
    add("norm.weight", "encoder.final_layer_norm.weight", width)
    return tensors


def main():
    default = pathlib.Path(__file__).resolve().parents[2] / "test" / "data"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    metadata = {"script": "scripts/goldens/torch_archives.py", "seed": str(SEED), "torch": torch.__version__}
    torch.manual_seed(SEED)
    state = all_kinds()
    torch.save(state, folder / "torch_state.pth")
    save_file({k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in state.items()},
              folder / "torch_state.safetensors", metadata)
    weight = {"weight": torch.randn(3)}
    torch.save(weight, folder / "torch_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(weight | {"payload": Payload()}, folder / "torch_malicious.pth")
    torch.save({"model": weight, "step": 3}, folder / "torch_training.pth")
    torch.save(umt5("wan"), folder / "umt5_original.pth")
    save_file(umt5("hf"), folder / "umt5_original.safetensors", metadata)
    for name in ["torch_state.pth", "torch_state.safetensors", "torch_legacy.pth", "torch_malicious.pth",
                 "torch_training.pth", "umt5_original.pth", "umt5_original.safetensors"]:
        print(name, (folder / name).stat().st_size)


if __name__ == "__main__":
    main()
