"""Stream: frames in, results out, in order, while the stages work side by side."""

from __future__ import annotations

import collections
import math
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Union

import numpy as np
import numpy.typing as npt

from . import _core
from ._detector import PersonDetector
from ._errors import Error, InvalidArgumentError
from ._estimator import PoseEstimator
from ._images import Image, boxes_of, is_rgb, pixels_of, size_of
from ._predictor import Predictor
from ._results import PoseResult, keep_image, pose_result
from ._tracker import Tracker
from ._video import Frame

StreamInput = Union[Image, Frame, tuple[Image, float], tuple[Image, float, npt.ArrayLike]]
"""An image, a Frame, (image, seconds), or (image, seconds, boxes)."""
Overflow = Literal["block", "latest"]


@dataclass(eq=False)
class StreamResult:
    """One frame of a stream and what was found in it."""

    index: int
    """Position among the iterable's frames, from 0; dropped frames count."""
    time_s: float
    boxes: npt.NDArray[np.float64]
    """(N, 5): given, detected, held from an earlier frame, or predicted by the tracker. result.box_indices point here."""
    detected: bool
    """Whether the detector looked at this very frame."""
    result: PoseResult
    """The poses. Whatever went wrong with this frame, in any stage, is its error."""
    _image: Image = field(repr=False)
    _pixels: npt.NDArray[np.uint8] | None = field(repr=False)

    @property
    def image(self) -> Image:
        """The image as it came; a copy of what it was, if it has changed since."""
        return self._image if self._pixels is None or np.array_equal(self._pixels, pixels_of(self._image)) else self._pixels


@dataclass(frozen=True)
class TimeStats:
    """How long something took, in milliseconds: the mean over all, the quantiles over the last 1024."""

    count: int
    mean: float
    p50: float
    p99: float


@dataclass(frozen=True)
class StageMetrics:
    """A stage of a stream."""

    waiting: int
    """Frames that wait for the stage."""
    time: TimeStats
    """One frame's share of the stage; of frames that passed it."""


@dataclass(frozen=True)
class EstimateMetrics:
    """The stage of the estimator, with its parts as in Timings."""

    waiting: int
    """Frames that wait for the stage."""
    preprocess: TimeStats
    inference: TimeStats
    postprocess: TimeStats


@dataclass
class StreamMetrics:
    """A snapshot of a stream's counts and times: C++'s PipelineMetrics.

    accepted = delivered + failed + dropped + in_flight, at any moment.
    """

    accepted: int
    """Frames that were taken in."""
    refused: int
    """Always 0: a Stream never refuses a frame."""
    delivered: int
    """Frames whose result is there, without an error; with overflow="latest" those that the caller has had."""
    failed: int
    """The same of results with an error."""
    dropped: int
    """Frames that were dropped for a newer one. The caller never gets them."""
    in_flight: int
    """Frames on their way."""
    fps: float
    """Results a second, over the last 1024."""
    source: TimeStats
    """The iterable's time for one frame."""
    detect: StageMetrics
    estimate: EstimateMetrics
    track: StageMetrics
    """Its time: one frame's update of the tracker."""
    sink: StageMetrics
    """Its time: handing over one result; with overflow="latest" until the caller asked for the next."""
    age: TimeStats
    """From when a frame was taken in until its result was there."""


class Stream(Iterator[StreamResult]):
    """Iterates over the results of an endless iterable of frames, in order.

    Models work on the next frames while the caller has one. A frame that fails carries its error in its result and the stream goes on. If the
    iterable raises, the results of the frames before come first, then its exception.

    frames: any iterable of images, posekit.Frame, (image, seconds) or (image, seconds, boxes). Images are copied, so an iterable may fill one
        array again and again.
    estimator, detector: may be shared with other streams and calls; without a detector every frame brings its boxes. A Predictor, in the
        estimator's place, has both.
    format: "bgr" or "rgb" of the images.
    rate: frames a second, for the times of frames that come without one.
    overflow: "block": a frame is taken from the iterable when there is room for it, so nothing is left out. "latest": frames are taken as
        fast as they come, and the oldest waiting frame is dropped for the new one: for cameras. "refuse", C++'s third choice, is not for an
        iterator: nobody could be told.
    queue_frames: with "block" the most frames that are read before their results are asked for; 0 = 8 on a CPU, 64 on a GPU. With "latest" the
        most that wait for the first stage, and between two stages; 0 = just enough to keep every call busy.
    batch_frames: most frames that one call of a model takes together; 0 = 1 on a CPU, 8 on a GPU.
    batch_wait: seconds a call waits for its batch to fill; 0: it takes what is there. Below frame_timeout, below half of it with a detector.
    detect_every: the detector looks at the first frame and every detect_every-th after it; those between hold its boxes, or have the
        tracker's predictions.
    detect_calls, estimate_calls: calls of the model that run side by side; 0 = 1 on a CPU, 2 on a GPU.
    frame_timeout: seconds; a frame that is not done within this time after it was taken has DeadlineExceededError.
    tracker: gives results `track_ids` and smooth keypoints; frames' times must grow. With detect_every > 1 its predictions are the boxes of
        the frames between. It belongs to the stream until that has ended, and can't be used meanwhile; afterwards it can be saved or go on.

    One thread at a time may use a stream. With "block" the iterable runs on the thread that asks for a result, and only then. With "latest" it
    runs on a thread of the stream's own, from the first result that is asked for; a caller that is slow slows the models too, so that what it
    gets is recent.

    To end early, leave a `with` block, call `close`, or let the object go: that waits for the batch in flight and, with "latest", for the
    frame that the iterable is making. Ctrl-C while waiting for a result raises KeyboardInterrupt; the next call gives that result. (Ctrl-C
    while the iterable makes a frame is the iterable's to survive; that frame is not in the stream.)

    Raises InvalidArgumentError, OutOfMemoryError, ForkedError.
    """

    def __init__(
        self,
        frames: Iterable[StreamInput],
        estimator: PoseEstimator | Predictor,
        detector: PersonDetector | None = None,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        rate: float = 30.0,
        overflow: Overflow = "block",
        queue_frames: int = 0,
        batch_frames: int = 0,
        batch_wait: float = 0.0,
        detect_every: int = 1,
        detect_calls: int = 0,
        estimate_calls: int = 0,
        frame_timeout: float | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        if not rate > 0:
            raise InvalidArgumentError(f"rate is {rate}, frames a second > 0 are expected")
        if overflow not in ("block", "latest"):
            raise InvalidArgumentError(
                f'overflow {overflow!r} was given, "block" or "latest" is expected ("refuse" is for callers that submit frames, in C++ and C)'
            )
        if isinstance(estimator, Predictor) and detector is not None:
            raise InvalidArgumentError("a detector was given beside a Predictor, which has its own or none: give it to the Predictor")
        predictor = estimator if isinstance(estimator, Predictor) else Predictor(estimator, detector)
        estimator = predictor.estimator
        if tracker is not None:
            tracker._check_set(estimator.keypoints, "estimator")
        self._latest = overflow == "latest"
        if not self._latest:
            queue_frames = queue_frames or (8 if estimator.model.device.startswith("cpu") else 64)
        self._queue_frames = queue_frames
        self._keypoints, self._name = estimator.keypoints, estimator.info.name
        self._tracked = tracker is not None
        self._taken = 0  # results that were given
        iterator = iter(frames)
        self._native = _core.Stream(
            predictor._native,
            None if tracker is None else tracker._native,
            overflow=overflow,
            queue_frames=queue_frames,
            batch_frames=batch_frames,
            batch_wait=batch_wait,
            detect_every=detect_every,
            detect_calls=detect_calls,
            estimate_calls=estimate_calls,
            frame_timeout=frame_timeout,
        )
        self._feed = _Feed(iterator, self._native, is_rgb(format), rate, predictor.detector is None)
        self._end = weakref.finalize(self, _end, self._native, self._feed)

    def __next__(self) -> StreamResult:
        feed = self._feed
        if self._latest:
            feed.start()
        else:
            while feed.count - self._taken < self._queue_frames and feed.submit_next():
                pass
        done = self._native.take(self._taken) if self._latest or self._taken < feed.count else None
        if done is not None:
            frame: _Submitted = done.frame
            result = pose_result(done.result, self._keypoints, self._name, frame.size, tracked=self._tracked)
            result.frame, result.time_s = frame.index, frame.time_s
            keep_image(result, frame.pixels, self._feed.rgb)  # not the image, which the iterable may fill again
            if frame.problem is not None:
                result.error = frame.problem
            taken = StreamResult(frame.index, frame.time_s, done.boxes, done.detected, result, frame.image, frame.pixels)
            # Ctrl-C comes up when a call ends. There is none from here on: the result is either given, or given when asked again.
            self._taken += 1
            return taken
        self._end()
        failure, feed.failure = feed.failure, None
        if failure is not None:
            raise failure
        raise StopIteration

    def metrics(self) -> StreamMetrics:
        """A snapshot. Any thread may ask, at any time. Raises ForkedError."""
        raw: dict[str, Any] = self._native.metrics()
        for name in ("detect", "track", "sink"):
            waiting, time_of_frames = raw[name]
            raw[name] = StageMetrics(waiting, TimeStats(*time_of_frames))
        waiting, *parts = raw["estimate"]
        raw["estimate"] = EstimateMetrics(waiting, *(TimeStats(*part) for part in parts))
        raw["age"] = TimeStats(*raw["age"])
        return StreamMetrics(**raw, source=self._feed.source.stats())

    def close(self) -> None:
        """Ends the stream within the batch in flight and joins its threads. May be called again.

        With overflow="latest" it also waits for the frame that the iterable is making.
        """
        self._end()
        self._feed.failure = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, eq=False)
class _Submitted:
    """What comes back with a frame's result."""

    index: int
    time_s: float
    image: Any
    pixels: npt.NDArray[np.uint8] | None
    """A copy; None if the image can't be used."""
    size: tuple[int, int]
    problem: Error | None


class _TimeWindow:
    """Collects durations, as C++'s pipeline does for its stages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: collections.deque[float] = collections.deque(maxlen=1024)
        self._count, self._total = 0, 0.0

    def add(self, milliseconds: float) -> None:
        with self._lock:
            self._last.append(milliseconds)
            self._count += 1
            self._total += milliseconds

    def stats(self) -> TimeStats:
        with self._lock:
            last, count, total = sorted(self._last), self._count, self._total
        if count == 0:
            return TimeStats(0, 0.0, 0.0, 0.0)
        p50, p99 = (last[math.ceil(part * len(last)) - 1] for part in (0.5, 0.99))
        return TimeStats(count, total / count, p50, p99)


class _Feed:
    """A stream's frames on their way in. It knows nothing of the stream, which may be let go while a thread is in here."""

    def __init__(self, frames: Iterator[StreamInput], native: _core.Stream, rgb: bool, rate: float, needs_boxes: bool) -> None:
        self._frames: Iterator[StreamInput] | None = frames
        self._native = native
        self.rgb, self._rate, self._needs_boxes = rgb, rate, needs_boxes
        self._thread: threading.Thread | None = None
        self.count = 0
        """Frames that were submitted."""
        self.failure: BaseException | None = None
        """What ended the frames early, to be raised after the results before it."""
        self.source = _TimeWindow()

    def start(self) -> None:
        """Submits all frames on a thread of its own, as fast as they come."""
        if self._thread is None and self._frames is not None:
            self._thread = threading.Thread(target=self._run, name="posekit-source", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Takes no more frames."""
        self._frames = None

    def join(self) -> None:
        """Waits for the thread, after `stop` and the native stream's end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while self.submit_next():
                pass
        except BaseException as failure:  # the thread that asks for results raises it
            self._frames, self.failure = None, failure
        finally:
            self._native.finish()

    def submit_next(self) -> bool:
        """Takes a frame from the iterable and submits it. False: there is none, or `failure` says why not."""
        frames = self._frames
        if frames is None:
            return False
        start = time.perf_counter()
        try:
            frame = next(frames)
        except StopIteration:
            self._frames = None
            return False
        except Exception as failure:
            self._frames, self.failure = None, failure
            return False
        self.source.add((time.perf_counter() - start) * 1000)
        self._submit(frame)
        return self._frames is not None

    def _submit(self, frame: StreamInput) -> None:
        image: Any
        more: list[Any]
        image, *more = (frame.image, frame.time_s) if isinstance(frame, Frame) else frame if isinstance(frame, tuple) else (frame,)
        index = self.count
        time_s = float(more[0]) if more else index / self._rate
        pixels, boxes, size, problem = None, None, (0, 0), None
        try:
            if isinstance(image, Error):  # posekit.estimate could not read it
                raise image
            pixels = pixels_of(image)
            size = size_of(pixels)
            if not isinstance(image, np.ndarray) or np.may_share_memory(pixels, image):
                pixels = pixels.copy()
            if len(more) > 1:
                boxes = boxes_of(more[1])
            elif self._needs_boxes:
                raise InvalidArgumentError(f"frame {index} has no boxes and the stream no detector: give each frame its boxes, or a detector")
        except Error as error:
            pixels, boxes, problem = None, np.empty((0, 5)), error  # fails in its place
        submitted = _Submitted(index, time_s, image, pixels, size, problem)
        self.count += 1
        try:
            self._native.submit(submitted, index, time_s, pixels, self.rgb, boxes)  # Ctrl-C comes up when it is done
        except Exception as failure:  # raised after the results before it, as the iterable's
            self.count -= 1
            if self._frames is not None:  # else the stream was ended meanwhile, by another thread or the interpreter's end
                self._frames, self.failure = None, failure


def _end(native: _core.Stream, feed: _Feed) -> None:
    """Ends a stream. It is also called when the stream was let go, and when the interpreter ends."""
    feed.stop()
    native.close()
    feed.join()
