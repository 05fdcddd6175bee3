"""Videos, cameras and folders, one item after the other. The system's OpenCV, or else cv2, is loaded with the first video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError, IoError
from ._files import _MAX_PIXELS, _needs_codecs


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and its place in time. A Stream takes it as it is."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3), BGR, upright; owned by the frame."""
    index: int
    """Position in the video, from 0; frames that could not be decoded count."""
    time_s: float
    """Seconds from the start, as the container has it; a camera's from its first frame."""


class VideoReader:
    """The frames of a video file or a camera: an iterator, and a context manager that closes it.

    source: path of a file, or the number of a camera. Nothing but a file is opened: no network address, no playlist.
    max_pixels: videos with larger frames are refused.

    The system's OpenCV decodes, or, where posekit's library for videos finds none, the environment's cv2 does; cameras need the system's.

    Any thread may take the next frame. Decoding uses threads of FFmpeg's own.

    At the end of a file that is cut off, or has no frame that can be decoded, the iteration raises IoError, after the frames that could be
    read. Frames that can't be decoded are skipped and counted.

    Raises NotFoundError (no such file, or no OpenCV), IoError, InvalidArgumentError (more than max_pixels).
    """

    def __init__(self, source: str | os.PathLike[str] | int, *, max_pixels: int = _MAX_PIXELS) -> None:
        with _needs_codecs():
            from . import _io
        self._video = _io.Video(source, max_pixels)

    @property
    def width(self) -> int:
        """Pixels of an upright frame."""
        return self._video.size[0]

    @property
    def height(self) -> int:
        """Pixels of an upright frame."""
        return self._video.size[1]

    @property
    def fps(self) -> float:
        """Mean frames a second, 0 if not known. The frames' own times count."""
        return self._video.fps

    @property
    def frames(self) -> int | None:
        """How many there are, None if not known; an estimate for Matroska and WebM."""
        return self._video.frames

    @property
    def rotation(self) -> int:
        """Degrees clockwise by which the stored frames were turned: 0, 90, 180 or 270."""
        return self._video.rotation

    @property
    def skipped(self) -> int:
        """How many frames could not be decoded so far."""
        return self._video.skipped

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        read = self._video.read()
        if read is None:
            raise StopIteration
        return Frame(*read)

    def close(self) -> None:
        """Frees the file or the camera. Taking another frame then raises ClosedError."""
        self._video.close()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_video(source: str | os.PathLike[str] | int, *, max_pixels: int = _MAX_PIXELS) -> VideoReader:
    """Opens a video file, or the camera of that number. See VideoReader."""
    return VideoReader(source, max_pixels=max_pixels)


def _listed(
    folder: str | os.PathLike[str],
    shard: tuple[int, int],
    on_error: Callable[[IoError], object] | None,
    on_left_out: Callable[[dict[str, int]], object] | None,
    videos: bool,
) -> Iterator[Path]:
    index, count = shard
    if index < 0 or index >= count:
        raise InvalidArgumentError(f"shard {shard} was given, (index, count) with 0 <= index < count is expected")
    with _needs_codecs():
        from . import _io
    listing = _io.FolderListing(folder, index, count)

    def paths() -> Iterator[Path]:
        while (found := listing.next()) is not None:
            path, is_video, problem = found
            if problem:
                error = IoError(f'"{path}" can\'t be listed ({problem}): check the path and its permissions')
                if on_error is None:
                    raise error
                on_error(error)
            elif is_video == videos:
                yield path
        if on_left_out is not None:
            on_left_out(listing.left_out())

    return paths()


def list_images(
    folder: str | os.PathLike[str],
    *,
    shard: tuple[int, int] = (0, 1),
    on_error: Callable[[IoError], object] | None = None,
    on_left_out: Callable[[dict[str, int]], object] | None = None,
) -> Iterator[Path]:
    """The image files below a folder, sub-folders and linked folders included, sorted.

    They are found while it is iterated: a million files are never held at once.

    shard=(i, n): only part i of n. The parts are disjoint, together they are all, and a file's part stays when others come or go: it is the
        program's ``--shard i/n``.
    on_error: called with the IoError of a folder that can't be listed, and the iteration goes on; None: the error is raised and ends it.
    on_left_out: called at the end with what was left out, as counts: of files that are neither images nor videos, by extension, of "hidden
        names", "linked folders" (that are searched anyway), "results of posekit", "pipes and devices".

    Raises InvalidArgumentError and, while it is iterated, IoError.
    """
    return _listed(folder, shard, on_error, on_left_out, videos=False)


def list_videos(
    folder: str | os.PathLike[str],
    *,
    shard: tuple[int, int] = (0, 1),
    on_error: Callable[[IoError], object] | None = None,
    on_left_out: Callable[[dict[str, int]], object] | None = None,
) -> Iterator[Path]:
    """The video files below a folder, as list_images."""
    return _listed(folder, shard, on_error, on_left_out, videos=True)


def is_video_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file's extension is that of a video, as list_videos has it. The file is not looked at."""
    with _needs_codecs():
        from . import _io
    return _io.is_video_name(path)


def silence_video_messages() -> None:
    """From now on FFmpeg writes no complaints about broken files to standard error.

    Process-wide: call it before the first video is opened and before other threads start.

    It sets the environment variable OPENCV_FFMPEG_LOGLEVEL, unless that is set, and the log level of the OpenCV that posekit uses (no other copy's).
    """
    with _needs_codecs():
        from . import _io
    _io.silence_video_messages()
