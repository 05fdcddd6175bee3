"""Networks for the tests of the exporters, which make() and its neighbours return, as "module" wants them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

WIDTH, HEIGHT = 48, 64
METADATA: dict[str, Any] = {
    "format": "posekit-model/1",
    "task": "pose",
    "name": "net",
    "licence": "none",
    "source": "a test",
    "input": {"width": WIDTH, "height": HEIGHT},
    "output": {"codec": "heatmap", "width": 12, "height": 16, "refinement": "none"},
    "keypoints": {"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]},
}


class Net(nn.Module):
    """One convolution: two heatmaps of 12 by 16 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 4, stride=4)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class FixedBatch(Net):
    """A reshape that fixes the batch of the trace."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x).reshape(int(x.shape[0]) * 1, 2, 16, 12)


class OtherBatch(Net):
    """A branch that depends on the batch: the trace keeps one side."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) * (1.0 if x.shape[0] == 2 else 2.0)


class Random(Net):
    """Noise in every forward."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) + torch.rand(x.shape[0], 2, 16, 12)


class Dropping(Net):
    """Dropout, which eval() switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> Any:
        return self.dropout(self.layer(x))


class Dictionary(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return {"heatmaps": self.layer(x)}


class Infinite(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) / 0


class Pair(Net):
    """SimCC: a tuple of two."""

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x)
        return y.mean(2).repeat_interleave(8, -1), y.mean(3).repeat_interleave(8, -1)


class NotANumber(Net):
    """In the traced graph alone, in a part of the output."""

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x)
        return torch.cat([y[:, :, :8], y[:, :, 8:] * float("nan")], 2) if torch.jit.is_tracing() else y


class Tiny(Net):
    """Too small for half precision between two layers."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) * 1e-9 * 1e9


class Coarse(Net):
    """Half precision loses much of a small difference of large numbers."""

    def forward(self, x: torch.Tensor) -> Any:
        return (self.layer(x) + 30000) - 30000


class Complex(Net):
    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x)
        return torch.complex(y, y)


class Whole(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x).long()


class Asserts(Net):
    def forward(self, x: torch.Tensor) -> Any:
        assert x.shape[-1] == 99, "99 columns"


class Divides(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) / (1 // 0)


class ReadsFile(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) * len(open("/no/such/file").read())


class Detector(Net):
    """Boxes, scores and labels of four detections."""

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x).flatten(1)
        return y[:, :16].reshape(-1, 4, 4), y[:, :4], y[:, :4].long()


class LowDetector(Net):
    """Scores with a dimension too many."""

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x).flatten(1)
        return y[:, :16].reshape(-1, 4, 4), y[:, :4, None]


class WholeDetector(Net):
    """Scores that are integers."""

    def forward(self, x: torch.Tensor) -> Any:
        y = self.layer(x).flatten(1)
        return y[:, :16].reshape(-1, 4, 4), y[:, :4].long()


def make() -> nn.Module:
    return Net()


def make_text() -> str:
    return "no network"
