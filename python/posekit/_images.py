"""Images and boxes of a caller as the arrays that the native code takes."""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError


class SupportsDLPack(Protocol):
    """For example a NumPy array or a torch.Tensor."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


Image = SupportsDLPack
"""uint8 of shape (H, W), (H, W, 3) or (H, W, 4), in the CPU's memory."""


def is_rgb(format: str) -> bool:
    if format not in ("bgr", "rgb"):
        raise InvalidArgumentError(f'format {format!r} was given, "bgr" or "rgb" is expected (gray and alpha follow from the shape)')
    return format == "rgb"


def _array_of(image: Image) -> npt.NDArray[Any]:
    if isinstance(image, np.ndarray):
        return np.asarray(image)
    if isinstance(image, (str, bytes, os.PathLike)) or not hasattr(image, "__dlpack__"):
        raise InvalidArgumentError(
            f"an image of type {type(image).__name__} was given, a NumPy array or a tensor is expected: "
            "posekit.load_image makes an array of a path, a file's bytes or a PIL image"
        )
    try:
        return np.from_dlpack(image)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidArgumentError(f"the image can't be read as an array ({error}): pass one in the CPU's memory (tensor.cpu())") from error


def _has_whole_rows(array: npt.NDArray[np.uint8]) -> bool:
    """Whether the pixels of each row follow each other, and rows go down in memory."""
    height, width = array.shape[:2]
    channels = array.shape[2] if array.ndim == 3 else 1
    pixels_whole = channels == 1 or array.strides[2] == 1
    rows_whole = width == 1 or array.strides[1] == channels
    return pixels_whole and rows_whole and (height == 1 or array.strides[0] >= width * channels)


def pixels_of(image: Image) -> npt.NDArray[np.uint8]:
    """The image as an array whose rows are whole: its own memory if they are already, else one copy."""
    array = _array_of(image)
    if array.dtype != np.uint8:
        raise InvalidArgumentError(
            f"an image of dtype {array.dtype} was given, uint8 is expected: scale to 0..255 and use astype(numpy.uint8)"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        hint = ": the channels come last (array.transpose(1, 2, 0), tensor.permute(1, 2, 0))" if first else ""
        raise InvalidArgumentError(f"an image of shape {array.shape} was given, (H, W), (H, W, 3) or (H, W, 4) is expected{hint}")
    if array.size == 0:
        raise InvalidArgumentError(f"an image of shape {array.shape} was given: it has no pixels")
    return array if _has_whole_rows(array) else np.ascontiguousarray(array)


def boxes_of(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Boxes (N, 4), or (N, 5) with scores, as (N, 5)."""
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidArgumentError(f"boxes can't be read as an array of numbers ({error}): (N, 4) or (N, 5) is expected") from error
    if array.shape in ((0,), (1, 0)):  # [] and [[]]
        return np.empty((0, 5))
    if array.ndim != 2 or array.shape[1] not in (4, 5):
        raise InvalidArgumentError(
            f"boxes of shape {array.shape} were given, (N, 4) is expected: x1, y1, x2, y2 of each person, or (N, 5) with a score each"
        )
    return array if array.shape[1] == 5 else np.column_stack([array, np.ones(len(array))])
