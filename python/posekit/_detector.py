"""PersonDetector: image in, boxes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error
from ._executors import Executor, native_executor
from ._images import Image, in_order, is_rgb, pixels_of
from ._loading import Loadable
from ._model import Metadata, Model, ModelSource, Precision, WarmUp, model_of
from ._results import DetectionResult, detection_result


class PersonDetector(Loadable[_core.PersonDetector]):
    """Finds people with one detection model.

    model: a posekit.Model, a path or bytes, as in PoseEstimator, with task "detect"; None = the shipped person_detector.pt.
    max_batch: windows in one forward; 0 = 1 on a CPU, 16 on a GPU. Halved, and remembered, while memory does not hold them.
    score_threshold: overrides the metadata; scores must exceed it.
    nms_iou: overrides the metadata; of two boxes that overlap more, the weaker is removed.
    max_persons: overrides the metadata; at most this many boxes are kept, the best.
    tiles: also look at half-overlapping square tiles, sides as fractions of the longer side, 1/64 to 1. For small people and groups.
    The other options are as in PoseEstimator.

    Immutable: any number of threads may call it at once. Pickles and forks as PoseEstimator does.

    Raises what PoseEstimator raises.
    """

    def __init__(
        self,
        model: Model | ModelSource | None = None,
        *,
        device: str | None = None,
        precision: Precision | None = None,
        executor: Executor | None = None,
        max_batch: int = 0,
        score_threshold: float | None = None,
        nms_iou: float | None = None,
        max_persons: int | None = None,
        tiles: Sequence[float] = (),
        metadata: Metadata | None = None,
        preset: str | None = None,
        sha256: str | None = None,
        warm_up: WarmUp | None = None,
        fuse: bool | None = None,
    ) -> None:
        load = {
            "device": device,
            "precision": precision,
            "metadata": metadata,
            "preset": preset,
            "sha256": sha256,
            "warm_up": warm_up,
            "fuse": fuse,
        }
        super().__init__(
            {
                "model": model_of(model, "person_detector.pt", **load),
                "executor": executor,
                "max_batch": max_batch,
                "score_threshold": score_threshold,
                "nms_iou": nms_iou,
                "max_persons": max_persons,
                "tiles": list(tiles),
            }
        )

    def __repr__(self) -> str:
        return f"PersonDetector({self.model!r}, executor={self._options['executor'] or 'SerialExecutor()'!s})"

    def _make(self, **options: Any) -> _core.PersonDetector:
        return _core.PersonDetector(**(options | {"model": self.model._native, "executor": native_executor(options["executor"])}))

    @property
    def model(self) -> Model:
        """The model that it uses."""
        model: Model = self._options["model"]
        return model

    @property
    def info(self) -> _core.ModelInfo:
        """The model's metadata with the options' overrides."""
        return self._native.info

    def detect(self, image: Image, *, format: Literal["bgr", "rgb"] = "bgr", timeout: float | None = None) -> npt.NDArray[np.float64]:
        """The people in one image, by falling score.

        Returns (N, 5): x1, y1, x2, y2 in pixels, inside the image, and score.

        Raises InvalidArgumentError, DeadlineExceededError, InvalidModelError, ForkedError, …, and KeyboardInterrupt after the batch in flight.
        """
        result = self._run([pixels_of(image)], format, timeout)[0]
        if result.error is not None:
            raise result.error
        return result.boxes

    def detect_batch(
        self, images: Sequence[Image], *, format: Literal["bgr", "rgb"] = "bgr", timeout: float | None = None
    ) -> list[DetectionResult]:
        """The people in several images, of any sizes.

        Returns one result for each image, in order; what concerns one image is reported in its `error`.

        Raises InvalidArgumentError for misuse of the call as a whole, ForkedError, and KeyboardInterrupt after the batch in flight.
        """
        pixels, failures = [], {}
        for index, image in enumerate(images):
            try:
                pixels.append(pixels_of(image))
            except Error as error:
                failures[index] = DetectionResult(np.empty((0, 5)), error)
        return in_order(self._run(pixels, format, timeout), failures)

    def _run(self, pixels: list[npt.NDArray[np.uint8]], format: str, timeout: float | None) -> list[DetectionResult]:
        return [detection_result(one) for one in self._native.detect_batch(pixels, is_rgb(format), timeout)]
