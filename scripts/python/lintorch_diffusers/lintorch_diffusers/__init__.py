"""Loads video transformers linearized by lintorch into Diffusers' WanTransformer3DModel."""

from .attention import LinearAttentionCore, LinearAttentionProcessor
from .loading import linearize, load_transformer

__all__ = ["LinearAttentionCore", "LinearAttentionProcessor", "linearize", "load_transformer"]
