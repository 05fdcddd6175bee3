"""Stream: frames in, results out, in order, while the stages work side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from ._results import PoseResult, pose_result
from ._tracker import Tracker

Frame = Union[Image, tuple[Image, float], tuple[Image, float, npt.ArrayLike]]
"""An image, (image, seconds), or (image, seconds, boxes)."""


@dataclass(eq=False)
class StreamResult:
    """One frame of a stream and what was found in it."""

    index: int
    """Position in the stream, from 0."""
    time_s: float
    image: Image
    """The image as it came."""
    boxes: npt.NDArray[np.float64]
    """(N, 5): given, detected, held from an earlier frame, or predicted by the tracker. result.box_indices point here."""
    detected: bool
    """Whether the detector looked at this very frame."""
    result: PoseResult
    """Whatever went wrong with this frame, in any stage, is its error."""


@dataclass(frozen=True)
class TimeStats:
    """Milliseconds: the mean over all, the quantiles over the last 1024."""

    count: int
    mean: float
    p50: float
    p99: float


@dataclass
class StreamMetrics:
    """Where a stream stands. accepted = delivered + failed + in_flight."""

    accepted: int
    delivered: int
    failed: int
    in_flight: int
    fps: float
    waiting_detect: int
    waiting_estimate: int
    waiting_track: int
    detect: TimeStats
    preprocess: TimeStats
    inference: TimeStats
    postprocess: TimeStats
    track: TimeStats
    age: TimeStats
    """From when a frame was read until its result was there."""


class Stream(Iterator[StreamResult]):
    """Iterates over the results of an endless iterable of frames, in order. Models work on the next frames while the caller has one.

    Frames are taken from the iterable on the caller's thread, when it asks for a result, at most `queue_frames` of them before their results are
    asked for. A frame that fails carries its error in its result and the stream goes on. If the iterable raises, the results of the frames
    before come first, then its exception. To end early, leave a `with` block, call `close`, or let the object go: that waits for the batch
    in flight. Ctrl-C while waiting for a result raises KeyboardInterrupt; the stream can be asked on, and that result comes next. (Ctrl-C
    while the iterable makes a frame is the iterable's to survive; that frame is not in the stream.) One thread at a time.

    frames: any iterable of images, (image, seconds) or (image, seconds, boxes). An image must not change until its result has come.
    estimator, detector: may be shared with other streams and calls; without a detector every frame brings its boxes. A Predictor, in the
        estimator's place, has both.
    format: "bgr" or "rgb" of the images.
    rate: frames a second, for the times of frames that come without one.
    queue_frames: most frames that are read before their results are asked for; 0 = 8 on a CPU, 64 on a GPU.
    batch_frames: most frames that one call of a model takes together; 0 = 1 on a CPU, 8 on a GPU.
    batch_wait: seconds a call waits for its batch to fill; 0: it takes what is there. Below frame_timeout, below half of it with a detector.
    detect_every: the detector looks at the first frame and every so many after it; those between hold its boxes, or have the
        tracker's predictions.
    detect_calls, estimate_calls: calls of the model that run side by side; estimate_calls 0 = 1 on a CPU, 2 on a GPU.
    frame_timeout: seconds; a frame not done so long after it was taken has DeadlineExceededError.
    tracker: gives results `track_ids` and smooth keypoints; frames' times must grow. With detect_every > 1 its predictions are the boxes of
        the frames between. It belongs to the stream until that has ended, and can't be used meanwhile; afterwards it can be saved or go on.

    Raises InvalidArgumentError, OutOfMemoryError, ForkedError.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        estimator: PoseEstimator | Predictor,
        detector: PersonDetector | None = None,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        rate: float = 30.0,
        queue_frames: int = 0,
        batch_frames: int = 0,
        batch_wait: float = 0.0,
        detect_every: int = 1,
        detect_calls: int = 1,
        estimate_calls: int = 0,
        frame_timeout: float | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        if not rate > 0:
            raise InvalidArgumentError(f"rate is {rate}, frames a second > 0 are expected")
        if isinstance(estimator, Predictor) and detector is not None:
            raise InvalidArgumentError("a detector was given beside a Predictor, which has its own or none: give it to the Predictor")
        predictor = estimator if isinstance(estimator, Predictor) else Predictor(estimator, detector)
        estimator = predictor.estimator
        self._rgb = is_rgb(format)
        self._rate = rate
        self._queue_frames = queue_frames or (8 if estimator.model.device.startswith("cpu") else 64)
        self._frames: Iterator[Frame] | None = iter(frames)
        if tracker is not None:
            tracker._check_set(estimator.keypoints, "estimator")
        self._keypoints, self._name = estimator.keypoints, estimator.info.name
        self._needs_boxes = predictor.detector is None
        self._tracked = tracker is not None
        self._count = 0  # frames that were submitted
        self._taken = 0  # results that were given
        self._failure: BaseException | None = None
        self._native = _core.Stream(
            predictor._native,
            None if tracker is None else tracker._native,
            queue_frames=self._queue_frames,
            batch_frames=batch_frames,
            batch_wait=batch_wait,
            detect_every=detect_every,
            detect_calls=detect_calls,
            estimate_calls=estimate_calls,
            frame_timeout=frame_timeout,
        )

    def __next__(self) -> StreamResult:
        while self._frames is not None and self._count - self._taken < self._queue_frames:
            try:
                frame = next(self._frames)
            except StopIteration:
                self._frames = None
            except Exception as failure:  # whatever it is, it is raised after the results before it
                self._frames, self._failure = None, failure
            else:
                self._submit(frame)
        done = self._native.take(self._taken) if self._taken < self._count else None
        if done is not None:
            frame: _Submitted = done.frame
            result = pose_result(done.result, self._keypoints, self._name, frame.size, tracked=self._tracked)
            if frame.problem is not None:
                result.error = frame.problem
            taken = StreamResult(frame.index, frame.time_s, frame.image, done.boxes, done.detected, result)
            # Ctrl-C comes up when a call ends. There is none from here on: the result is either given, or given when asked again.
            self._taken += 1
            return taken
        self.close()
        if self._failure is not None:
            raised, self._failure = self._failure, None
            raise raised
        raise StopIteration

    def _submit(self, frame: Frame) -> None:
        image: Any
        more: list[Any]
        image, *more = frame if isinstance(frame, tuple) else (frame,)
        time_s = float(more[0]) if more else self._count / self._rate
        pixels, boxes, size, problem = None, None, (0, 0), None
        try:
            pixels = pixels_of(image)
            size = size_of(pixels)
            if len(more) > 1:
                boxes = boxes_of(more[1])
            elif self._needs_boxes:
                raise InvalidArgumentError(f"frame {self._count} has no boxes and the stream no detector: give each frame its boxes, or a detector")
        except Error as error:
            pixels, boxes, problem = None, np.empty((0, 5)), error  # fails in its place
        index = self._count
        submitted = _Submitted(index, time_s, image, size, problem)
        self._count += 1
        try:
            self._native.submit(submitted, index, time_s, pixels, self._rgb, boxes)  # Ctrl-C comes up when it is done
        except Exception as failure:  # raised after the results before it, as the iterable's
            self._count -= 1
            self._frames, self._failure = None, failure

    def metrics(self) -> StreamMetrics:
        """A snapshot."""
        raw: dict[str, Any] = self._native.metrics()
        values: dict[str, Any] = {name: TimeStats(*value) if isinstance(value, tuple) else value for name, value in raw.items()}
        return StreamMetrics(**values)

    def close(self) -> None:
        """Ends the stream within the batch in flight and joins its threads. May be called again."""
        self._frames = None
        self._native.close()

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
    size: tuple[int, int]
    problem: Error | None
