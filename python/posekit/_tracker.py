"""Tracker: stable ids and smooth keypoints through time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import InvalidArgumentError
from ._results import PoseResult, native_result


class Tracker:
    """Recognises people from frame to frame and smooths their keypoints: one object for one stream of images.

    ByteTrack's association by IoU and OKS over a Kalman filter, and a One-Euro filter for each keypoint, in seconds: any frame rate, also an
    irregular one. docs/tracking.md has the rules, sources and figures.

    keypoint_set: of the results that will come: PoseEstimator.keypoints.
    high_score, low_score: boxes from high_score on are associated first, those down to low_score second, others never.
    new_score: a new person's box must have this much; at least high_score.
    keypoint_score: keypoints below play no part in recognising a person.
    oks_weight: 0 to 1: similarity = (1 - weight) * IoU + weight * OKS.
    min_similarity: 0 to 1: what is less alike is not the same person.
    birth_s: seconds; a new person gets an id when seen for this long without a miss, in the first frame at once.
    max_gap_s: seconds; a person unseen for longer is forgotten, its id never given again.
    smoothing: False leaves keypoints as they are.
    min_cutoff_hz, speed_factor, speed_cutoff_hz: the One-Euro filter: cut-off at rest, Hz; Hz for each size a second; cut-off of the speed, Hz.
    smoothing_gap_s: seconds; a keypoint unseen for longer starts again.
    jump: in sizes (square roots of the box's area); a person whose keypoints moved farther than expected starts again: a cut.

    Calls of several threads wait for each other. A tracker pickles with its state. While a Stream has it, every use, pickling included, raises
    InvalidArgumentError.

    Raises InvalidArgumentError for an option outside its range.
    """

    def __init__(
        self,
        keypoint_set: _core.KeypointSet,
        *,
        high_score: float = 0.5,
        low_score: float = 0.1,
        new_score: float = 0.5,
        keypoint_score: float = 0.3,
        oks_weight: float = 0.5,
        min_similarity: float = 0.3,
        birth_s: float = 0.05,
        max_gap_s: float = 1.0,
        smoothing: bool = True,
        min_cutoff_hz: float = 0.15,
        speed_factor: float = 4.5,
        speed_cutoff_hz: float = 0.5,
        smoothing_gap_s: float = 0.25,
        jump: float = 0.2,
    ) -> None:
        self._options: dict[str, Any] = {
            "high_score": high_score,
            "low_score": low_score,
            "new_score": new_score,
            "keypoint_score": keypoint_score,
            "oks_weight": oks_weight,
            "min_similarity": min_similarity,
            "birth_s": birth_s,
            "max_gap_s": max_gap_s,
            "smoothing": smoothing,
            "min_cutoff_hz": min_cutoff_hz,
            "speed_factor": speed_factor,
            "speed_cutoff_hz": speed_cutoff_hz,
            "smoothing_gap_s": smoothing_gap_s,
            "jump": jump,
        }
        self._keypoint_set = keypoint_set
        self._native = _core.Tracker(keypoint_set, **self._options)

    @property
    def keypoint_set(self) -> _core.KeypointSet:
        """What the keypoints of the results mean."""
        return self._keypoint_set

    def update(self, result: PoseResult, time_s: float) -> PoseResult:
        """Recognises the people of the next frame.

        time_s: the frame's time in seconds, greater than the last call's.

        Returns a result with `track_ids` and smooth keypoints; the given one stays as it is. Boxes, scores and the order of people are the
        given one's. A person whose box is exactly one that predict(time_s) gave counts as carried: its keypoints then say where it moved.

        Raises InvalidArgumentError for a time that is not finite or not later than the last, and for a result of another keypoint set or with
        boxes or box scores that are not finite. The tracker is then as it was.
        """
        self._check_set(result.keypoint_set, "result")
        tracked = self._native.update(native_result(result), time_s)
        return dataclasses.replace(result, keypoints=tracked.keypoints, track_ids=tracked.track_ids)

    def _check_set(self, keypoint_set: _core.KeypointSet, owner: str) -> None:
        if keypoint_set != self._keypoint_set:
            raise InvalidArgumentError(
                f"the {owner} has keypoint set {keypoint_set!r}, the tracker {self._keypoint_set!r}: make the tracker with PoseEstimator.keypoints"
            )

    def predict(self, time_s: float) -> npt.NDArray[np.float64]:
        """Where the people of the last update should be, for a frame on which no detector runs.

        Returns (N, 5): x1, y1, x2, y2, score.

        Raises InvalidArgumentError for a time before the last update.
        """
        return self._native.predict(time_s)

    def reset(self) -> None:
        """Forgets everybody: the next update may have any time, and ids begin at 1 again."""
        self._native.reset()

    def save(self) -> str:
        """What the tracker knows, without set and options: a JSON document of format posekit-tracker/1."""
        return self._native.save()

    def restore(self, state: str) -> None:
        """Goes on where the saved tracker was.

        state: what save() gave; read strictly, so that it may be untrusted.

        Raises InvalidArgumentError that names the key. The tracker is then as it was.
        """
        self._native.restore(state)

    def __getstate__(self) -> tuple[_core.KeypointSet, dict[str, Any], str]:
        return self._keypoint_set, self._options, self.save()

    def __setstate__(self, state: tuple[_core.KeypointSet, dict[str, Any], str]) -> None:
        self._keypoint_set, self._options, saved = state
        self._native = _core.Tracker(self._keypoint_set, **self._options)
        self.restore(saved)
