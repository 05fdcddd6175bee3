"""Boxes of people from a file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import InvalidArgumentError
from ._files import input_size

Path = TypeVar("Path", bound="str | os.PathLike[str]")


def read_boxes(
    path: str | os.PathLike[str],
    images: Iterable[Path] | Mapping[Path, tuple[int, int]],
    *,
    annotations: str | os.PathLike[str] | None = None,
    category: int | None = None,
    score_threshold: float | None = None,
    scale: bool = False,
    subset_of_boxes: bool = False,
) -> dict[Path, npt.NDArray[np.float64]]:
    """The boxes that a file has for images, by image: arrays (N, 5) of x1, y1, x2, y2, score, in pixels of the upright image.

    The file is a map of images, COCO annotations or COCO detection results, as JSON or JSON lines, in UTF-8 or UTF-16. It is what the program
    takes with ``--boxes``. An entry belongs to the image whose path has the longest tail in common with the entry's name.

    images: paths of images or videos, whose sizes are read from the files; or a mapping of paths to (width, height).
    annotations: COCO annotations that the whole numbers of the file are the image ids of.
    category: the category id of people; None: the category named person, and 1 where none has a name.
    score_threshold: boxes must have a score above this; None: every box is taken.
    scale: scale boxes where the file states another size of the image, of the same shape.
    subset_of_boxes: entries that fit none of the images are no error.

    An image without an entry has no people, which is an error where the file lists its images. Boxes that are left out, images in
    another folder than the file says, and images without an entry give a UserWarning.

    Raises NotFoundError, IoError, InvalidArgumentError (another form, a name of two images, an unclear category, sizes that differ, fractions
    in place of pixels, entries or images that are left over).
    """
    if isinstance(images, (str, os.PathLike)):
        raise InvalidArgumentError(f'images is the path "{images}", several paths are expected: pass ["{images}"]')
    sizes = dict(images) if isinstance(images, Mapping) else dict.fromkeys(images)
    file = _core.BoxesFile(path, list(sizes), annotations, category, score_threshold, scale)
    if file.unused_entries and not subset_of_boxes:
        raise InvalidArgumentError(
            f'boxes file "{path}": entries that fit no image: {len(file.unused_entries)}, "{file.unused_entries[0]}" is the first: '
            "pass the missing images, or subset_of_boxes=True"
        )
    missing = [image for image in sizes if not file.has_entry(image)]
    if missing and file.lists_images:
        raise InvalidArgumentError(
            f'boxes file "{path}": images without an entry: {len(missing)}, "{missing[0]}" is the first: write an empty list '
            "for an image without people"
        )
    notes = list(file.notes)
    if missing:
        notes.append(f'boxes file "{path}": images without an entry: {len(missing)}, "{missing[0]}" is the first: they have no people')
    for note in notes:
        warnings.warn(note, stacklevel=2)
    without = set(missing)
    nobody = np.empty((0, 5))
    return {image: nobody.copy() if image in without else file.boxes(image, *(size or input_size(image))) for image, size in sizes.items()}
