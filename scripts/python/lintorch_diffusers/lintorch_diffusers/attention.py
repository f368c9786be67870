"""Linear self-attention for Diffusers' WanAttention: o_i = phi(q_i) S / (phi(q_i) . z), S = sum_j phi(k_j)^T v_j,
z = sum_j phi(k_j). Linear in the number of tokens. RoPE before the feature map turns q and k; after it, it turns phi(q_i)
and phi(k_j) in the numerator and nothing in the denominator."""

import torch
from torch import nn

FEATURE_MAPS = ("hedgehog", "relu", "taylor")
ROPE_ORDERS = ("before", "after")


def relu_features(x):
    return x.relu()


def taylor_features(x):
    """Second-order expansion of exp(q.k / sqrt(K)): 1 + K + K^2 features."""
    first = x * x.shape[-1] ** -0.25
    second = (first.unsqueeze(-1) * first.unsqueeze(-2)).flatten(-2) * 0.5**0.5
    return torch.cat([torch.ones_like(first[..., :1]), first, second], dim=-1)


class LinearAttentionCore(nn.Module):
    """Feature map and sum. Parameters with the hedgehog map: w_q, w_k [heads, head_dim, feature_dim]."""

    def __init__(self, heads, head_dim, feature_map="hedgehog", feature_dim=64, rope="before"):
        super().__init__()
        if feature_map not in FEATURE_MAPS:
            raise ValueError(f"feature_map: expected one of {', '.join(FEATURE_MAPS)}, got {feature_map!r}")
        if rope not in ROPE_ORDERS:
            raise ValueError(f"rope: expected one of {', '.join(ROPE_ORDERS)}, got {rope!r}")
        features = {"hedgehog": 2 * feature_dim, "relu": head_dim, "taylor": 1 + head_dim + head_dim**2}[feature_map]
        if rope == "after" and features % head_dim != 0:
            raise ValueError(f"rope: expected \"before\", or \"after\" with features per head in a multiple of {head_dim}, "
                             f"got \"after\" with the {features} features of {feature_map}")
        self.feature_map, self.rope, self.head_dim = feature_map, rope, head_dim
        if feature_map == "hedgehog":
            self.w_q = nn.Parameter(torch.zeros(heads, head_dim, feature_dim))
            self.w_k = nn.Parameter(torch.zeros(heads, head_dim, feature_dim))

    def features(self, x, weight):
        if self.feature_map == "relu":
            return relu_features(x)
        if self.feature_map == "taylor":
            return taylor_features(x)
        y = torch.einsum("blnk,nkm->blnm", x, weight.float())
        return torch.cat([y.softmax(-1), (-y).softmax(-1)], dim=-1)

    def forward(self, query, key, value, rotary_emb=None):
        """query, key [B, L, heads, head_dim] after norm, value [B, L, heads, V] -> [B, L, heads, V]. rotary_emb: cos and sin
        of Diffusers' WanRotaryPosEmbed, None for no rotation."""
        if rotary_emb is not None and self.rope == "before":
            query, key = (rotate(x, *rotary_emb) for x in (query, key))
        w_q, w_k = (self.w_q, self.w_k) if self.feature_map == "hedgehog" else (None, None)
        phi_q, phi_k = self.features(query.float(), w_q), self.features(key.float(), w_k)
        v = value.float().transpose(1, 2)
        normalizer = (phi_q.transpose(1, 2) @ phi_k.sum(dim=1).unsqueeze(3)).clamp_min(1e-6)
        if rotary_emb is not None and self.rope == "after":
            # The weights do not sum to the normalizer, so the mean of the values cannot be taken out and added back.
            phi_q, phi_k = (self.rotate_features(phi, rotary_emb).transpose(1, 2) for phi in (phi_q, phi_k))
            return (phi_q @ (phi_k.transpose(2, 3) @ v) / normalizer).transpose(1, 2).type_as(value)
        phi_q, phi_k = phi_q.transpose(1, 2), phi_k.transpose(1, 2)
        # Around the mean of the values the sums stay small: the result is the same, with less rounding.
        mean = v.mean(dim=2, keepdim=True)
        state = phi_k.transpose(2, 3) @ (v - mean)
        return (mean + phi_q @ state / normalizer).transpose(1, 2).type_as(value)

    def rotate_features(self, phi, rotary_emb):
        """Every head_dim consecutive features by the rotation of a head."""
        return rotate(phi.unflatten(-1, (-1, self.head_dim)).flatten(2, 3), *rotary_emb).view_as(phi)


class LinearAttentionProcessor:
    """Attention processor of Diffusers for a WanAttention that has a LinearAttentionCore as `core`."""

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, rotary_emb=None):
        if encoder_hidden_states is not None or attention_mask is not None:
            raise ValueError("linear attention is self-attention without a mask")
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        key = attn.norm_k(attn.to_k(hidden_states)).unflatten(2, (attn.heads, -1))
        value = attn.to_v(hidden_states).unflatten(2, (attn.heads, -1))
        hidden_states = attn.core(query, key, value, rotary_emb).flatten(2, 3).type_as(query)
        return attn.to_out[1](attn.to_out[0](hidden_states))


def rotate(x, cos, sin):
    """RoPE on adjacent pairs of channels; cos and sin hold each value twice."""
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[..., 0::2], sin[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2).type_as(x)
