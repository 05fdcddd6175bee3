"""Random networks whose heatmaps have peaks: the last convolution is set so that each channel shows a blob. All else stays as it was made."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def blobs(count: int, rows: int, columns: int, radius: float = 2.5, seed: int = 1) -> torch.Tensor:
    """[1,K,h,w]: a Gaussian in each channel, at a position of its own."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[0:rows, 0:columns]
    centres = rng.uniform([4, 4], [columns - 4, rows - 4], (count, 2))
    return torch.from_numpy(np.stack([np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * radius**2)) for x, y in centres]))[None]


def blobs_where_crops_say(crops: torch.Tensor, count: int, rows: int, columns: int, radius: float = 2.5) -> torch.Tensor:
    """[B,K,h,w]: a Gaussian in each channel, where a random filter of the crop responds most: for networks that don't know positions."""
    generator = torch.Generator().manual_seed(1)
    filters = torch.randn(count, 3, 32, 32, generator=generator)
    stride = crops.shape[-1] // columns
    response = F.conv2d(F.pad(crops, (16, 16, 16, 16)), filters, stride=stride)[:, :, :rows, :columns]
    peak = response.flatten(2).argmax(2)[..., None, None]
    ys, xs = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.exp(-((xs - peak % columns) ** 2 + (ys - peak // columns) ** 2) / (2 * radius**2)).double()


def plant(model: Any, convolution: nn.Conv2d, crops: torch.Tensor, targets: torch.Tensor, **arguments: Any) -> None:
    """Sets weight and bias of the last convolution by least squares on what it sees of some crops."""
    seen: list[torch.Tensor] = []
    hook = convolution.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        model(pixel_values=crops, **arguments)
    hook.remove()
    size = convolution.kernel_size[0]
    features = F.unfold(seen[0].double(), size, padding=size // 2).transpose(1, 2).flatten(0, 1)
    features = torch.cat([features, torch.ones(len(features), 1, dtype=torch.float64)], 1)
    wanted = targets.expand(len(crops), -1, -1, -1).permute(0, 2, 3, 1).flatten(0, 2)
    normal = features.T @ features
    normal += 1e-6 * normal.diagonal().mean() * torch.eye(len(normal), dtype=torch.float64)
    found = torch.linalg.solve(normal, features.T @ wanted)
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.weight.copy_(found[:-1].T.reshape(convolution.weight.shape))
        convolution.bias.copy_(found[-1])
