"""Writes test/data/safetensors_reference.safetensors with the Python safetensors library.

Every dtype the format has in LibTorch, a scalar, an empty tensor, and a name beyond ASCII. Values are a ramp, so the
test can compute them.
"""
import pathlib

import safetensors
import torch
from safetensors.torch import save_file

DTYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2, "i64": torch.int64, "i32": torch.int32,
    "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8,
}


def main():
    out = pathlib.Path(__file__).parents[2] / "test" / "data" / "safetensors_reference.safetensors"
    out.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: torch.arange(6, dtype=torch.float32).reshape(2, 3).to(dtype) for name, dtype in DTYPES.items()}
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    tensors["blocks.0.gewicht_ä"] = torch.full((1, 2, 1), -1.5)
    save_file(tensors, out, metadata={
        "script": "scripts/goldens/safetensors_reference.py", "seed": "none",
        "versions": f"safetensors {safetensors.__version__}, torch {torch.__version__}"})


if __name__ == "__main__":
    main()
