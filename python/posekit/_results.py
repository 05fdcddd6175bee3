"""What estimation and detection give. Arrays own their memory."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _core
from ._errors import Error, ErrorCode, error_of
from ._images import Failed, Pixels, in_order, size_of


@dataclass
class Timings:
    """Wall time of an image's stages in milliseconds.

    A batch's time is shared out among its people.
    """

    decode: float = 0.0
    """Reading the image file: filled by the caller that reads it."""
    detect: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0


@dataclass(frozen=True)
class BoxError:
    """A box that could not be used. The other boxes of the image get their poses."""

    box_index: int
    """Its position among the image's boxes."""
    code: ErrorCode
    message: str


@dataclass(eq=False, repr=False)
class PoseResult:
    """The people of one image: N persons with K keypoints each.

    Persons are in the order of the boxes; boxes with errors are missing.

    A result owns its arrays: they are writable, and no other result or image shares them.
    """

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
    """What the K keypoints mean."""
    model_name: str
    image_size: tuple[int, int]
    """Width, height."""
    box_errors: list[BoxError] = field(default_factory=list)
    error: Error | None = None
    """Of the image as a whole: it failed or was not finished, and what was finished is kept. Only from calls of a batch; others raise it."""
    timings: Timings = field(default_factory=Timings)
    track_ids: npt.NDArray[np.int64] | None = None
    """(N,): ids of people from 1; 0 = no id yet. Only from Tracker.update and from a Stream with a tracker."""
    path: str | None = None
    """The image's or video's file, where the call that made the result knows it. It may be set."""
    frame: int | None = None
    """Position of the frame, from 0: of a stream's and a video's results."""
    time_s: float | None = None
    """The frame's time in seconds."""
    _image: tuple[weakref.ref[Any], bool] | None = field(default=None, repr=False)
    """The image as the caller gave it, and whether it is RGB."""

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

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_image": None}

    def plot(
        self, image: Any = None, *, min_score: float = 0.3, boxes: bool = True, format: Literal["bgr", "rgb"] = "bgr"
    ) -> npt.NDArray[np.uint8]:
        """The poses drawn on a copy of their image: posekit.draw_poses.

        image: an array or what posekit.load_image takes; None = the image that the poses were estimated in, which the result keeps weakly, so that
            the caller must still have it, or the file at `path`.
        min_score, boxes: as in posekit.draw_poses.
        format: of a given array.

        Returns (H, W, 3), BGR.

        Raises InvalidArgumentError if the image is gone or of another size than the result's, or if the arrays were changed and do not fit
        together, and what posekit.load_image raises.
        """
        from . import _pictures

        return _pictures.plot(self, image, min_score, boxes, format)

    def save(
        self,
        path: str | os.PathLike[str],
        image: Any = None,
        *,
        min_score: float = 0.3,
        boxes: bool = True,
        format: Literal["bgr", "rgb"] = "bgr",
    ) -> None:
        """Writes the picture of `plot` as PNG or JPEG, as the extension says, whole or not at all: posekit.write_image.

        Raises what plot and posekit.write_image raise.
        """
        from ._files import write_image

        write_image(path, self.plot(image, min_score=min_score, boxes=boxes, format=format))

    def show(
        self, image: Any = None, *, min_score: float = 0.3, boxes: bool = True, format: Literal["bgr", "rgb"] = "bgr"
    ) -> None:
        """Opens the picture of `plot` in the desktop's viewer and returns at once.

        In a notebook the result itself is shown: put it last in the cell.

        Raises DeviceUnavailableError without a display or a viewer, ImportError without PIL (``pip install "posekit[pictures]"``), and what plot
        raises.
        """
        from . import _pictures

        _pictures.show(self.plot(image, min_score=min_score, boxes=boxes, format=format))

    def crop(
        self,
        image: Any = None,
        i: int = 0,
        *,
        keypoints: str | Sequence[str] | None = None,
        padding: float = 1.25,
        size: tuple[int, int] | None = None,
        format: Literal["bgr", "rgb"] = "bgr",
    ) -> npt.NDArray[np.uint8]:
        """Cuts out a person, or a part of one.

        image, format: as in `plot`.
        i: which person, from 0.
        keypoints: names of subsets or of keypoints, which may mix, for example "left_hand": the part is the smallest box around them; None = the
            person's box.
        padding: factor on that box's size.
        size: width and height of the crop, at least 2 x 2. The part grows to its shape, and is warped as a model's input is: bilinear at the exact
            positions, the outermost pixels' centres on the part's edges. None = the image's own pixels, none interpolated.

        Returns (height, width, 3), BGR; black outside of the image.

        Raises InvalidArgumentError for a value outside its range, and keypoints that span no area; NotFoundError for a name that the set does
        not have; and what plot raises for the image.
        """
        from . import _pictures

        return _pictures.crop(self, image, i, keypoints, padding, size, format)

    def _repr_png_(self) -> bytes | None:
        from . import _pictures

        return _pictures.notebook_png(self)

    def _repr_html_(self) -> str:
        from . import _pictures

        return _pictures.notebook_html(self)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The document of format posekit-result/1 (docs/results.md), one line.

        path: what the document calls the image; None = `path` of the result, or nothing. Of a video it also has `frame` and `time_s`.

        Raises InvalidArgumentError if the arrays were changed and do not fit together.
        """
        name = os.fsencode(path or self.path or "")
        return _core.to_json(native_result(self), name, self.image_size, self.frame, self.time_s, self.keypoint_set, self.model_name)

    def to_dict(self, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """The same document as a dictionary of plain Python values."""
        document: dict[str, Any] = json.loads(self.to_json(path))
        return document

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """The image's entries for a COCO key point results file.

        image_id: the annotation's number, or a file name.

        Raises InvalidArgumentError if the arrays were changed and do not fit together.
        """
        name = os.fsencode(image_id) if isinstance(image_id, str) else image_id
        entries: list[dict[str, Any]] = json.loads(_core.to_coco_entries(native_result(self), name))
        return entries

    def to_supervision(self) -> Any:
        """The people as a supervision.KeyPoints: xy in pixels, scores as keypoint_confidence, box scores as detection_confidence.

        supervision counts the ends of a skeleton's links from 1: ``[(a + 1, b + 1) for a, b in result.skeleton_links]``.

        Raises ImportError without supervision (``pip install "posekit[supervision]"``).
        """
        from ._extras import optional_module

        return optional_module("supervision", "supervision").KeyPoints(
            xy=self.keypoints.copy(), keypoint_confidence=self.scores.copy(), detection_confidence=self.box_scores.copy()
        )

    def to_fiftyone(self) -> dict[str, Any]:
        """The people in FiftyOne's dictionary form: ``fiftyone.Keypoints.from_dict(result.to_fiftyone())``.

        Points are fractions of the image's width and height, from its outer edge: ((x + 0.5) / width, (y + 0.5) / height). A track id is the
        `index`, if there is one. FiftyOne is not needed.
        """
        points = (self.keypoints.astype(np.float64) + 0.5) / np.maximum(self.image_size, 1)
        people: list[dict[str, Any]] = []
        for i in range(len(self)):
            person = {"_cls": "Keypoint", "label": "person", "points": points[i].tolist(), "confidence": self.scores[i].tolist()}
            if self.track_ids is not None and self.track_ids[i] > 0:
                person["index"] = int(self.track_ids[i])
            people.append(person)
        return {"_cls": "Keypoints", "keypoints": people}

    def to_arrow(self) -> Any:
        """The result as a pyarrow.Table, a row for each keypoint of each person: posekit.results_table([result]).

        Raises ImportError without pyarrow, InvalidArgumentError if the arrays were changed and do not fit together.
        """
        from ._tables import results_table

        return results_table([self])

    def to_df(self, kind: Literal["pandas", "polars"] | None = None) -> Any:
        """The table of to_arrow as a pandas.DataFrame or a polars.DataFrame.

        kind: None = pandas if it is installed, else polars.

        Raises ImportError without pyarrow and one of the two (``pip install "posekit[tables]"``), and what to_arrow raises.
        """
        from ._tables import data_frame

        return data_frame(self.to_arrow(), kind)


@dataclass(eq=False)
class DetectionResult:
    """The outcome of detection in one image of a detect_batch call."""

    boxes: npt.NDArray[np.float64]
    """(N, 5): x1, y1, x2, y2, score, inside the image, by falling score."""
    error: Error | None = None
    """Of the image as a whole: there are no boxes then."""
    timings: Timings = field(default_factory=Timings)
    """Only detect is filled."""


def pose_result(
    native: _core.ImageResult, keypoint_set: _core.KeypointSet, model_name: str, image_size: tuple[int, int], *, tracked: bool = False
) -> PoseResult:
    """The native code's result as the package's. tracked: a tracker has seen it."""
    return PoseResult(
        keypoints=native.keypoints,
        scores=native.scores,
        boxes=native.boxes,
        box_scores=native.box_scores,
        box_indices=native.box_indices,
        keypoint_set=keypoint_set,
        model_name=model_name,
        image_size=image_size,
        box_errors=[BoxError(error.box_index, ErrorCode(error.code), error.message) for error in native.box_errors],
        error=outcome_of(native),
        timings=timings_of(native),
        track_ids=native.track_ids if tracked else None,
    )


def native_result(result: PoseResult) -> _core.ImageResult:
    """The other way. Raises InvalidArgumentError if the arrays do not fit together."""
    return _core.ImageResult(
        code=int(result.error.code) if result.error else 0,
        message=os.fsencode(str(result.error)) if result.error else b"",
        keypoints=result.keypoints,
        scores=result.scores,
        boxes=result.boxes,
        box_scores=result.box_scores,
        box_indices=result.box_indices,
        track_ids=result.track_ids,
        box_errors=[_core.BoxError(error.box_index, int(error.code), os.fsencode(error.message)) for error in result.box_errors],
        timings=_core.Timings(**dataclasses.asdict(result.timings)),
    )


def detection_result(native: _core.DetectionResult) -> DetectionResult:
    """The native code's result as the package's."""
    return DetectionResult(native.boxes, outcome_of(native), timings_of(native))


def outcome_of(native: _core.ImageResult | _core.DetectionResult) -> Error | None:
    """Why the image failed; None: it did not."""
    return error_of(native.code, native.message) if native.code else None


def timings_of(native: _core.ImageResult | _core.DetectionResult) -> Timings:
    """The times of an image's stages."""
    return Timings(**{stage.name: getattr(native.timings, stage.name) for stage in dataclasses.fields(Timings)})


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
    native: Sequence[_core.ImageResult],
    images: Sequence[Any],
    pixels: Sequence[Pixels],
    failed: Failed,
    keypoint_set: _core.KeypointSet,
    model_name: str,
    rgb: bool,
) -> list[PoseResult]:
    """A batch call's results in the order of its images.

    native: the native code's, one for each of `pixels`.
    images: all, as the caller gave them.
    failed: the images that the native code was not given.
    """
    done = [pose_result(one, keypoint_set, model_name, size_of(image)) for one, image in zip(native, pixels)]
    results = in_order(done, {index: failed_result(error, keypoint_set, model_name, size) for index, (error, size) in failed.items()})
    for result, image in zip(results, images):
        keep_image(result, image, rgb)
    return results


def keep_image(result: PoseResult, image: Any, rgb: bool) -> None:
    """Weakly, for pictures of the result; what can't be kept so is not kept."""
    with contextlib.suppress(TypeError):
        result._image = (weakref.ref(image), rgb)
