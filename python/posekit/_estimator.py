"""PoseEstimator: boxes in, poses out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _core
from ._executors import Executor, native_executor
from ._images import Failed, Image, Pixels, SupportsCudaArrayInterface, boxes_of, is_rgb, placed_pixels_of, take_images
from ._loading import Loadable
from ._model import Metadata, Model, ModelSource, Precision, WarmUp, model_of
from ._results import PoseResult, batch_results


class PoseEstimator(Loadable[_core.PoseEstimator]):
    """Top-down pose estimation with one model.

    model: a posekit.Model, whose weights are used and may serve others too; or what it is made of, a model file's path or bytes, and
        then device, precision, metadata, preset, sha256, warm_up and fuse are as there. None = the shipped pose_landmark_full.pt. Loading runs
        code from the file: open only files you trust.
    executor: where crops are warped and outputs decoded; None = SerialExecutor().
    max_batch: persons in one forward; 0 = 1 on a CPU, 16 on a GPU. Halved, and remembered, while memory does not hold them.
    box_padding: overrides the metadata; > 0.
    keypoints: names of subsets or of keypoints, which may mix; None = all. Only these are decoded.
    flip_test: average with the mirrored crop: about twice the time, a little more accuracy.

    Immutable: any number of threads may call it at once, and the weights are shared. For one model and one number of Torch threads the results
    on a CPU are bit-equal on every executor and every run.

    An estimator pickles as its options: another process loads the model again, when it first uses it. After fork() every call in the child
    raises ForkedError.

    Raises what posekit.Model raises, NotFoundError for a keypoint that the model does not have, and InvalidArgumentError if the model is for
    another task, for an option outside its range, and for an option of the model's beside a posekit.Model.
    """

    def __init__(
        self,
        model: Model | ModelSource | None = None,
        *,
        device: str | None = None,
        precision: Precision | None = None,
        executor: Executor | None = None,
        max_batch: int = 0,
        box_padding: float | None = None,
        keypoints: str | Sequence[str] | None = None,
        flip_test: bool = False,
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
                "model": model_of(model, "pose_landmark_full.pt", **load),
                "executor": executor,
                "max_batch": max_batch,
                "box_padding": box_padding,
                "keypoints": [keypoints] if isinstance(keypoints, str) else list(() if keypoints is None else keypoints),
                "flip_test": flip_test,
            }
        )

    def __repr__(self) -> str:
        return f"PoseEstimator({self.model!r}, executor={self._options['executor'] or 'SerialExecutor()'!s})"

    def _make(self, **options: Any) -> _core.PoseEstimator:
        return _core.PoseEstimator(**(options | {"model": self.model._native, "executor": native_executor(options["executor"])}))

    @property
    def model(self) -> Model:
        """The model that it uses."""
        model: Model = self._options["model"]
        return model

    @property
    def info(self) -> _core.ModelInfo:
        """The model's metadata with the options' overrides."""
        return self._native.info

    @property
    def keypoints(self) -> _core.KeypointSet:
        """What the keypoints of a result mean: the model's set, or the subset that was asked for."""
        return self._native.keypoints

    def estimate(
        self,
        image: Image | SupportsCudaArrayInterface,
        boxes: npt.ArrayLike,
        *,
        format: Literal["bgr", "rgb"] = "bgr",
        timeout: float | None = None,
    ) -> PoseResult:
        """Estimates the people of one image.

        image: uint8 (H, W), (H, W, 3) or (H, W, 4), not copied if the pixels of each row follow each other. Nobody may write to it meanwhile.
            One that lies on the CUDA device that the model runs on (`__dlpack__`, `__cuda_array_interface__`) is cropped there, never copied.
        boxes: (N, 4) x1, y1, x2, y2 in pixels, or (N, 5) with a score each: what PersonDetector.detect gives.
        timeout: seconds; checked between batches.

        A box that can't be used is reported in `box_errors`; the other boxes get their poses.

        Raises InvalidArgumentError, DeadlineExceededError, InvalidModelError, ForkedError, …, and KeyboardInterrupt after the batch in flight.
        """
        result = self._run([image], [placed_pixels_of(image, self.model.device)], [boxes_of(boxes)], {}, format, timeout)[0]
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
        """Estimates the people of several images, of any sizes.

        Batches are filled across the images. Returns one result for each image, in order.

        What concerns one image or box, and a passed timeout, is reported in its result's `error` and `box_errors`, with what was finished kept.
        Raises InvalidArgumentError for misuse of the call as a whole, ForkedError, and KeyboardInterrupt after the batch in flight.
        """
        device = self.model.device
        taken = take_images(images, boxes_per_image, lambda image, _: placed_pixels_of(image, device), boxes_of)
        return self._run(images, *taken, format, timeout)

    def _run(
        self,
        images: Sequence[Any],
        pixels: list[Pixels],
        boxes: list[npt.NDArray[np.float64]],
        failed: Failed,
        format: str,
        timeout: float | None,
    ) -> list[PoseResult]:
        rgb = is_rgb(format)
        native = self._native.estimate_batch(pixels, boxes, rgb, timeout)
        return batch_results(native, images, pixels, failed, self.keypoints, self.info.name, rgb)
