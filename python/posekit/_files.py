"""Image files, PIL images and drawing. The module behind it links image codecs and is loaded when it is first used."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError, IoError
from ._images import Image, is_pil, is_rgb, pixels_of
from ._results import PoseResult, native_result

_MAX_PIXELS = 1 << 28


@contextlib.contextmanager
def _needs_codecs() -> Iterator[None]:
    """Around the import of the module that links image codecs: says what to do where one is missing."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"image files and drawing need the system's image codecs that posekit was built with ({error}): install them (Debian, Ubuntu: "
            "apt-get install libjpeg-dev libpng-dev libwebp-dev libtiff-dev libopenjp2-7-dev)"
        ) from error


def read_image(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> npt.NDArray[np.uint8]:
    """Reads an image file as upright BGR (H, W, 3).

    JPEG, PNG, WebP, TIFF, BMP and JPEG 2000 are read; docs/formats.md says what of each. The EXIF orientation is applied, 16-bit values are
    scaled by 1/257, CMYK is converted, gray is spread, alpha is dropped. A 16-bit image that uses less than an eighth of its range is noted
    in the log.

    Raises NotFoundError, IoError (not an image, broken, not readable), InvalidArgumentError (more than max_pixels).
    """
    with _needs_codecs():
        from . import _io
    return _io.read_image(path, max_pixels)


def decode_image(file: bytes, name: str = "image", *, max_pixels: int = _MAX_PIXELS) -> npt.NDArray[np.uint8]:
    """As read_image, from the file's bytes. name: what messages call the image."""
    with _needs_codecs():
        from . import _io
    return _io.decode_image(file, name, max_pixels)


def input_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height of an image file, upright, or of a video's frames."""
    with _needs_codecs():
        from . import _io
    return _io.input_size(path, _MAX_PIXELS)


def load_image(source: Any, *, range: tuple[float, float] | None = None) -> npt.NDArray[np.uint8]:
    """An upright BGR image (H, W, 3) of a path, a file's bytes or a PIL image (whose EXIF orientation is applied too).

    range: of a PIL image of floating-point values (mode F), the values of black and white: (0, 1) or (0, 255).

    PIL's modes I and I;16 are scaled as 16-bit files are.

    Raises what read_image does; IoError also for a PIL image whose file is broken, InvalidArgumentError for a mode or for values that are not
    of the range.
    """
    if is_pil(source):
        return _from_pil(source, range)
    if range is not None:
        raise InvalidArgumentError(f"range {range} was given for {type(source).__name__}, a PIL image of mode F is expected: leave it out")
    if isinstance(source, bytes):
        return decode_image(source)
    if isinstance(source, (str, os.PathLike)):
        return read_image(source)
    raise InvalidArgumentError(f"an object of type {type(source).__name__} was given, a path, a file's bytes or a PIL image is expected")


def _from_pil(image: Any, range: tuple[float, float] | None) -> npt.NDArray[np.uint8]:
    from PIL import ImageOps

    try:
        upright = ImageOps.exif_transpose(image)
        upright.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise IoError(f"the PIL image can't be decoded ({error}): fetch its file again, or convert it to PNG or JPEG") from error
    mode = upright.mode
    if (range is not None) != (mode == "F"):
        raise InvalidArgumentError(
            f"a PIL image of mode {mode} was given {'without' if mode == 'F' else 'with'} a range, one is expected for mode F alone: "
            + ("pass range=(0, 1) or (0, 255)" if mode == "F" else "leave it out")
        )
    if range is not None:
        return _spread(_from_float(np.asarray(upright, np.float64), range))
    if mode == "I" or mode.startswith("I;16"):
        return _from_16_bits(np.asarray(upright))
    try:
        rgb = upright.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, mode)).convert("RGB")
    except ValueError as error:
        raise InvalidArgumentError(f"a PIL image of mode {mode} was given ({error}), a mode that becomes RGB is expected: convert it") from error
    return np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])


def _spread(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(gray[:, :, np.newaxis], 3, axis=2)


def _check_values(values: npt.NDArray[Any], mode: str, low: float, high: float) -> None:
    if not (values.min() >= low and values.max() <= high):  # NaN is neither
        raise InvalidArgumentError(
            f"a PIL image of mode {mode} has values from {values.min()} to {values.max()}, {low} to {high} is expected: scale them"
        )


def _from_float(values: npt.NDArray[np.float64], range: tuple[float, float]) -> npt.NDArray[np.uint8]:
    if tuple(range) not in ((0, 1), (0, 255)):
        raise InvalidArgumentError(f"range {range} was given, (0, 1) or (0, 255) is expected: scale the image to one of them")
    _check_values(values, "F", *range)
    return np.rint(values * (255 / range[1])).astype(np.uint8)


def _from_16_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """By way of a file, which has one reader and one note about values of fewer bits."""
    from PIL import Image as PilImage

    _check_values(values, "I", 0, 65535)
    file = io.BytesIO()
    PilImage.fromarray(values.astype(np.uint16)).save(file, "PNG", compress_level=0)
    return decode_image(file.getvalue(), "PIL image")


def write_image(path: str | os.PathLike[str], image: Image, *, format: Literal["bgr", "rgb"] = "bgr", sync: bool = True) -> None:
    """Writes an image as PNG or JPEG, as the extension says (.png, .jpg, .jpeg), whole or not at all.

    sync: the bytes are on the disk before the file has its name; else a power cut may leave a file that lacks some.

    Raises InvalidArgumentError, IoError.
    """
    with _needs_codecs():
        from . import _io
    _io.write_image(path, pixels_of(image), is_rgb(format), sync)


def draw_poses(
    image: Image, result: PoseResult, *, min_score: float = 0.3, boxes: bool = True, format: Literal["bgr", "rgb"] = "bgr"
) -> npt.NDArray[np.uint8]:
    """A copy of the image with the poses drawn on it.

    min_score: keypoints below are not drawn, nor links with such an end; above, low scores are faded.
    boxes: also draw each person's box.

    Returns (H, W, 3) in the same order of colours; gray is spread to three channels, alpha is dropped. A person with a track id gets box and
    links in a colour of that id.

    Raises InvalidArgumentError if the result's arrays were changed and do not fit together.
    """
    with _needs_codecs():
        from . import _io
    return _io.draw_poses(pixels_of(image), is_rgb(format), native_result(result), result.keypoint_set, min_score, boxes)
