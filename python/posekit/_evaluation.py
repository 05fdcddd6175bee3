"""What evaluate does: the people of the results, one image after the other, then the measures of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import _core
from ._annotations import AnnotatedPerson, Annotations
from ._errors import InvalidArgumentError
from ._evaluate import Evaluation, Metrics
from ._measures import Found, Points, coco_metrics, crop_area, extent, oks_nms, pck_metrics, pycocotools
from ._predictions import Keypoints, People, Results, keypoints_of, read_people

_SAME_BOX = 0.01
"""Pixels that a box may be off from the annotation that it was taken from."""


@dataclass(frozen=True)
class Options:
    """Options of evaluate, checked."""

    metric: str
    boxes_from: str
    oks_nms: float | None
    parts: bool

    def __post_init__(self) -> None:
        if self.metric not in ("ap", "pck"):
            raise InvalidArgumentError(f'metric {self.metric!r} was given, "ap" or "pck" is expected')
        if self.boxes_from not in ("detector", "gt"):
            raise InvalidArgumentError(f'boxes_from {self.boxes_from!r} was given, "detector" or "gt" is expected')
        if self.oks_nms is not None and not 0 < self.oks_nms <= 1:
            raise InvalidArgumentError(f"oks_nms {self.oks_nms!r} was given, a number above 0 and at most 1, or None is expected")
        if self.metric == "pck" and self.boxes_from != "gt":
            raise InvalidArgumentError('metric "pck" was given with boxes_from="detector": set boxes_from="gt", and pass results of the annotations\' boxes')


def measure(results: Results, truth: Annotations, how: Options, keypoint_set: _core.KeypointSet | str | None, subset: bool) -> Evaluation:
    """See evaluate."""
    found, complete = read_people(results, truth, keypoint_set)
    run = _Run(truth, how)
    for people in found:
        if not run.done:
            run.start(people.keypoints)
        run.add(people)
    return run.finish(complete, subset)


def check_keypoints(keypoint_set: _core.KeypointSet, truth: Annotations, how: Options) -> None:
    """Raises what measure would raise of results with these keypoints."""
    _Run(truth, how).start(keypoints_of(keypoint_set.name, keypoint_set.names, keypoint_set.sigmas))


class _Run:
    """An evaluation on its way through the images."""

    def __init__(self, truth: Annotations, how: Options) -> None:
        self.truth, self.how, self.gt = truth, how, how.boxes_from == "gt"
        self.keypoints: Keypoints
        self.columns: dict[str, list[int]] = {}
        self.of_image: dict[int, list[AnnotatedPerson]] = {id: [] for id in truth.images}
        self.done: set[int] = set()
        self.found: list[Found] = []
        self.pairs: dict[int, Points] = {}
        """What was found for annotated people, by their ids."""
        self.left_out = self.suppressed = 0

    def add(self, people: People) -> None:
        self.done.add(people.image.id)
        points, scores, boxes = people.points, people.scores, people.boxes
        if self.gt:
            kept = self._pair(people)
            self.left_out += len(points) - len(kept)
            points, scores, boxes = points[kept], scores[kept], None if boxes is None else boxes[kept]
        if self.how.metric == "ap" and self.how.oks_nms is not None and len(points):
            areas = extent(points[..., :2]) if boxes is None else crop_area(boxes)
            kept = oks_nms(points[..., :2], scores, areas, np.array(self.keypoints.sigmas), self.how.oks_nms)
            self.suppressed += len(points) - len(kept)
            points, scores = points[kept], scores[kept]
        self.found += [Found(people.image.id, one, float(score)) for one, score in zip(points, scores)]

    def start(self, keypoints: Keypoints) -> None:
        """With the first results it is known of which keypoints the annotations must be."""
        self.keypoints = keypoints
        if self.how.metric == "ap" and not keypoints.sigmas:
            raise InvalidArgumentError(
                f"no OKS sigmas are published for the keypoints {keypoints.name}, which AP needs: choose keypoints=\"coco17\", "
                'or set metric="pck"'
            )
        if self.how.metric == "ap":
            pycocotools()  # not after all images
        if self.how.parts:
            self.columns = _parts(keypoints)
        for person in self.truth.people(keypoints.names):
            self.of_image[person.image_id].append(person)
        if not any(person.counts for persons in self.of_image.values() for person in persons):
            raise InvalidArgumentError(f"{self.truth.what}: nobody has labelled keypoints (crowds do not count): pass annotations with people")

    def _pair(self, people: People) -> list[int]:
        """Which people have the box of an annotated person that counts."""
        if people.boxes is None:
            raise InvalidArgumentError(
                'entries without bbox were given with boxes_from="gt", which shows whose they are: pass posekit\'s own results, or add bbox'
            )
        annotated = sorted(self.of_image[people.image.id], key=lambda person: not person.counts)  # a crowd may have the same box
        boxes = np.array([person.box for person in annotated]).reshape(-1, 4)
        free = np.ones(len(annotated), bool)
        kept = []
        for i, box in enumerate(people.boxes):
            fits = np.flatnonzero(free & (np.abs(boxes - box) <= _SAME_BOX).all(axis=1))
            if not len(fits):
                raise InvalidArgumentError(
                    f'person {i} of "{people.image.name}" has a box that no annotation has, or that another person has too: '
                    'run with the annotations\' boxes, or set boxes_from="detector"'
                )
            person = annotated[fits[0]]
            free[fits[0]] = False
            if person.counts:
                kept.append(i)
                self.pairs[person.id] = people.points[i]
        return kept

    def finish(self, complete: bool, subset: bool) -> Evaluation:
        needed = [id for id, people in self.of_image.items() if not self.gt or any(person.counts for person in people)]
        missing = [id for id in needed if id not in self.done]
        if missing and complete and not subset:
            raise InvalidArgumentError(
                f'annotated images without a result: {len(missing)}, "{self.truth.images[missing[0]].name}" is the first: '
                "run them too, or set subset_of_annotations"
            )
        image_ids = [id for id in self.of_image if id in self.done] if subset else list(self.of_image)
        annotated = [person for id in image_ids for person in self.of_image[id]]
        counted = [person for person in annotated if person.counts]
        if not counted:
            raise InvalidArgumentError("nobody with labelled keypoints is in the images that have results: run images with annotated people")
        every = list(range(len(self.keypoints.names)))
        tables = {part: self._measure(annotated, image_ids, columns) for part, columns in self.columns.items()}
        return Evaluation(
            metrics=tables["whole"] if tables else self._measure(annotated, image_ids, every),
            parts=tables,
            keypoints=self.keypoints.name,
            images=len(image_ids),
            people=len(counted),
            found=len(self.pairs) if self.how.metric == "pck" else len(self.found),
            assumptions=self._assumptions(complete, subset, len(missing), counted),
        )

    def _measure(self, annotated: Sequence[AnnotatedPerson], image_ids: Sequence[int], columns: list[int]) -> Metrics:
        if self.how.metric == "pck":
            return pck_metrics([(person, self.pairs.get(person.id)) for person in annotated if person.counts], columns)
        found = [one for one in self.found if not self.how.parts or (one.points[columns, 2] > 0).any()]
        count = len(self.keypoints.names)
        body = 17 if count == 133 else count
        return coco_metrics(annotated, found, image_ids, np.array(self.keypoints.sigmas)[columns], columns, body)

    def _assumptions(self, complete: bool, subset: bool, missing: int, counted: Sequence[AnnotatedPerson]) -> list[str]:
        lines = []
        if self.gt:
            lines.append(f"Boxes: of the annotations; results of crowds and of people without labelled keypoints are left out: {self.left_out}.")
            unfound = sum(person.id not in self.pairs for person in counted)
            if unfound:
                lines.append(f"Annotated people without a pose, which count as not found: {unfound}.")
        else:
            lines.append("Boxes: of a detector.")
        if self.how.metric == "ap":
            lines.append(f"Sigmas: of {self.keypoints.name}.")
            scores = "the box's times the mean of the keypoint scores above 0.2" if complete else "as the entries have them"
            lines.append(f"Scores: {scores}. At most 20 people of an image count, the best.")
            if self.how.oks_nms is None:
                lines.append("OKS-NMS: none.")
            else:
                lines.append(f"OKS-NMS: at {self.how.oks_nms:g}, poses removed: {self.suppressed}.")
        else:
            lines.append("PCK: the share of the labelled points, distances as shares of the longer side of the annotated box.")
        if subset:
            lines.append(f"Annotated images without a result, which are left out: {missing}.")
        elif missing:
            lines.append(f"Annotated images without an entry, which count as images in which nobody was found: {missing}.")
        return lines


def _parts(keypoints: Keypoints) -> dict[str, list[int]]:
    """The columns of COCO-WholeBody's parts."""
    whole = _core.builtin_keypoint_set("coco_wholebody133")
    if keypoints.names != whole.names:
        raise InvalidArgumentError(f"parts were asked for, and the keypoints are {keypoints.name}: parts are of coco_wholebody133 only, leave them out")
    parts = {name: whole.subsets[name] for name in ("body", "feet", "face", "left_hand", "right_hand")}
    return {**parts, "hands": parts["left_hand"] + parts["right_hand"], "whole": list(range(len(whole)))}
