"""Images and boxes of a caller as the arrays that the native code takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error, InvalidArgumentError


class SupportsDLPack(Protocol):
    """For example a NumPy array or a torch.Tensor."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


class SupportsCudaArrayInterface(Protocol):
    """For example a Numba device array."""

    @property
    def __cuda_array_interface__(self) -> Mapping[str, Any]: ...


class PilImage(Protocol):
    """A PIL image."""

    def getexif(self) -> Any: ...
    def convert(self, *args: Any, **kwargs: Any) -> Any: ...


Image = SupportsDLPack
"""uint8 of shape (H, W), (H, W, 3) or (H, W, 4), in the CPU's memory; for PoseEstimator also on its CUDA device."""
Pixels = npt.NDArray[np.uint8] | _core.DeviceImage

Taken = TypeVar("Taken")
Result = TypeVar("Result")
Failed = dict[int, tuple[Error, tuple[int, int]]]
"""By the index of an image: why it can't be used, and its size."""

_DLPACK_CUDA = (2, 13)  # kDLCUDA, kDLCUDAManaged
_LEGACY_DEFAULT_STREAM = 1  # as DLPack numbers it


def is_rgb(format: str) -> bool:
    if format not in ("bgr", "rgb"):
        raise InvalidArgumentError(f'format {format!r} was given, "bgr" or "rgb" is expected (gray and alpha follow from the shape)')
    return format == "rgb"


def _brief(error: Exception) -> str:
    """An error's class and first sentence: pybind11 lists every signature after it."""
    return f"{type(error).__name__}: {str(error).partition('. ')[0]}"


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


def _has_whole_rows(image: Pixels) -> bool:
    """Whether the pixels of each row follow each other, and rows go down in memory."""
    height, width, channels = (*image.shape, 1)[:3]
    rows, columns, values = (*image.strides, 1)[:3]
    return (channels == 1 or values == 1) and (width == 1 or columns == channels) and (height == 1 or rows >= width * channels)


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        first = len(shape) == 3 and shape[0] in (1, 3, 4)
        hint = ": the channels come last (array.transpose(1, 2, 0), tensor.permute(1, 2, 0))" if first else ""
        raise InvalidArgumentError(f"an image of shape {shape} was given, (H, W), (H, W, 3) or (H, W, 4) is expected{hint}")
    if 0 in shape:
        raise InvalidArgumentError(f"an image of shape {shape} was given, at least one pixel is expected")


def pixels_of(image: Image) -> npt.NDArray[np.uint8]:
    """The image as an array whose rows are whole: its own memory if they are already, else one copy."""
    array = _array_of(image)
    if array.dtype != np.uint8:
        raise InvalidArgumentError(
            f"an image of dtype {array.dtype} was given, uint8 is expected: scale to 0..255 and use astype(numpy.uint8)"
        )
    _check_shape(array.shape)
    return array if _has_whole_rows(array) else np.ascontiguousarray(array)


def placed_pixels_of(image: Any, model_device: str) -> Pixels:
    """As pixels_of; an image on a CUDA device stays there and is never copied.

    model_device: where the model runs, for images that don't tell their device.
    """
    if _lies_on_cuda(image):
        placed = _from_dlpack(image)
    elif not hasattr(image, "__dlpack__") and hasattr(image, "__cuda_array_interface__"):
        placed = _from_cuda_array_interface(image, model_device)
    else:
        return pixels_of(image)
    _check_shape(placed.shape)
    if not _has_whole_rows(placed):
        raise InvalidArgumentError(
            f"an image on cuda:{placed.device} has strides {placed.strides}: nothing is copied there, so the pixels of each row must follow "
            "each other (tensor.contiguous())"
        )
    return placed


def _lies_on_cuda(image: Any) -> bool:
    try:
        return image.__dlpack_device__()[0] in _DLPACK_CUDA
    except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):
        return False


def _from_dlpack(image: Any) -> _core.DeviceImage:
    """Its maker lets the default stream wait for the pixels; posekit waits for that one."""
    try:
        return _core.DeviceImage(image.__dlpack__(stream=_LEGACY_DEFAULT_STREAM))
    except InvalidArgumentError:
        raise
    except (BufferError, RuntimeError, TypeError) as error:
        raise InvalidArgumentError(
            f"the image can't be read on its device ({_brief(error)}): make its device the current one (torch.cuda.device(tensor.device)), "
            "or pass one in the CPU's memory (tensor.cpu())"
        ) from error


def _from_cuda_array_interface(image: SupportsCudaArrayInterface, model_device: str) -> _core.DeviceImage:
    """https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html, versions 2 and 3. It does not tell the device: the model's."""
    name, _, number = model_device.partition(":")
    device = int(number) if name == "cuda" and number.isdigit() else 0
    try:
        facts = image.__cuda_array_interface__
        typestr, (pointer, _), stream = facts["typestr"], facts["data"], facts.get("stream")
        if typestr != "|u1":
            raise InvalidArgumentError(f"an image of type {typestr!r} was given, uint8 ('|u1') is expected: scale to 0..255 and convert it")
        if facts.get("mask") is not None:
            raise InvalidArgumentError("an image with a mask was given, one without is expected: fill what the mask hides")
        if stream is not None and (not isinstance(stream, int) or stream <= 0):
            raise InvalidArgumentError(f"the image's __cuda_array_interface__ names stream {stream!r}, None, 1, 2 or a handle is expected")
        return _core.DeviceImage(image, pointer, tuple(facts["shape"]), facts.get("strides"), device, 0 if stream is None else stream)
    except InvalidArgumentError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgumentError(f"the image's __cuda_array_interface__ can't be read ({_brief(error)}): pass a NumPy array or a tensor") from error


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


def is_pil(image: object) -> bool:
    """Whether it is a PIL image, without PIL."""
    return hasattr(image, "getexif") and hasattr(image, "convert")


def size_of(image: Pixels) -> tuple[int, int]:
    """Width, height."""
    return (image.shape[1], image.shape[0])


def take_images(
    images: Sequence[Any],
    boxes_per_image: Sequence[Any],
    pixels_of_image: Callable[[Any, Any], Pixels],
    boxes_of_image: Callable[[Any], Taken],
) -> tuple[list[Pixels], list[Taken], Failed]:
    """What can be used of a batch call, and what can't.

    Raises InvalidArgumentError if the number of images is not that of the lists of boxes.
    """
    if len(images) != len(boxes_per_image):
        raise InvalidArgumentError(f"{len(images)} images and boxes for {len(boxes_per_image)} images were given, the same number of both is expected")
    pixels: list[Pixels] = []
    boxes: list[Taken] = []
    failed: Failed = {}
    for index, (image, people) in enumerate(zip(images, boxes_per_image)):
        size = (0, 0)
        try:
            taken = pixels_of_image(image, people)
            size = size_of(taken)
            boxes.append(boxes_of_image(people))
            pixels.append(taken)
        except Error as error:
            failed[index] = (error, size)
    return pixels, boxes, failed


def in_order(done: Sequence[Result], failures: Mapping[int, Result]) -> list[Result]:
    """A batch call's results in the order of its images. failures: by the image's index."""
    rest = iter(done)
    return [failures[index] if index in failures else next(rest) for index in range(len(done) + len(failures))]
