"""HRNet (Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, CVPR 2019), built from the shapes of its weights.

Entries have the names of the original repository, which mmpose kept: stem conv1, conv2; layer1; transition1..3; stage2..4; final_layer. The
epsilon of batch normalisation is torch's default, 1e-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional as F

Shapes = Mapping[str, tuple[int, ...]]
"""Entries of a part by name, the part's own name left out."""


class Part(dict[str, tuple[int, ...]]):
    """Entries of a part; one that is not there is a KeyError with its whole name."""

    def __init__(self, entries: Shapes, name: str = "") -> None:
        super().__init__(entries)
        self.name = name

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise KeyError(self.name + name)


def under(shapes: Shapes, prefix: str) -> Part:
    """The entries whose names begin with a prefix, without it."""
    name = getattr(shapes, "name", "") + prefix
    return Part({entry[len(prefix) :]: shape for entry, shape in shapes.items() if entry.startswith(prefix)}, name)


def parts(shapes: Shapes) -> Iterator[Part]:
    """The entries of the parts 0, 1, 2, … as many as there are."""
    count = len({found[0] for name in shapes if (found := re.match(r"\d+(?=\.)", name))})
    return (under(shapes, f"{i}.") for i in range(count))


def convolution(shape: tuple[int, ...], stride: int = 1, *, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size, or halves it."""
    return nn.Conv2d(shape[1], shape[0], shape[2], stride, shape[2] // 2, bias=bias)


def normalised(shape: tuple[int, ...], stride: int = 1, *, relu: bool = True) -> nn.Sequential:
    """A convolution, batch normalisation and, unless `relu` is false, a ReLU."""
    layers = [convolution(shape, stride), nn.BatchNorm2d(shape[0]), *([nn.ReLU()] if relu else [])]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """A residual block: two convolutions, or a bottleneck of three."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.depth = 3 if "conv3.weight" in shapes else 2
        for i in range(1, self.depth + 1):
            self.add_module(f"conv{i}", convolution(shapes[f"conv{i}.weight"]))
            self.add_module(f"bn{i}", nn.BatchNorm2d(shapes[f"conv{i}.weight"][0]))
        projection = shapes.get("downsample.0.weight")
        self.downsample = normalised(projection, relu=False) if projection else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for i in range(1, self.depth + 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(y))
            if i < self.depth:
                y = F.relu(y)
        return F.relu(y + self.downsample(x))


def residuals(shapes: Shapes) -> nn.Sequential:
    """Residual blocks, one after another."""
    return nn.Sequential(*(Residual(part) for part in parts(shapes)))


def fusion(shapes: Shapes, target: int, source: int) -> nn.Module:
    """From one branch's resolution to another's: convolutions that halve, or one convolution and nearest neighbours. Branch 0 is the finest."""
    if source == target:
        return nn.Identity()
    if source > target:
        enlarge = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(*normalised(shapes["0.weight"], relu=False), enlarge)
    steps = target - source
    return nn.Sequential(*(normalised(shapes[f"{i}.0.weight"], 2, relu=i < steps - 1) for i in range(steps)))


class Exchange(nn.Module):
    """A module of a stage: each branch by itself, then each output is the sum of all branches."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.branches = nn.ModuleList(residuals(part) for part in parts(under(shapes, "branches.")))
        count = range(len(self.branches))
        # The last module of the last stage has one output, the finest.
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(fusion(under(part, f"{source}."), target, source) for source in count)
            for target, part in enumerate(parts(under(shapes, "fuse_layers.")))
        )

    def forward(self, x: list[torch.Tensor]) -> list[torch.Tensor]:
        y = [branch(part) for branch, part in zip(self.branches, x)]
        outputs = []
        for layers in self.fuse_layers:
            assert isinstance(layers, nn.ModuleList)
            total = layers[0](y[0])
            for layer, part in zip(layers[1:], y[1:]):
                total = total + layer(part)
            outputs.append(F.relu(total))
        return outputs


def transition(shapes: Shapes) -> nn.Module:
    """Into a branch of the next stage: nothing, a convolution where the width changes, or convolutions that halve for a new branch."""
    if "0.weight" in shapes:
        return normalised(shapes["0.weight"])
    return nn.Sequential(*(normalised(part["0.weight"], 2) for part in parts(shapes)))


class HRNet(nn.Module):
    """Pixels [B,3,H,W], H and W multiples of 32, to heatmaps [B,K,H/4,W/4].

    shapes: of all entries. Raises KeyError with the name of an entry that is not there.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        shapes = Part(shapes)
        self.keypoints = shapes["final_layer.weight"][0]
        """K."""
        for i in (1, 2):
            self.add_module(f"conv{i}", convolution(shapes[f"conv{i}.weight"], 2))
            self.add_module(f"bn{i}", nn.BatchNorm2d(shapes[f"conv{i}.weight"][0]))
        self.layer1 = residuals(under(shapes, "layer1."))
        for stage in (2, 3, 4):
            modules = [Exchange(part) for part in parts(under(shapes, f"stage{stage}."))]
            if not modules:
                raise KeyError(f"stage{stage}.0.branches.0.0.conv1.weight")
            entries = under(shapes, f"transition{stage - 1}.")
            branches = range(len(modules[0].branches))
            self.add_module(f"transition{stage - 1}", nn.ModuleList(transition(under(entries, f"{i}.")) for i in branches))
            self.add_module(f"stage{stage}", nn.Sequential(*modules))
        self.final_layer = convolution(shapes["final_layer.weight"], bias=True)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels
        for i in (1, 2):
            x = F.relu(self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(x)))
        y = [self.layer1(x)]
        for stage in (2, 3, 4):
            # A new branch begins at the coarsest one that there is.
            steps = self.get_submodule(f"transition{stage - 1}")
            assert isinstance(steps, nn.ModuleList)
            y = [step(y[min(i, len(y) - 1)]) for i, step in enumerate(steps)]
            y = self.get_submodule(f"stage{stage}")(y)
        return self.final_layer(y[0])  # type: ignore[no-any-return]
