"""Pictures of results: drawn, in a window, in notebooks, and crops of people."""

from __future__ import annotations

import base64
import html
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import DeviceUnavailableError, Error, InvalidArgumentError
from ._extras import optional_module
from ._files import _MAX_PIXELS, draw_poses, load_image, write_image
from ._images import is_rgb, pixels_of, size_of
from ._results import PoseResult

_NOTEBOOK_SIDE = 1024
"""Pixels of the longer side of a picture in a notebook."""
_NOTEBOOK_ROWS = 20


def plot(result: PoseResult, image: Any, min_score: float, boxes: bool, format: str) -> npt.NDArray[np.uint8]:
    """The poses on their image, BGR."""
    return draw_poses(bgr_of(result, image, format), result, min_score=min_score, boxes=boxes)


def show(picture: npt.NDArray[np.uint8]) -> None:
    """Opens a BGR picture in the desktop's viewer."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise DeviceUnavailableError("there is no display to show the picture on (DISPLAY is not set): write it to a file (result.save(path))")
    viewer = optional_module("PIL.ImageShow", "pictures")
    if not viewer.show(optional_module("PIL.Image", "pictures").fromarray(picture[:, :, ::-1])):
        raise DeviceUnavailableError("no program that shows pictures was found: install one (xdg-utils), or write a file (result.save(path))")


def notebook_png(result: PoseResult) -> bytes | None:
    """The picture, not larger than a notebook needs; None: the image is gone."""
    try:
        picture = plot(result, None, 0.3, True, "bgr")
    except (Error, ImportError):
        return None
    height, width = picture.shape[:2]
    step = min(math.ceil(max(width, height) / _NOTEBOOK_SIDE), width, height)
    whole = picture[: height // step * step, : width // step * step]
    small = whole.reshape(height // step, step, width // step, step, 3).mean((1, 3)).round().astype(np.uint8) if step > 1 else picture
    with tempfile.TemporaryDirectory(prefix="posekit-") as folder:
        write_image(Path(folder) / "picture.png", small, sync=False)
        return (Path(folder) / "picture.png").read_bytes()


def notebook_html(result: PoseResult) -> str:
    """The picture, if the image is there, and a small table of the people."""
    png = notebook_png(result)
    parts = []
    if png is not None:
        data = base64.b64encode(png).decode()
        parts.append(f'<img alt="{html.escape(repr(result))}" style="max-width: 100%" src="data:image/png;base64,{data}">')
    tracked = result.track_ids is not None
    rows = ["<tr>" + "".join(f"<th>{name}</th>" for name in ("box", *(["track"] if tracked else []), "x1, y1, x2, y2", "score", "keypoints")) + "</tr>"]
    for i in range(min(len(result), _NOTEBOOK_ROWS)):
        cells = [
            str(result.box_indices[i]),
            *([str(result.track_ids[i])] if result.track_ids is not None else []),
            ", ".join(f"{value:.1f}" for value in result.boxes[i]),
            f"{result.box_scores[i]:.2f}",
            f"mean score {result.scores[i].mean():.2f}",
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    parts.append(f"<table>{''.join(rows)}</table>" if len(result) else "")
    notes = [html.escape(repr(result)), *(html.escape(str(one)) for one in (*(bad.message for bad in result.box_errors), result.error or "") if one)]
    return f"<div>{''.join(parts)}<p>{'<br>'.join(notes)}</p></div>"


def crop(
    result: PoseResult, image: Any, i: int, keypoints: str | Sequence[str] | None, padding: float, size: tuple[int, int] | None, format: str
) -> npt.NDArray[np.uint8]:
    """A person, or the part that some keypoints span, as BGR."""
    if not 0 <= i < len(result):
        raise InvalidArgumentError(f"person {i} was asked for and the result has {len(result)}, 0 to {len(result) - 1} is expected")
    if not (padding > 0 and math.isfinite(padding)):
        raise InvalidArgumentError(f"padding {padding} was given, a finite number > 0 is expected")
    if size is not None and not (len(size) == 2 and min(size) >= 2):
        raise InvalidArgumentError(f"size {size} was given, a width and a height of at least 2 pixels are expected")
    low, high = result.boxes[i, :2], result.boxes[i, 2:]
    if keypoints is not None:
        chosen = _core.select_keypoints(result.keypoint_set, [keypoints] if isinstance(keypoints, str) else list(keypoints))
        points = result.keypoints[i, chosen].astype(np.float64)
        low, high = points.min(0), points.max(0)
        if not (high > low).all():
            raise InvalidArgumentError(f"keypoints {keypoints!r} of person {i} span no area: name several, or give the person's box (keypoints=None)")
    centre, extent = (low + high) / 2, padding * (high - low)
    if size is None:
        start, extent = np.rint(centre - extent / 2), np.rint(extent)
        if not (extent + 1).prod() <= _MAX_PIXELS:
            raise InvalidArgumentError(f"the part of person {i} has {extent[0]:g} x {extent[1]:g} pixels, at most {_MAX_PIXELS} are expected: pass a size")
        size = (int(extent[0]) + 1, int(extent[1]) + 1)
    else:
        aspect = size[0] / size[1]
        extent = np.array([extent[0], extent[0] / aspect] if extent[0] > aspect * extent[1] else [aspect * extent[1], extent[1]])
        start = centre - extent / 2
    return warp(bgr_of(result, image, format), start, extent, size)


def warp(pixels: npt.NDArray[np.uint8], start: npt.NDArray[np.float64], extent: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The part of a BGR image from the point `start` to `start + extent`, both on the centres of the crop's outermost pixels.

    Bilinear at the exact position, black outside of the image, rounded half up: the crop that a model of alignment "udp" gets.
    """
    columns, x, width = _taps(start[0], extent[0], size[0], pixels.shape[1])
    rows, y, height = _taps(start[1], extent[1], size[1], pixels.shape[0])
    part = np.ascontiguousarray(pixels[rows, columns]).astype(np.float64)
    across = part[:, x[0]] * width[0, :, np.newaxis] + part[:, x[1]] * width[1, :, np.newaxis]
    both = across[y[0]] * height[0, :, np.newaxis, np.newaxis] + across[y[1]] * height[1, :, np.newaxis, np.newaxis]
    rounded: npt.NDArray[np.uint8] = np.floor(both + 0.5).astype(np.uint8)
    return rounded


def _taps(start: float, extent: float, count: int, length: int) -> tuple[slice, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Along one axis: the part of the image that is needed, and for each of `count` pixels two positions in it and their weights."""
    exact = start + np.arange(count) * (extent / max(count - 1, 1))
    first = np.floor(exact)
    both = np.stack([first, first + 1])
    weights = np.stack([1 - (exact - first), exact - first]) * ((both >= 0) & (both < length))
    inside = np.clip(both, 0, length - 1).astype(np.int64)
    low = int(inside.min())
    return slice(low, int(inside.max()) + 1), inside - low, weights


def bgr_of(result: PoseResult, image: Any, format: str) -> npt.NDArray[np.uint8]:
    """The image of a result, given or found, as BGR (H, W, 3)."""
    rgb = is_rgb(format)
    if image is None:
        image, rgb = _found_image(result)
    elif not hasattr(image, "__dlpack__"):
        image, rgb = load_image(image), False
    pixels = pixels_of(image)
    if size_of(pixels) != result.image_size:
        sizes = ["{} x {}".format(*size) for size in (size_of(pixels), result.image_size)]
        raise InvalidArgumentError(f"the image has {sizes[0]} pixels and the result's had {sizes[1]}: pass the image that the poses were estimated in")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, 2::-1] if rgb else pixels[:, :, :3])


def _found_image(result: PoseResult) -> tuple[Any, bool]:
    """The image that the result keeps weakly, or its file's; and whether it is RGB."""
    if result._image is not None and (image := result._image[0]()) is not None:
        return (image, result._image[1]) if hasattr(image, "__dlpack__") else (load_image(image), False)
    if result.path is not None and result.frame is None:
        return load_image(result.path), False
    raise InvalidArgumentError("the result's image is not there any more, as results keep it weakly: pass the image, or hold on to it")
