"""PersonDetector: image in, boxes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error, error_of
from ._executors import Executor
from ._images import Image, is_rgb, pixels_of
from ._model import Metadata, Model, PathLike, metadata_choice, shipped_model
from ._results import DetectionResult, Timings


class PersonDetector(Model[_core.PersonDetector]):
    """Finds people with one detection model. Immutable: any number of threads may call it at once. Pickles and forks as PoseEstimator does.

    model: TorchScript file with task "detect"; None = the shipped person_detector.pt. Loading runs code from the file.
    max_batch: looks in one forward; 0 = 1 on a CPU, 16 on a GPU. Halved, and remembered, while memory does not hold them.
    score_threshold, nms_iou, max_persons: override the metadata.
    tiles: also look at half-overlapping square tiles, sides as fractions of the longer side in (0, 1]. For small people and groups.
    The rest, and what is raised, is as in PoseEstimator.
    """

    def __init__(
        self,
        model: PathLike | None = None,
        *,
        device: str = "auto",
        precision: Literal["fp32", "fp16", "bf16"] = "fp32",
        executor: Executor | None = None,
        max_batch: int = 0,
        score_threshold: float | None = None,
        nms_iou: float | None = None,
        max_persons: int | None = None,
        tiles: Sequence[float] = (),
        metadata: Metadata | None = None,
        preset: str | None = None,
        sha256: str = "",
        warm_up: Literal["check", "none"] = "check",
    ) -> None:
        super().__init__(
            {
                "model": shipped_model("person_detector.pt") if model is None else model,
                "metadata": metadata_choice(metadata, preset),
                "sha256": sha256,
                "device": device,
                "precision": precision,
                "warm_up": warm_up,
                "executor": executor,
                "max_batch": max_batch,
                "score_threshold": score_threshold,
                "nms_iou": nms_iou,
                "max_persons": max_persons,
                "tiles": list(tiles),
            }
        )

    def _make(self, **options: Any) -> _core.PersonDetector:
        return _core.PersonDetector(**options)

    @property
    def info(self) -> _core.ModelInfo:
        """The model's metadata, complete, with the options' overrides."""
        return self._native.info

    @property
    def device(self) -> str:
        """Where the model runs: "cpu" or "cuda:N"; replicas joined by commas."""
        return self._native.device

    def detect(self, image: Image, *, format: Literal["bgr", "rgb"] = "bgr", timeout: float | None = None) -> npt.NDArray[np.float64]:
        """The people in one image, by falling score: (N, 5), x1, y1, x2, y2 in pixels, inside the image, and score.

        Raises InvalidArgumentError, DeadlineExceededError, InvalidModelError, ForkedError, …, and KeyboardInterrupt after the batch in flight.
        """
        result = self._run([pixels_of(image)], format, timeout)[0]
        if result.error is not None:
            raise result.error
        return result.boxes

    def detect_batch(
        self, images: Sequence[Image], *, format: Literal["bgr", "rgb"] = "bgr", timeout: float | None = None
    ) -> list[DetectionResult]:
        """The people in several images, of any sizes. One result for each image, in order; what concerns one is told in its `error`."""
        pixels, results = [], {}
        for index, image in enumerate(images):
            try:
                pixels.append(pixels_of(image))
            except Error as error:
                results[index] = DetectionResult(np.empty((0, 5)), error)
        done = iter(self._run(pixels, format, timeout))
        return [results[index] if index in results else next(done) for index in range(len(images))]

    def _run(self, pixels: list[npt.NDArray[np.uint8]], format: str, timeout: float | None) -> list[DetectionResult]:
        raw = self._native.detect_batch(pixels, is_rgb(format), timeout)
        return [DetectionResult(boxes, error_of(code, text) if code else None, Timings(*ms)) for code, text, boxes, ms in raw]
