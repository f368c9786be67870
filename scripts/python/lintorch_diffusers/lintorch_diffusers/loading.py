"""From a transformer folder that lintorch wrote to a WanTransformer3DModel."""

import json
import pathlib

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file

from .attention import LinearAttentionCore, LinearAttentionProcessor

STEM = "diffusion_pytorch_model.safetensors"


def linearize(model, attention, linear_attention):
    """Replaces the self-attention of the layers that `attention` calls linear; their weights are to be loaded.

    attention: "softmax" or "linear" per layer. linear_attention: {"feature_map": ..., "feature_dim": ..., "rope": ...}; without
    "rope" the rotation is before the map.
    """
    if len(attention) != len(model.blocks):
        raise ValueError(f"attention: expected one entry for each of {len(model.blocks)} layers, got {len(attention)}")
    for layer, (kind, block) in enumerate(zip(attention, model.blocks)):
        if kind == "softmax":
            continue
        if kind != "linear":
            raise ValueError(f"attention[{layer}]: expected softmax or linear, got {kind!r}")
        heads, head_dim = model.config.num_attention_heads, model.config.attention_head_dim
        block.attn1.core = LinearAttentionCore(heads, head_dim, linear_attention["feature_map"],
                                               linear_attention["feature_dim"],
                                               linear_attention.get("rope", "before"))
        block.attn1.set_processor(LinearAttentionProcessor())
    # save_pretrained writes them, and lintorch reads them.
    model.register_to_config(attention=list(attention), linear_attention=dict(linear_attention))
    return model


def read_weights(folder):
    index = folder / f"{STEM}.index.json"
    if not index.exists():
        return load_file(folder / STEM)
    shards = set(json.loads(index.read_text())["weight_map"].values())
    return {name: tensor for shard in sorted(shards) for name, tensor in load_file(folder / shard).items()}


def load_transformer(folder, torch_dtype=torch.float32):
    """The model of a transformer/ folder, plain or linearized, in evaluation mode. As with Diffusers' from_pretrained the
    time embedding, modulation and norms stay fp32."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    attention, linear_attention = config.pop("attention", []), config.pop("linear_attention", None)
    with torch.device("meta"):
        model = WanTransformer3DModel.from_config(config)
        if attention:
            linearize(model, attention, linear_attention)
    state = {}
    for name, tensor in read_weights(folder).items():
        keep = not tensor.is_floating_point() or set(name.split(".")) & set(model._keep_in_fp32_modules)
        state[name] = tensor.float() if keep else tensor.to(torch_dtype)
    model.load_state_dict(state, strict=True, assign=True)
    # Its tables are computed, not stored.
    model.rope = type(model.rope)(model.config.attention_head_dim, model.config.patch_size, model.config.rope_max_seq_len)
    return model.eval().requires_grad_(False)
