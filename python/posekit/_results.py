"""What estimation and detection give. Arrays own their memory."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error, ErrorCode, error_of
from ._images import Failed, Pixels, in_order, size_of


@dataclass
class Timings:
    """Wall time of an image's stages in milliseconds. A batch's time is shared out among its people."""

    decode: float = 0.0
    detect: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0


@dataclass(frozen=True)
class BoxError:
    """A box that could not be used; its neighbours are not harmed."""

    box_index: int
    code: ErrorCode
    message: str


@dataclass(eq=False, repr=False)
class PoseResult:
    """The people of one image: N persons with K keypoints each, in the order of the boxes; boxes with errors are missing."""

    keypoints: npt.NDArray[np.float32]
    """(N, K, 2): x, y in pixels of the image, (0, 0) at the centre of the top-left one. Always finite."""
    scores: npt.NDArray[np.float32]
    """(N, K): raw maxima of the model's output, no probabilities."""
    boxes: npt.NDArray[np.float64]
    """(N, 4): x1, y1, x2, y2, the boxes that the poses were estimated from."""
    box_scores: npt.NDArray[np.float32]
    """(N,): 1 for a box without a score."""
    box_indices: npt.NDArray[np.int64]
    """(N,): positions among the boxes that were given or detected."""
    keypoint_set: _core.KeypointSet
    model_name: str
    image_size: tuple[int, int]
    """Width, height."""
    box_errors: list[BoxError] = field(default_factory=list)
    error: Error | None = None
    """Of the image as a whole: it failed or was not finished, and what was finished is kept. Only from calls of a batch; others raise it."""
    timings: Timings = field(default_factory=Timings)
    track_ids: npt.NDArray[np.int64] | None = None
    """(N,): who is who, from 1; 0 = no id yet. Only from Tracker.update and from a Stream with a tracker."""

    @property
    def keypoint_names(self) -> list[str]:
        """K names."""
        return self.keypoint_set.names

    @property
    def skeleton_links(self) -> list[tuple[int, int]]:
        """Pairs of keypoint indices."""
        return self.keypoint_set.links

    def __len__(self) -> int:
        """The number of people."""
        return len(self.keypoints)

    def __repr__(self) -> str:
        people = "1 person" if len(self) == 1 else f"{len(self)} people"
        text = f"PoseResult({people}, {len(self.keypoint_set)} keypoints ({self.keypoint_set.name}), image {self.image_size[0]}x{self.image_size[1]}"
        if self.box_errors:
            text += f", box errors {[error.box_index for error in self.box_errors]}"
        return text + (f", error {self.error!r})" if self.error else ")")

    def to_json(self, path: str | os.PathLike[str] = "") -> str:
        """The document of format posekit-result/1 (docs/results.md), one line. path: what it calls the image."""
        width, height = self.image_size
        return _core.to_json(self._raw(), os.fsencode(path), width, height, self.keypoint_set, self.model_name)

    def to_dict(self, path: str | os.PathLike[str] = "") -> dict[str, Any]:
        """The same document as a dictionary of plain Python values."""
        document: dict[str, Any] = json.loads(self.to_json(path))
        return document

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """The image's entries for a COCO key point results file. image_id: the annotation's number, or a file name."""
        entries: list[dict[str, Any]] = json.loads(_core.to_coco(self._raw(), os.fsencode(image_id) if isinstance(image_id, str) else image_id))
        return entries

    def _raw(self) -> _core.RawPoseResult:
        return (
            int(self.error.code) if self.error else 0,
            str(self.error) if self.error else "",
            self.keypoints,
            self.scores,
            boxes_with_scores(self),
            self.box_indices,
            track_ids_of(self),
            [(error.box_index, int(error.code), error.message) for error in self.box_errors],
            (self.timings.decode, self.timings.detect, self.timings.preprocess, self.timings.inference, self.timings.postprocess),
        )


@dataclass(eq=False)
class DetectionResult:
    """What became of one image of a detect_batch call."""

    boxes: npt.NDArray[np.float64]
    """(N, 5): x1, y1, x2, y2, score, inside the image, by falling score."""
    error: Error | None = None
    timings: Timings = field(default_factory=Timings)
    """Only detect is filled."""


def boxes_with_scores(result: PoseResult) -> npt.NDArray[np.float64]:
    """A result's boxes as (N, 5)."""
    return np.column_stack([np.asarray(result.boxes, np.float64).reshape(-1, 4), np.asarray(result.box_scores, np.float64)])


def track_ids_of(result: PoseResult) -> npt.NDArray[np.int64]:
    """(N,): 0 for who has no id."""
    return np.zeros(len(result), np.int64) if result.track_ids is None else np.asarray(result.track_ids, np.int64)


def pose_result(
    raw: _core.RawPoseResult, keypoint_set: _core.KeypointSet, model_name: str, image_size: tuple[int, int], *, tracked: bool = False
) -> PoseResult:
    """A result of the native code's tuple."""
    code, message, keypoints, scores, boxes, box_indices, track_ids, box_errors, timings = raw
    return PoseResult(
        keypoints=keypoints,
        scores=scores,
        boxes=boxes[:, :4].copy(),
        box_scores=boxes[:, 4].astype(np.float32),
        box_indices=box_indices,
        keypoint_set=keypoint_set,
        model_name=model_name,
        image_size=image_size,
        box_errors=[BoxError(index, ErrorCode(kind), text) for index, kind, text in box_errors],
        error=error_of(code, message) if code else None,
        timings=Timings(*timings),
        track_ids=track_ids if tracked else None,
    )


def failed_result(error: Error, keypoint_set: _core.KeypointSet, model_name: str, image_size: tuple[int, int]) -> PoseResult:
    """The result of an image that could not be taken."""
    count = len(keypoint_set)
    return PoseResult(
        keypoints=np.empty((0, count, 2), np.float32),
        scores=np.empty((0, count), np.float32),
        boxes=np.empty((0, 4)),
        box_scores=np.empty(0, np.float32),
        box_indices=np.empty(0, np.int64),
        keypoint_set=keypoint_set,
        model_name=model_name,
        image_size=image_size,
        error=error,
    )


def batch_results(
    raw: Sequence[_core.RawPoseResult], pixels: Sequence[Pixels], failed: Failed, keypoint_set: _core.KeypointSet, model_name: str
) -> list[PoseResult]:
    """A batch call's results in the order of its images.

    raw: the native code's, one for each of `pixels`.
    failed: the images that the native code was not given.
    """
    done = [pose_result(one, keypoint_set, model_name, size_of(image)) for one, image in zip(raw, pixels)]
    return in_order(done, {index: failed_result(error, keypoint_set, model_name, size) for index, (error, size) in failed.items()})
