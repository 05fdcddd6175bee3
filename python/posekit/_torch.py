"""Imports torch, so that posekit loads its library for that torch. Imported by what runs models, not by ``import posekit``."""

try:
    import torch as torch
except ImportError as error:
    raise ImportError(f"posekit runs models with torch, which can't be imported ({error}): install it (pip install torch)") from error
