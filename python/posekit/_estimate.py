"""estimate: any source of images in, results out, in one call."""

from __future__ import annotations

import functools
import glob
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, overload

import numpy.typing as npt

from ._detector import PersonDetector
from ._errors import Error, InvalidArgumentError, IoError, NotFoundError
from ._estimator import PoseEstimator
from ._files import load_image
from ._images import Image, PilImage, SupportsCudaArrayInterface, is_pil
from ._model import Model, ModelSource
from ._predictor import Predictor
from ._results import PoseResult, failed_result, keep_image
from ._stream import Stream
from ._tracker import Tracker
from ._video import Frame, VideoReader, is_video_name, list_images, list_videos, open_video

Boxes = Union[npt.ArrayLike, Mapping[Any, npt.ArrayLike], Iterable[npt.ArrayLike]]
"""Of one image; by path, as read_boxes gives them; or of each image in turn."""

_RATE = 30.0
"""Frames a second of frames without a time."""


@overload
def estimate(
    source: str | os.PathLike[str],
    *,
    model: PoseEstimator | Model | ModelSource | None = None,
    detector: PersonDetector | Model | ModelSource | None = None,
    boxes: Boxes | None = None,
    track: bool | Tracker | None = None,
    detect_every: int = 1,
    device: str = "auto",
    keypoints: str | Sequence[str] | None = None,
    format: Literal["bgr", "rgb"] = "bgr",
    timeout: float | None = None,
) -> Any: ...
@overload
def estimate(
    source: Image | SupportsCudaArrayInterface | PilImage | bytes,
    *,
    model: PoseEstimator | Model | ModelSource | None = None,
    detector: PersonDetector | Model | ModelSource | None = None,
    boxes: Boxes | None = None,
    track: bool | Tracker | None = None,
    detect_every: int = 1,
    device: str = "auto",
    keypoints: str | Sequence[str] | None = None,
    format: Literal["bgr", "rgb"] = "bgr",
    timeout: float | None = None,
) -> PoseResult: ...
@overload
def estimate(
    source: int | Iterable[Any],
    *,
    model: PoseEstimator | Model | ModelSource | None = None,
    detector: PersonDetector | Model | ModelSource | None = None,
    boxes: Boxes | None = None,
    track: bool | Tracker | None = None,
    detect_every: int = 1,
    device: str = "auto",
    keypoints: str | Sequence[str] | None = None,
    format: Literal["bgr", "rgb"] = "bgr",
    timeout: float | None = None,
) -> Iterator[PoseResult]: ...
def estimate(
    source: Any,
    *,
    model: PoseEstimator | Model | ModelSource | None = None,
    detector: PersonDetector | Model | ModelSource | None = None,
    boxes: Boxes | None = None,
    track: bool | Tracker | None = None,
    detect_every: int = 1,
    device: str = "auto",
    keypoints: str | Sequence[str] | None = None,
    format: Literal["bgr", "rgb"] = "bgr",
    timeout: float | None = None,
) -> PoseResult | Iterator[PoseResult]:
    """The people of an image, or of every image of a source, with their poses.

    source: one image (the path or the bytes of a file, an array, a tensor, a PIL image) gives its result. An iterator over results comes of a
        folder's path (the images below it, then the videos), a glob, a video's path, the number of a camera, a VideoReader, and any iterable of
        images, paths and what a Stream takes.
    model, detector: a PoseEstimator and a PersonDetector, or what they are made of; None = the shipped ones. They are loaded by each call:
        Predictor.estimate keeps them.
    boxes: the people, in place of a detector: an array (N, 4) or (N, 5) for one image; for more, a mapping by path, as read_boxes gives it, or
        an iterable with an array for each image.
    track: whether results have `track_ids` and smooth keypoints, as from a Tracker of each video; or a Tracker for the whole source. None =
        for videos and cameras.
    detect_every: of videos, cameras, and what is tracked: the detector looks at every so many-th frame, as in Stream.
    device: where models are loaded that are not loaded yet, as in Model.
    keypoints: which are decoded, as in PoseEstimator.
    format: of arrays. Files and PIL images have their own.
    timeout: seconds for each image.

    The iterator reads images when their results are asked for, at most a few ahead, and keeps none. Results say their `path`, and those of
    videos `frame` and `time_s`. While a result is the iterator's last, it has its image for pictures; later the image must come from its file
    or the caller.

    One image's error is raised. In an iterator, what concerns one image or file is its result's `error`, and the others come; what the source
    itself raises comes after the results before it. Leaving early, `close()` and Ctrl-C end the iterator after the batch in flight. A camera's
    frames that come too fast are dropped, as with a Stream of overflow="latest". One thread at a time may use an iterator.

    Raises what PoseEstimator, PersonDetector and Predictor.predict raise, NotFoundError for a path that is not there or a glob without a match,
    InvalidArgumentError for a source of another kind.
    """
    if not isinstance(model, PoseEstimator):
        model = PoseEstimator(model, device=_given(device), keypoints=keypoints)
    elif keypoints is not None:
        raise InvalidArgumentError("keypoints were given beside a PoseEstimator, which has its own: pass them to the PoseEstimator")
    if not isinstance(detector, PersonDetector) and (boxes is None or detector is not None):
        detector = PersonDetector(detector, device=_given(device))
    return estimate_source(Predictor(model, detector), source, boxes, track, detect_every, format, timeout)


def _given(device: str) -> str | None:
    """None: a model that is loaded already may be passed."""
    return None if device == "auto" else device


def estimate_source(
    predictor: Predictor,
    source: Any,
    boxes: Any,
    track: bool | Tracker | None,
    detect_every: int,
    format: Literal["bgr", "rgb"],
    timeout: float | None,
) -> PoseResult | Iterator[PoseResult]:
    """See estimate."""
    if _is_image(source):
        return _of_one(predictor, source, boxes, format, timeout)
    run = _Run(predictor, _boxes_in_turn(boxes), track, detect_every, format, timeout)
    if isinstance(source, (VideoReader, int)) or _path_kind(source) == "video":
        video = source if isinstance(source, VideoReader) else open_video(source)
        return run.video(video, source)
    if isinstance(source, (str, os.PathLike)):
        return run.all(_found(source), own=False)
    if not isinstance(source, Iterable):
        raise InvalidArgumentError(
            f"a source of type {type(source).__name__} was given, an image, a path, a camera's number or an iterable of images is expected"
        )
    return run.all(iter(source), own=isinstance(source, Sequence))


def _is_file(source: Any) -> bool:
    """Whether load_image is for it."""
    return isinstance(source, (str, os.PathLike, bytes)) or is_pil(source)


def _is_image(source: Any) -> bool:
    if isinstance(source, (str, os.PathLike)):
        return _path_kind(source) == "image"
    return _is_file(source) or hasattr(source, "__dlpack__") or hasattr(source, "__cuda_array_interface__")


def _path_kind(source: Any) -> Literal["image", "video", "folder", "glob"] | None:
    """None: no path. A file that is not called a video is an image."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    name = os.fsdecode(source)
    if os.path.isdir(name):
        return "folder"
    if any(letter in name for letter in "*?[") and not os.path.lexists(name):
        return "glob"
    return "video" if is_video_name(name) else "image"


def _found(source: str | os.PathLike[str]) -> Iterator[Path]:
    """The files of a folder or a glob. Raises NotFoundError at once for a glob without a match."""
    if _path_kind(source) == "folder":
        return itertools.chain(list_images(source), list_videos(source))
    names = sorted(glob.glob(os.fsdecode(source), recursive=True))
    if not names:
        raise NotFoundError(f'the glob "{os.fsdecode(source)}" matches no file: check the path')
    return itertools.chain.from_iterable(_found(name) if os.path.isdir(name) else [Path(name)] for name in names)


def _of_one(predictor: Predictor, source: Any, boxes: Any, format: Literal["bgr", "rgb"], timeout: float | None) -> PoseResult:
    path = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else None
    given = _boxes_in_turn(boxes) if isinstance(boxes, Mapping) else None
    people = boxes if given is None else given(path)
    if isinstance(people, Error):
        raise people
    start = time.perf_counter()
    image = load_image(source) if _is_file(source) else source
    decode = (time.perf_counter() - start) * 1000
    result = predictor.predict(image, people, format="bgr" if _is_file(source) else format, timeout=timeout)
    if _is_file(source):
        keep_image(result, source if path is None else image, False)
        result.path, result.timings.decode = path, decode
    return result


def _boxes_in_turn(boxes: Any) -> Callable[[str | None], Any] | None:
    """What gives the boxes of the next image, or why it has none; None: the detector gives them."""
    if boxes is None:
        return None
    if isinstance(boxes, Mapping):
        by_path = {os.fsdecode(path): people for path, people in boxes.items()}
        return lambda path: by_path[path] if path in by_path else _lacks_boxes(path)
    turns = iter(boxes)

    def following(_: str | None) -> Any:
        try:
            return next(turns)
        except StopIteration:
            raise InvalidArgumentError("there are more images than boxes: give an array for each image (an empty one for nobody)") from None

    return following


def _lacks_boxes(path: str | None) -> InvalidArgumentError:
    image = "an image without a path" if path is None else f'"{path}"'
    return InvalidArgumentError(f"the boxes have no entry for {image}: add one (an empty array for nobody)")


@dataclass
class _Note:
    """What is known of an image that is in the stream."""

    path: str | None = None
    decode: float = 0.0
    timed: bool = False
    """Whether its place and time are the source's own."""
    frame: int | None = None
    owned: Any = None
    """The image as the caller has it, and will have it."""


@dataclass
class _Run:
    """A source's way through streams: one for each video, one for the images between two videos."""

    predictor: Predictor
    boxes: Callable[[str | None], Any] | None
    track: bool | Tracker | None
    detect_every: int
    format: Literal["bgr", "rgb"]
    timeout: float | None

    def all(self, items: Iterator[Any], own: bool) -> Iterator[PoseResult]:
        """own: the caller has the images and does not change them."""
        for is_video, group in itertools.groupby(items, lambda item: _path_kind(item) == "video"):
            if not is_video:
                yield from self._stream(functools.partial(self._images, group, own), self.track or False)
                continue
            for path in group:
                try:
                    video = open_video(path)
                except Error as error:
                    yield self._failed(error, path)
                else:
                    yield from self.video(video, path)

    def video(self, video: VideoReader, source: Any) -> Iterator[PoseResult]:
        path = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else None
        track = True if self.track is None else self.track
        try:
            yield from self._stream(functools.partial(self._frames, video, path), track, video=True, camera=isinstance(source, int))
        except IoError as error:  # a file that is cut off
            yield self._failed(error, path)
        finally:
            if video is not source:
                video.close()

    def _failed(self, error: Error, path: Any) -> PoseResult:
        estimator = self.predictor.estimator
        result = failed_result(error.with_traceback(None), estimator.keypoints, estimator.info.name, (0, 0))
        result.path = None if path is None else os.fsdecode(path)
        return result

    def _stream(
        self, frames: Callable[[deque[_Note]], Iterator[Any]], track: bool | Tracker, *, video: bool = False, camera: bool = False
    ) -> Iterator[PoseResult]:
        notes: deque[_Note] = deque()
        tracker = track if isinstance(track, Tracker) else Tracker(self.predictor.estimator.keypoints) if track else None
        with Stream(
            frames(notes),
            self.predictor,
            format="bgr" if video else self.format,
            rate=_RATE,
            overflow="latest" if camera else "block",
            detect_every=self.detect_every if tracker is not None or video else 1,
            frame_timeout=self.timeout,
            tracker=tracker,
        ) as stream:
            taken = 0
            for one in stream:
                while taken <= one.index:  # frames between were dropped
                    note = notes.popleft()
                    taken += 1
                result = one.result
                result.path, result.timings.decode = note.path, note.decode
                if not note.timed:
                    result.frame = result.time_s = None
                elif note.frame is not None:
                    result.frame = note.frame
                if note.owned is not None:
                    keep_image(result, note.owned, self.format == "rgb" and not _is_file(note.owned))
                yield result

    def _frames(self, video: Iterable[Frame], path: str | None, notes: deque[_Note]) -> Iterator[Any]:
        for frame in video:
            notes.append(_Note(path, timed=True, frame=frame.index))
            yield self._with_boxes(frame.image, frame.time_s, path)

    def _images(self, items: Iterable[Any], own: bool, notes: deque[_Note]) -> Iterator[Any]:
        for count, item in enumerate(items):
            if isinstance(item, (Frame, tuple)):
                notes.append(_Note(timed=True, frame=item.index if isinstance(item, Frame) else None))
                image, seconds, *rest = (item.image, item.time_s) if isinstance(item, Frame) else item
                yield item if rest else self._with_boxes(image, seconds, None)
                continue
            path = os.fsdecode(item) if isinstance(item, (str, os.PathLike)) else None
            note = _Note(path, owned=item if own and path is None else None)
            image = item
            if _is_file(item):
                start = time.perf_counter()
                try:
                    image = load_image(item)
                    image = image if self.format == "bgr" else image[:, :, ::-1]
                except Error as error:
                    image = error.with_traceback(None)  # which would keep this frame's image
                note.decode = (time.perf_counter() - start) * 1000
            notes.append(note)
            yield self._with_boxes(image, count / _RATE, path)

    def _with_boxes(self, image: Any, seconds: float, path: str | None) -> Any:
        if self.boxes is None:
            return image, seconds
        people = self.boxes(path)
        return (people, seconds) if isinstance(people, Error) else (image, seconds, people)
