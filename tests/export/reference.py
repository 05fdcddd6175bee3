"""The crop and the decoding of UDP models in float64, from their formulas (docs/models.md, mmpose's UDPHeatmap), independent of lib/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Box = list[float]


@dataclass(frozen=True)
class Geometry:
    """Sizes of a model's input and heatmaps, and what enlarges its crops."""

    width: int = 192
    height: int = 256
    columns: int = 48
    rows: int = 64
    enlarge: str = "bilinear"

    def region(self, box: Box) -> tuple[Array, Array]:
        """Centre and size of what a crop shows: the box with 1.25 of its size, in the input's aspect."""
        x1, y1, x2, y2 = box
        centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
        size = 1.25 * np.array([x2 - x1, y2 - y1])
        aspect = self.width / self.height
        if size[0] > size[1] * aspect:
            size[1] = size[0] / aspect
        else:
            size[0] = size[1] * aspect
        return centre, size

    def positions(self, box: Box) -> tuple[Array, Array]:
        """Where the crop's columns and rows are in the image."""
        centre, size = self.region(box)
        start = centre - size / 2
        return (
            np.arange(self.width) * size[0] / (self.width - 1) + start[0],
            np.arange(self.height) * size[1] / (self.height - 1) + start[1],
        )

    def is_cubic(self, box: Box) -> bool:
        _, size = self.region(box)
        return self.enlarge == "bicubic" and min((self.width - 1) / size[0], (self.height - 1) / size[1]) >= 1

    def crop(self, image: Array, box: Box) -> Array:
        """[height, width, 3] in grey levels, not rounded. Black outside, blended with it at the edge."""
        xs, ys = self.positions(box)
        cubic = self.is_cubic(box)
        across, down = taps(xs, image.shape[1], cubic), taps(ys, image.shape[0], cubic)
        crop = np.einsum("yh,hwc,xw->yxc", down, image.astype(np.float64), across, optimize=True)
        return np.clip(crop, 0, 255)

    def inside(self, image: Array, box: Box) -> Array:
        """[height, width]: whether a pixel of the crop has all of its four neighbours in the image."""
        xs, ys = self.positions(box)
        return ((ys >= 0) & (ys <= image.shape[0] - 1))[:, None] & ((xs >= 0) & (xs <= image.shape[1] - 1))

    def to_image(self, cells: Array, box: Box) -> Array:
        centre, size = self.region(box)
        return cells / [self.columns - 1, self.rows - 1] * size + centre - size / 2

    def to_cells(self, points: Array, box: Box) -> Array:
        centre, size = self.region(box)
        return (points - centre + size / 2) / size * [self.columns - 1, self.rows - 1]


def taps(positions: Array, count: int, cubic: bool) -> Array:
    """[positions, count]: the weight of each pixel of a line. Cubic: OpenCV's kernel, a = -0.75."""
    matrix = np.zeros((len(positions), count))
    first = np.floor(positions).astype(int)
    for offset in range(-1, 3) if cubic else range(2):
        pixel = first + offset
        t = np.abs(positions - pixel)
        inner, outer = 1.25 * t**3 - 2.25 * t**2 + 1, -0.75 * t**3 + 3.75 * t**2 - 6 * t + 3
        weight = np.where(t <= 1, inner, outer) if cubic else 1 - t
        there = (pixel >= 0) & (pixel < count)
        matrix[np.flatnonzero(there), pixel[there]] += weight[there]
    return matrix


def decode(heatmaps: Array, *, sigma: float = 2.0, radius: int = 5) -> tuple[Array, Array, Array]:
    """DARK as UDP has it: [K,h,w] to positions [K,2] in cells, integer peaks [K,2], and whether each channel is well posed [K]."""
    count, rows, columns = heatmaps.shape
    gauss = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    gauss /= gauss.sum()
    maps = heatmaps.astype(np.float64)
    padded = np.pad(maps, ((0, 0), (radius, radius), (radius, radius)))
    blurred = sum(g * padded[:, :, i : i + columns] for i, g in enumerate(gauss))
    blurred = sum(g * blurred[:, i : i + rows] for i, g in enumerate(gauss))
    top = maps.reshape(count, -1).max(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        blurred = blurred * (top / blurred.reshape(count, -1).max(1))[:, None, None]
    logs = np.pad(np.log(np.clip(blurred, 1e-3, 50)), ((0, 0), (1, 1), (1, 1)), mode="edge")
    peaks = np.stack(np.unravel_index(maps.reshape(count, -1).argmax(1), (rows, columns)), -1)[:, ::-1]
    k = np.arange(count)

    def at(dx: int, dy: int) -> Array:
        found: Array = logs[k, peaks[:, 1] + 1 + dy, peaks[:, 0] + 1 + dx]
        return found

    gradient = np.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], -1) / 2
    xx, yy = at(1, 0) - 2 * at(0, 0) + at(-1, 0), at(0, 1) - 2 * at(0, 0) + at(0, -1)
    xy = (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1)) / 2
    hessian = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2) + np.finfo(np.float32).eps * np.eye(2)
    posed = (top > 0) & (np.linalg.eigvalsh(hessian) < 0).all(-1)
    step = np.zeros((count, 2))
    step[posed] = np.linalg.solve(hessian[posed], gradient[posed][..., None])[..., 0]
    posed &= np.linalg.norm(step, axis=-1) <= 2
    return peaks - np.where(posed[:, None], step, 0), peaks, posed
