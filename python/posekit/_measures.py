"""What poses are measured with: OKS and its NMS, COCO's AP and AR, PCK."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._annotations import AnnotatedPerson
from ._evaluate import Metrics
from ._extras import optional_module

COCO_METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
PCK_SHARES = (0.05, 0.1, 0.2)
AUC_SHARES = np.arange(21) / 100
"""Distances as shares of the box's longer side."""

Points = npt.NDArray[np.float64]
_quiet_lock = threading.Lock()


class Found(NamedTuple):
    """A person that a model has found."""

    image_id: int
    points: Points
    """(K, 3): x, y, score."""
    score: float


def oks(one: Points, others: Points, area: float, areas: Points, sigmas: Points) -> Points:
    """The object keypoint similarities of a found pose (K, 2) with others (N, K, 2): all points count, the area is the mean of the two."""
    squared = ((others - one) ** 2).sum(axis=2)
    scale = 2 * (2 * sigmas) ** 2 * ((area + areas) / 2 + np.spacing(1))[:, None]
    similar: Points = np.exp(-squared / scale).mean(axis=1)
    return similar


def oks_nms(points: Points, scores: Points, areas: Points, sigmas: Points, threshold: float) -> list[int]:
    """Which poses of an image are kept, by falling score: each that is not more similar than the threshold to a better one that is kept.

    points: (N, K, 2). Of equal scores the first counts as better. As mmpose's oks_nms, mmpose/evaluation/functional/nms.py.
    """
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[oks(points[best], points[left], areas[best], areas[left], sigmas) <= threshold]
    return kept


def crop_area(boxes: Points) -> Points:
    """The areas that mmpose's OKS-NMS takes for boxes (N, 4): of the box padded by 1.25 and grown to the shape 3:4, that of COCO models' inputs."""
    width, height = 1.25 * (boxes[:, 2] - boxes[:, 0]), 1.25 * (boxes[:, 3] - boxes[:, 1])
    area: Points = np.maximum(width, height * 3 / 4) * np.maximum(height, width * 4 / 3)
    return area


def extent(points: Points) -> Points:
    """The areas that poses (N, K, 2) span: what mmpose takes where there is no box, and pycocotools for every pose."""
    area: Points = np.ptp(points, axis=1).prod(axis=1)
    return area


def pycocotools() -> tuple[Any, Any]:
    """Its modules coco and cocoeval. Raises ImportError without them."""
    return optional_module("pycocotools.coco", "evaluate"), optional_module("pycocotools.cocoeval", "evaluate")


def coco_metrics(
    people: Sequence[AnnotatedPerson], found: Sequence[Found], image_ids: Sequence[int], sigmas: Points, columns: Sequence[int], body: int
) -> Metrics:
    """COCO's ten numbers, by pycocotools.

    columns: the keypoints that count. sigmas: theirs.
    body: a found person's size is the area that its first `body` points span, whichever columns count, as in COCO-WholeBody's own evaluation.
    """
    coco, cocoeval = pycocotools()
    numbers = {id: number for number, id in enumerate(sorted(image_ids), 1)}  # pycocotools makes floats of ids of 64 bits and more
    images = [{"id": number} for number in numbers.values()]
    truths, detections = [], []
    for number, person in enumerate(people, 1):  # an annotation's id 0 would be taken for no match
        labels = person.points[columns]
        box = [*person.box[:2], *(person.box[2:] - person.box[:2])]
        labelled = int((labels[:, 2] > 0).sum())
        truths.append(_entry(number, numbers[person.image_id], labels, bbox=box, area=person.area, iscrowd=int(person.crowd), num_keypoints=labelled))
    for number, one in enumerate(found, 1):
        area = float(extent(one.points[None, :body, :2])[0])
        detections.append(_entry(number, numbers[one.image_id], one.points[columns], area=area, score=one.score))
    with _quiet(coco, cocoeval):
        sides = []
        for entries in (truths, detections):
            side = coco.COCO()
            side.dataset = {"images": images, "categories": [{"id": 1}], "annotations": entries}
            side.createIndex()
            sides.append(side)
        evaluation = cocoeval.COCOeval(*sides, "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(COCO_METRICS, evaluation.stats)}


def _entry(number: int, image_id: int, points: Points, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": 1, "keypoints": points.ravel(), **more}


@contextlib.contextmanager
def _quiet(*modules: Any) -> Iterator[None]:
    """pycocotools prints while it works. Standard output is the whole process's, so only the print of its modules is replaced."""
    with _quiet_lock:
        try:
            for module in modules:
                module.print = lambda *_: None
            yield
        finally:
            for module in modules:
                del module.print


def pck_metrics(pairs: Sequence[tuple[AnnotatedPerson, Points | None]], columns: Sequence[int]) -> Metrics:
    """Shares of the labelled points that are found: PCK at a few distances, and AUC, the mean over AUC_SHARES.

    pairs: annotated people with the points (K, 3) that were found for them; None = none, and none of their points is found.
    """
    distances = [np.empty(0)]
    for person, points in pairs:
        labels = person.points[columns]
        labelled = labels[:, 2] > 0
        far = np.full(int(labelled.sum()), np.inf)
        if points is not None:
            far = np.hypot(*(points[columns][labelled, :2] - labels[labelled, :2]).T) / (person.box[2:] - person.box[:2]).max()
        distances.append(far)
    all_distances = np.concatenate(distances)
    if not len(all_distances):
        return dict.fromkeys([*(f"PCK@{share:g}" for share in PCK_SHARES), "AUC"])
    metrics: Metrics = {f"PCK@{share:g}": float((all_distances <= share).mean()) for share in PCK_SHARES}
    return metrics | {"AUC": float(np.mean([(all_distances <= share).mean() for share in AUC_SHARES]))}
