"""Predictor: images in, people with their poses out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from . import _core
from ._detector import PersonDetector
from ._estimator import PoseEstimator
from ._images import Failed, Image, PilImage, Pixels, SupportsCudaArrayInterface, boxes_of, is_rgb, pixels_of, placed_pixels_of, take_images
from ._loading import Loadable
from ._results import PoseResult, batch_results

if TYPE_CHECKING:
    from ._estimate import Boxes
    from ._tracker import Tracker


class Predictor(Loadable[_core.Predictor]):
    """A detector, or none, and a pose estimator: one call for both.

    detector: None = every image comes with its boxes.

    Immutable: any number of threads may call it at once. Other code may use the estimator and the detector too. Pickles as the two do. After
    fork() every call in the child raises ForkedError.
    """

    def __init__(self, estimator: PoseEstimator, detector: PersonDetector | None = None) -> None:
        super().__init__({"estimator": estimator, "detector": detector})

    def __repr__(self) -> str:
        return f"Predictor({self.estimator!r}, {self.detector!r})"

    def _make(self, **options: Any) -> _core.Predictor:
        return _core.Predictor(self.estimator._native, None if self.detector is None else self.detector._native)

    @property
    def estimator(self) -> PoseEstimator:
        """What gives the poses."""
        estimator: PoseEstimator = self._options["estimator"]
        return estimator

    @property
    def detector(self) -> PersonDetector | None:
        """What finds the people, or None."""
        detector: PersonDetector | None = self._options["detector"]
        return detector

    def predict(
        self,
        image: Image | SupportsCudaArrayInterface,
        boxes: npt.ArrayLike | None = None,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> PoseResult:
        """The people of one image.

        image: as in PoseEstimator.estimate; in the CPU's memory where the detector looks at it.
        boxes: the image's people, maybe none, (N, 4) or (N, 5) as in PoseEstimator.estimate; None = the detector finds them.
        timeout: seconds for both steps; checked between batches.

        A box that can't be used is reported in `box_errors`; the other boxes get their poses.

        Raises InvalidArgumentError, DeadlineExceededError, InvalidModelError, ForkedError, …, and KeyboardInterrupt after the batch in flight.
        """
        result = self._run([image], [self._pixels_of(image, boxes)], [_given(boxes)], {}, format, timeout)[0]
        if result.error is not None:
            raise result.error
        return result

    def predict_batch(
        self,
        images: Sequence[Image | SupportsCudaArrayInterface],
        boxes_per_image: Sequence[npt.ArrayLike | None] | None = None,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> list[PoseResult]:
        """The people of several images, of any sizes.

        boxes_per_image: as in `predict`, for each image; None = the detector finds the people of all.

        Batches are filled across the images. Returns one result for each image, in order.

        What concerns one image or box, and a passed timeout, is reported in its result's `error` and `box_errors`, with what was finished kept.
        Raises InvalidArgumentError for misuse of the call as a whole, ForkedError, and KeyboardInterrupt after the batch in flight.
        """
        if boxes_per_image is None:
            boxes_per_image = [None] * len(images)
        return self._run(images, *take_images(images, boxes_per_image, self._pixels_of, _given), format, timeout)

    @overload
    def estimate(
        self,
        source: str | os.PathLike[str],
        *,
        boxes: Boxes | None = None,
        track: bool | Tracker | None = None,
        detect_every: int = 1,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> Any: ...
    @overload
    def estimate(
        self,
        source: Image | SupportsCudaArrayInterface | PilImage | bytes,
        *,
        boxes: Boxes | None = None,
        track: bool | Tracker | None = None,
        detect_every: int = 1,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> PoseResult: ...
    @overload
    def estimate(
        self,
        source: int | Iterable[Any],
        *,
        boxes: Boxes | None = None,
        track: bool | Tracker | None = None,
        detect_every: int = 1,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> Iterator[PoseResult]: ...
    def estimate(
        self,
        source: Any,
        *,
        boxes: Boxes | None = None,
        track: bool | Tracker | None = None,
        detect_every: int = 1,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> PoseResult | Iterator[PoseResult]:
        """The people of an image, or of every image of a source: posekit.estimate with this predictor's models, which stay loaded.

        Raises what posekit.estimate raises.
        """
        from ._estimate import estimate_source

        return estimate_source(self, source, boxes, track, detect_every, format, timeout)

    def _pixels_of(self, image: Any, boxes: npt.ArrayLike | None) -> Pixels:
        """The detector reads the CPU's memory."""
        return pixels_of(image) if boxes is None else placed_pixels_of(image, self.estimator.model.device)

    def _run(
        self,
        images: Sequence[Any],
        pixels: list[Pixels],
        boxes: list[npt.NDArray[np.float64] | None],
        failed: Failed,
        format: str,
        timeout: float | None,
    ) -> list[PoseResult]:
        rgb = is_rgb(format)
        native = [one.result for one in self._native.predict_batch(pixels, boxes, rgb, timeout)]
        return batch_results(native, images, pixels, failed, self.estimator.keypoints, self.estimator.info.name, rgb)


def _given(boxes: npt.ArrayLike | None) -> npt.NDArray[np.float64] | None:
    """None: the detector finds them."""
    return None if boxes is None else boxes_of(boxes)
