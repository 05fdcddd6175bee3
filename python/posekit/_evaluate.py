"""evaluate and evaluate_model: results and annotations in, the field's numbers out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from . import _core

if TYPE_CHECKING:
    from ._detector import PersonDetector
    from ._estimator import PoseEstimator
    from ._model import Model, ModelSource
    from ._predictions import Results

FORMAT = "posekit-evaluation/1"
Metrics = dict[str, "float | None"]
"""None: nobody is there to be measured, for example no person of medium size."""


@dataclass(frozen=True)
class Evaluation:
    """What posekit.evaluate measured."""

    metrics: Metrics
    """By name, from 0 to 1: AP, AP50, AP75, APM, APL, AR, AR50, AR75, ARM, ARL; or PCK@0.05, PCK@0.1, PCK@0.2, AUC. None: nobody was there to
    be measured, for example no person of medium size."""
    parts: dict[str, Metrics]
    """The same for body, feet, face, left_hand, right_hand, hands and whole, if they were asked for."""
    keypoints: str
    """The keypoint set."""
    images: int
    people: int
    """Annotated people with labelled keypoints: those that a model should find."""
    found: int
    """People of the results that were measured."""
    assumptions: list[str] = field(default_factory=list)
    """What the numbers depend on, and what was left out, a sentence each."""

    def to_json(self) -> str:
        """The evaluation as a document of format posekit-evaluation/1, one line."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    def __str__(self) -> str:
        rows = self.parts or {self.keypoints: self.metrics}
        width = max(map(len, rows))
        lines = [" " * width + "".join(f"{name:>9}" for name in self.metrics)]
        for part, metrics in rows.items():
            lines.append(f"{part:{width}}" + "".join(f"{'-' if value is None else format(value, '.3f'):>9}" for value in metrics.values()))
        return "\n".join([*lines, f"{self.images} images, {self.people} annotated people, {self.found} found", *self.assumptions])


def evaluate(
    results: Results,
    annotations: str | os.PathLike[str] | Mapping[str, Any],
    *,
    metric: Literal["ap", "pck"] = "ap",
    boxes_from: Literal["detector", "gt"] = "detector",
    oks_nms: float | None = 0.9,
    parts: bool = False,
    keypoint_set: _core.KeypointSet | str | None = None,
    category: int | None = None,
    subset_of_annotations: bool = False,
) -> Evaluation:
    """Measures poses against COCO keypoint annotations, as the field does: AP and AR by pycocotools, or PCK and AUC.

    results: the iterator of posekit.estimate or a list of PoseResult; a folder that ``posekit estimate`` wrote; a file with a document in each
        line; or COCO results, a file or a list of entries. One image after the other is taken, and only its people are kept.
    annotations: a COCO keypoint annotation file, or COCO-WholeBody's for 133 keypoints; or the document itself.
    metric: "pck" gives PCK and AUC: the shares of labelled points whose distance is at most a share of the longer side of the annotated box. It needs
        boxes_from="gt".
    boxes_from: where the results' boxes come from. "gt": from the annotations. People without labelled keypoints and crowds are then left out of
        the results.
    oks_nms: of two poses of an image that are more similar, the one with the lower score is removed; None = none is. Not used for "pck".
    parts: of 133 keypoints also body, feet, face, hands and whole, as COCO-WholeBody has them.
    keypoint_set: what the results' keypoints are, where they do not say so: for sigmas of an own set.
    category: id of the people's category; None = the only one there is, else the one named person.
    subset_of_annotations: annotated images without a result are left out. Otherwise they are an error where it can be seen.

    A person's score is the box's times the mean of the keypoint scores above 0.2; COCO entries have theirs.

    Raises NotFoundError, IoError, and InvalidArgumentError for results and annotations that do not belong together or are not sound;
    ImportError without pycocotools (``pip install "posekit[evaluate]"``); and what `results` raises.
    """
    from ._annotations import Annotations  # not with posekit: few programs measure
    from ._evaluation import Options, measure

    how = Options(metric, boxes_from, oks_nms, parts)
    return measure(results, Annotations(annotations, category), how, keypoint_set, subset_of_annotations)


def evaluate_model(
    model: PoseEstimator | Model | ModelSource | None,
    images: str | os.PathLike[str],
    annotations: str | os.PathLike[str],
    boxes: str | os.PathLike[str] | None = None,
    *,
    boxes_from: Literal["detector", "gt"] = "detector",
    detector: PersonDetector | Model | ModelSource | None = None,
    flip_test: bool = False,
    keypoints: str | Sequence[str] | None = None,
    device: str | None = None,
    results: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    metric: Literal["ap", "pck"] = "ap",
    oks_nms: float | None = 0.9,
    parts: bool = False,
    category: int | None = None,
    subset_of_annotations: bool = False,
) -> Evaluation:
    """Runs a model over annotated images and measures it: posekit.evaluate of its results.

    model: a PoseEstimator, or what it is made of: then with `flip_test`, `keypoints` and `device`, as there.
    images: the folder that the annotations' file names are in.
    annotations, metric, oks_nms, parts, category: as in posekit.evaluate.
    boxes: a file of a detector's boxes, as posekit.read_boxes takes it; None = the detector finds the people.
    boxes_from: "gt": the boxes are those of annotated people with labelled keypoints, and only their images are run.
    detector: a PersonDetector, or what it is made of; None = the shipped one.
    results: a file that each image's result is added to. What is in it is not run again, so that an interrupted run goes on. It must have been
        made with the same models, options and boxes.
    progress: whether images and time are reported on standard error; None = if it is a terminal.
    subset_of_annotations: annotated images that are not in the folder are left out. Otherwise they are an error.

    Raises what posekit.evaluate, PoseEstimator, PersonDetector and read_boxes raise, before an image is run where it can be known then; the
    first error of an image, after all are run; KeyboardInterrupt after the batch in flight.
    """
    from ._evaluation import Options
    from ._evaluation_run import run

    how = Options(metric, boxes_from, oks_nms, parts)
    return run(
        model, images, annotations, boxes, detector, flip_test, keypoints, device, results, progress, how, category, subset_of_annotations
    )
