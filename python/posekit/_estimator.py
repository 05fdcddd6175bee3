"""PoseEstimator: boxes in, poses out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error, InvalidArgumentError
from ._executors import Executor
from ._images import Image, SupportsCudaArrayInterface, boxes_of, is_rgb, placed_pixels_of
from ._model import Metadata, Model, PathLike, metadata_choice, shipped_model
from ._results import PoseResult, failed_result, pose_result


class PoseEstimator(Model[_core.PoseEstimator]):
    """Top-down pose estimation with one model. Immutable: any number of threads may call it at once, and the weights are shared.

    For one model and one number of Torch threads the results on a CPU are bit-equal on every executor and every run. Pickles as its
    options: another process loads the model again, when it first uses it. After fork() every call in the child raises ForkedError.

    model: TorchScript file; None = the shipped pose_landmark_full.pt. Loading runs code from the file: open only files you trust.
    device: "auto" (CUDA if there is one, else the CPU), "cpu", "cuda", "cuda:N". Several of one kind joined by commas ("cuda:0,cuda:1"): a
        replica on each, with a thread of its own; they share the work, and replicas on one device the weights.
    precision: "fp32", "fp16" or "bf16".
    executor: where crops are warped and outputs decoded; None = Serial().
    max_batch: persons in one forward; 0 = 1 on a CPU, 16 on a GPU. Halved, and remembered, while memory does not hold them.
    box_padding: overrides the metadata; > 0.
    keypoints: a subset's name, or names of keypoints; None = all. Only these are decoded.
    flip_test: average with the mirrored crop: about twice the time, a little more accuracy.
    metadata, preset: a document, the path of one, or a preset's name, instead of what the model brings.
    sha256: checksum that the file must have; "" = not checked.
    warm_up: "check" runs one black crop to hold the model against its metadata, "none" leaves that to the first batch.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, DeviceUnavailableError, InvalidArgumentError,
    OutOfMemoryError, and ForkedError where Torch could hang.
    """

    def __init__(
        self,
        model: PathLike | None = None,
        *,
        device: str = "auto",
        precision: Literal["fp32", "fp16", "bf16"] = "fp32",
        executor: Executor | None = None,
        max_batch: int = 0,
        box_padding: float | None = None,
        keypoints: str | Sequence[str] | None = None,
        flip_test: bool = False,
        metadata: Metadata | None = None,
        preset: str | None = None,
        sha256: str = "",
        warm_up: Literal["check", "none"] = "check",
    ) -> None:
        super().__init__(
            {
                "model": shipped_model() if model is None else model,
                "metadata": metadata_choice(metadata, preset),
                "sha256": sha256,
                "device": device,
                "precision": precision,
                "warm_up": warm_up,
                "executor": executor,
                "max_batch": max_batch,
                "box_padding": box_padding,
                "keypoints": [keypoints] if isinstance(keypoints, str) else list(() if keypoints is None else keypoints),
                "flip_test": flip_test,
            }
        )

    def _make(self, **options: Any) -> _core.PoseEstimator:
        return _core.PoseEstimator(**options)

    @property
    def info(self) -> _core.ModelInfo:
        """The model's metadata, complete."""
        return self._native.info

    @property
    def keypoints(self) -> _core.KeypointSet:
        """What the keypoints of a result mean: the model's set, or the subset that was asked for."""
        return self._native.keypoints

    @property
    def device(self) -> str:
        """Where the model runs: "cpu" or "cuda:N"; replicas joined by commas."""
        return self._native.device

    def estimate(
        self,
        image: Image | SupportsCudaArrayInterface,
        boxes: npt.ArrayLike,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> PoseResult:
        """Estimates the people of one image. A box that can't be used is told in `box_errors`; its neighbours get their poses.

        image: uint8 (H, W), (H, W, 3) or (H, W, 4), not copied if the pixels of each row follow each other. Nobody may write to it meanwhile.
            One that lies on the CUDA device that the model runs on (`__dlpack__`, `__cuda_array_interface__`) is cropped there, never copied.
        boxes: (N, 4) x1, y1, x2, y2 in pixels, or (N, 5) with a score each: what PersonDetector.detect gives.
        timeout: seconds; checked between batches.

        Raises InvalidArgumentError, DeadlineExceededError, InvalidModelError, ForkedError, …, and KeyboardInterrupt after the batch in flight.
        """
        result = self._run([placed_pixels_of(image, self.device)], [boxes_of(boxes)], format, timeout)[0]
        if result.error is not None:
            raise result.error
        return result

    def estimate_batch(
        self,
        images: Sequence[Image | SupportsCudaArrayInterface],
        boxes_per_image: Sequence[npt.ArrayLike],
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> list[PoseResult]:
        """Estimates the people of several images, of any sizes, and fills batches across them. One result for each image, in order.

        What concerns one image or box, and a passed timeout, is told in its result's `error` and `box_errors`, with what was finished kept.
        Raises InvalidArgumentError for misuse of the call as a whole, ForkedError, and KeyboardInterrupt after the batch in flight.
        """
        if len(images) != len(boxes_per_image):
            raise InvalidArgumentError(f"{len(images)} images and boxes for {len(boxes_per_image)} images were given, as many are expected")
        is_rgb(format)
        pixels, boxes, results, device = [], [], {}, self.device
        for index, (image, people) in enumerate(zip(images, boxes_per_image)):
            size = (0, 0)
            try:
                taken = placed_pixels_of(image, device)
                size = (taken.shape[1], taken.shape[0])
                boxes.append(boxes_of(people))
                pixels.append(taken)
            except Error as error:
                results[index] = failed_result(error, self.keypoints, self.info.name, size)
        done = iter(self._run(pixels, boxes, format, timeout))
        return [results[index] if index in results else next(done) for index in range(len(images))]

    def _run(
        self,
        pixels: Sequence[npt.NDArray[np.uint8] | _core.DeviceImage],
        boxes: list[npt.NDArray[np.float64]],
        format: str,
        timeout: float | None,
    ) -> list[PoseResult]:
        native = self._native
        raw = native.estimate_batch(pixels, boxes, is_rgb(format), timeout)
        keypoints, name = native.keypoints, native.info.name
        return [pose_result(one, keypoints, name, (image.shape[1], image.shape[0])) for one, image in zip(raw, pixels)]
