"""Results of any form as the people of one image after the other, to be measured."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from . import _core
from ._annotations import AnnotatedImage, Annotations, PartKeys, opened
from ._errors import InvalidArgumentError, NotFoundError
from ._results import PoseResult, native_result
from ._stream import StreamResult

Results = Union["str | os.PathLike[str]", Iterable["PoseResult | StreamResult | Mapping[str, Any]"]]
"""A folder or file of results; results; entries of a COCO results file."""

RUN_FORMAT = "posekit-evaluation-run/1"
"""Of the first line of the file that evaluate_model keeps."""
_COUNTED_SCORE = np.float32(0.2)
"""Keypoint scores above it make a person's score, as in lib/results/coco.cc."""


@dataclass(frozen=True)
class Keypoints:
    """What the results' keypoints are."""

    name: str
    names: list[str]
    sigmas: list[float]
    """Empty: none are published."""


@dataclass
class People:
    """The people that a model has found in an image."""

    image: AnnotatedImage
    keypoints: Keypoints
    points: npt.NDArray[np.float64]
    """(N, K, 3): x, y, score."""
    boxes: npt.NDArray[np.float64] | None
    """(N, 4): x1, y1, x2, y2."""
    scores: npt.NDArray[np.float64]
    """(N,)"""


def read_people(results: Results, annotations: Annotations, keypoint_set: _core.KeypointSet | str | None) -> tuple[Iterator[People], bool]:
    """The people of the results, image after image, and whether an image without people has a result too.

    keypoint_set: what the keypoints are; None = what the results say. Each image comes once.

    Raises NotFoundError, IoError, InvalidArgumentError; some as the iterator comes to them.
    """
    given = _core.builtin_keypoint_set(keypoint_set) if isinstance(keypoint_set, str) else keypoint_set
    if isinstance(results, (str, os.PathLike)):
        results = read_results(Path(results))
    elif isinstance(results, (Mapping, PoseResult, StreamResult)) or not isinstance(results, Iterable):
        raise InvalidArgumentError(
            f"results of type {type(results).__name__} were given, a folder, a file, or several results are expected: "
            "pass a list of one result for one image"
        )
    items = iter(results)
    first = next(items, None)
    if first is None:
        raise InvalidArgumentError("the results are empty, at least one image is expected: check what was run on which images")
    reader = _Reader(annotations, given)
    rest = itertools.chain([first], items)
    if isinstance(first, Mapping) and "image_id" in first:
        return reader.entries(list(rest)), False
    return reader.results(rest), True


def read_results(path: Path) -> Iterator[Any]:
    """The results of a folder, of a file of COCO results, or of a file with a result in each line."""
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise NotFoundError(f'the folder "{path}" has no results: name the folder that posekit estimate wrote to')
    else:
        files = [path]
    for file in files:
        yield from _read_file(file, alone=len(files) == 1)


def _read_file(path: Path, alone: bool) -> Iterator[Any]:
    with opened(path, "results", "check that the file is whole, with a document in each line or one list of COCO results") as file:
        start = file.read(64).lstrip()[:1]
        file.seek(0)
        if start == "[":
            if not alone:
                raise InvalidArgumentError(f'"{path}" has COCO results and is not the only file: pass it alone')
            yield from json.load(file)
            return
        for line in file:
            document = json.loads(line)
            if _format(document) != RUN_FORMAT:
                yield document


def _format(document: Any) -> Any:
    return document.get("format") if isinstance(document, Mapping) else None


@dataclass
class _Reader:
    annotations: Annotations
    given: _core.KeypointSet | None

    def results(self, items: Iterable[Any]) -> Iterator[People]:
        keypoints: Keypoints | None = None
        seen: set[int] = set()
        for item in items:
            people = self._of_document(item) if isinstance(item, Mapping) else self._of_result(item)
            if people.image.id in seen:
                raise InvalidArgumentError(f'the image "{people.image.name}" has two results: pass one result for each image')
            seen.add(people.image.id)
            if keypoints is not None and people.keypoints != keypoints:
                raise InvalidArgumentError(
                    f"the results have keypoints {keypoints.name} and {people.keypoints.name}: pass results of one model and one selection"
                )
            keypoints = people.keypoints
            yield people

    def _of_result(self, item: Any) -> People:
        result = item.result if isinstance(item, StreamResult) else item
        if not isinstance(result, PoseResult):
            raise InvalidArgumentError(f"a result of type {type(item).__name__} was given, a PoseResult, a document or a COCO entry is expected")
        if result.path is None:
            raise InvalidArgumentError("a result has no path, which says which annotated image it is of: set result.path")
        native_result(result)  # raises where the arrays don't fit together
        if result.error is not None:
            raise InvalidArgumentError(f'the image "{result.path}" failed ({result.error}): run it again, or leave its result out')
        scored = np.concatenate([result.keypoints, result.scores[..., None]], axis=2, dtype=np.float64)
        keypoints = self._keypoints(result.keypoint_set.name, result.keypoint_set.names, result.keypoint_set.sigmas)
        return self._people(result.path, result.image_size, keypoints, scored, result.boxes, result.box_scores)

    def _of_document(self, document: Mapping[str, Any]) -> People:
        if _format(document) != "posekit-result/1":
            raise InvalidArgumentError(f"a document of format {_format(document)!r} is among the results, posekit-result/1 is expected: leave it out")
        try:
            image, persons = document["image"], document["instance_info"]
            path, size = str(image["path"]), (image["width"], image["height"])
            failed = [error["message"] for error in document.get("errors", ()) if "box_index" not in error]
            name, names = document["model"]["keypoints"], document["meta_info"]["keypoint_names"]
            points = np.array([person["keypoints"] for person in persons], np.float64).reshape(len(persons), len(names), 2)
            scores = np.array([person["keypoint_scores"] for person in persons], np.float64).reshape(len(persons), len(names), 1)
            boxes = np.array([person["bbox"] for person in persons], np.float64).reshape(len(persons), 4)
            box_scores = np.array([person["bbox_score"] for person in persons], np.float32)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"a document of the results is not of the form posekit-result/1 ({error!r}): run its image again") from error
        if failed:
            raise InvalidArgumentError(f'the image "{path}" failed ({failed[0]}): run it again, or leave its result out')
        return self._people(path, size, self._keypoints(name, names, []), np.concatenate([points, scores], axis=2), boxes, box_scores)

    def _people(
        self, path: str, size: tuple[int, int], keypoints: Keypoints, points: npt.NDArray[np.float64], boxes: Any, box_scores: Any
    ) -> People:
        image = self.annotations.image_of(path)
        if image.size is not None and tuple(size) != tuple(image.size):
            raise InvalidArgumentError(
                f'the image "{path}" has the size {size[0]}x{size[1]}, the annotations say {image.size[0]}x{image.size[1]}: '
                "run the images that were annotated"
            )
        if not (np.isfinite(points).all() and np.isfinite(boxes).all() and np.isfinite(box_scores).all()):
            raise InvalidArgumentError(f'the result of "{path}" has numbers that are not finite, finite ones are expected: run the image again')
        return People(image, keypoints, points, boxes, _scores(points[..., 2], box_scores))

    def _keypoints(self, name: str, names: list[str], sigmas: Sequence[float]) -> Keypoints:
        if self.given is None:
            return keypoints_of(name, names, sigmas)
        if self.given.names != names:
            raise InvalidArgumentError(
                f"keypoint_set {self.given.name} has other names than the results, which have {len(names)} of {name}: pass the results' own set"
            )
        return keypoints_of(self.given.name, names, self.given.sigmas)

    def entries(self, entries: Sequence[Any]) -> Iterator[People]:
        """COCO's results, which have no order of images, and no entry for an image without people."""
        of_image: dict[int, list[int]] = {}
        rows: list[npt.NDArray[np.float64]] = []
        for index, entry in enumerate(entries):
            image = self._image_of_entry(index, entry)
            of_image.setdefault(image.id, []).append(index)
            rows.append(self._points_of_entry(index, entry))
            if len(rows[-1]) != len(rows[0]):
                raise InvalidArgumentError(
                    f"entry {index} of the results has {len(rows[-1])} keypoints, the first has {len(rows[0])}: pass the results of one model"
                )
        keypoints = self._keypoints_of(len(rows[0]))
        with_boxes = all("bbox" in entry for entry in entries)
        for id, indices in of_image.items():
            points = np.array([rows[index] for index in indices])
            scores = np.array([entries[index]["score"] for index in indices], np.float64)
            once = {(*row.ravel(), score) for row, score in zip(points, scores)}
            if len(once) != len(indices):
                raise InvalidArgumentError(f"the results have an entry of image {id} twice, each once is expected: check whether the image was run twice")
            boxes = np.array([entries[index]["bbox"] for index in indices], np.float64).reshape(-1, 4) if with_boxes else None
            if boxes is not None:
                boxes[:, 2:] += boxes[:, :2]
            yield People(self.annotations.images[id], keypoints, points, boxes, scores)

    def _image_of_entry(self, index: int, entry: Any) -> AnnotatedImage:
        if not isinstance(entry, Mapping) or not {"image_id", "category_id", "keypoints", "score"} <= entry.keys():
            raise InvalidArgumentError(f"entry {index} of the results is not of COCO's form: image_id, category_id, keypoints and score are expected")
        if entry["category_id"] != self.annotations.category:
            raise InvalidArgumentError(
                f"entry {index} of the results is of category {entry['category_id']!r}, of the annotations {self.annotations.category} is measured: "
                "set category, or leave other entries out"
            )
        id = entry["image_id"]
        if isinstance(id, str):
            return self.annotations.image_of(id)
        if not isinstance(id, int) or id not in self.annotations.images:
            raise InvalidArgumentError(
                f"entry {index} of the results is of image {id!r:.40}, which is not in the {self.annotations.what}: check that they belong together"
            )
        return self.annotations.images[id]

    def _points_of_entry(self, index: int, entry: Mapping[str, Any]) -> npt.NDArray[np.float64]:
        parts = [entry["keypoints"], *(entry[f"{key}_kpts"] for key in PartKeys if f"{key}_kpts" in entry)]
        try:
            points = np.concatenate([np.array(part, np.float64).reshape(-1, 3) for part in parts])
            others = np.array([entry["score"], *entry.get("bbox", (0, 0, 0, 0))], np.float64).reshape(5)
            finite = np.isfinite(points).all() and np.isfinite(others).all()
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(
                f"entry {index} of the results has keypoints, a score or a bbox that are no numbers, or too few: write x, y, score for each keypoint"
            ) from error
        if not finite:
            raise InvalidArgumentError(f"entry {index} of the results has numbers that are not finite, finite ones are expected: run its image again")
        return points

    def _keypoints_of(self, count: int) -> Keypoints:
        """COCO's results have no names: 17 are COCO's, 133 COCO-WholeBody's."""
        known = self.given
        if known is None:
            name = {17: "coco17", 133: "coco_wholebody133"}.get(count)
            if name is None:
                raise InvalidArgumentError(f"the results have {count} keypoints, COCO's are 17 or 133: set keypoint_set, or choose keypoints=\"coco17\"")
            known = _core.builtin_keypoint_set(name)
        elif len(known) != count:
            raise InvalidArgumentError(f"keypoint_set {known.name} has {len(known)} keypoints, the results have {count}: pass the results' own set")
        return keypoints_of(known.name, known.names, known.sigmas)


def keypoints_of(name: str, names: list[str], sigmas: Sequence[float]) -> Keypoints:
    """What the results' keypoints are. A subset of a set without sigmas has those of the built-in set that it is (coco17)."""
    if not sigmas and name in _core.builtin_keypoint_sets():
        known = _core.builtin_keypoint_set(name)
        sigmas = known.sigmas if known.names == names else []
    return Keypoints(name, names, list(sigmas))


def _scores(keypoint_scores: npt.NDArray[np.float64], box_scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The people's scores: the box's times the mean of the keypoints' above 0.2, 0 if none is."""
    counted = keypoint_scores.astype(np.float32) > _COUNTED_SCORE
    means = np.where(counted, keypoint_scores, 0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    scores: npt.NDArray[np.float64] = np.asarray(box_scores, np.float64) * means
    return scores
