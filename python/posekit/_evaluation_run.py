"""What evaluate_model does: runs a model over annotated images and measures it; a run that was interrupted goes on."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ._annotations import AnnotatedImage, Annotations
from ._boxes import read_boxes
from ._detector import PersonDetector
from ._errors import Error, InvalidArgumentError, IoError, NotFoundError
from ._estimator import PoseEstimator
from ._evaluate import Evaluation
from ._evaluation import Options, check_keypoints, measure
from ._model import Model, ModelSource
from ._predictions import RUN_FORMAT, read_results
from ._predictor import Predictor
from ._results import PoseResult

Boxes = dict[Path, npt.NDArray[np.float64]]
"""Of each file."""
_SECONDS_BETWEEN_REPORTS = 10.0
"""Of progress that is not shown in a terminal."""


def run(
    model: PoseEstimator | Model | ModelSource | None,
    images: str | os.PathLike[str],
    annotations: str | os.PathLike[str],
    boxes: str | os.PathLike[str] | None,
    detector: PersonDetector | Model | ModelSource | None,
    flip_test: bool,
    keypoints: str | Sequence[str] | None,
    device: str | None,
    results: str | os.PathLike[str] | None,
    progress: bool | None,
    how: Options,
    category: int | None,
    subset: bool,
) -> Evaluation:
    """See evaluate_model."""
    if how.boxes_from == "gt" and boxes is not None:
        raise InvalidArgumentError('boxes were given with boxes_from="gt", which takes those of the annotations: leave one out')
    if detector is not None and (how.boxes_from == "gt" or boxes is not None):
        raise InvalidArgumentError("a detector was given beside boxes, one of the two is expected: leave one out")
    truth = Annotations(annotations, category)
    estimator = _estimator_of(model, flip_test, keypoints, device)
    check_keypoints(estimator.keypoints, truth, how)
    people = _people(truth, estimator) if how.boxes_from == "gt" else None
    files = _files(truth, people, Path(images), subset)
    given: Boxes | None = None
    if people is not None:
        given = {path: np.array(people[image.id]) for path, image in files.items()}
    elif boxes is not None:
        given = read_boxes(boxes, list(files), annotations=annotations, category=truth.category, subset_of_boxes=True)
    elif not isinstance(detector, PersonDetector):
        detector = PersonDetector(detector, device=device)
    predictor = Predictor(estimator, detector if isinstance(detector, PersonDetector) else None)

    if results is None:
        return measure(_results(predictor, files, list(files), given, progress), truth, how, None, subset)
    with _Journal(Path(results), _made_with(predictor, given)) as journal:
        todo = journal.missing(files)
        for result in _results(predictor, files, todo, given, progress, kept=True):
            journal.add(result, files[Path(result.path or "")])
    names = {image.name for image in files.values()}
    done = (one for one in read_results(Path(results)) if one["image"]["path"] in names)
    return measure(done, truth, how, None, subset)


def _estimator_of(model: Any, flip_test: bool, keypoints: Any, device: str | None) -> PoseEstimator:
    if not isinstance(model, PoseEstimator):
        return PoseEstimator(model, flip_test=flip_test, keypoints=keypoints, device=device)
    if flip_test or keypoints is not None or device is not None:
        raise InvalidArgumentError("flip_test, keypoints or device were given beside a PoseEstimator, which has its own: pass them to the PoseEstimator")
    return model


def _people(truth: Annotations, estimator: PoseEstimator) -> dict[int, list[npt.NDArray[np.float64]]]:
    """The boxes of annotated people that count, by image."""
    found: dict[int, list[npt.NDArray[np.float64]]] = {}
    for person in truth.people(estimator.keypoints.names):
        if person.counts:
            found.setdefault(person.image_id, []).append(person.box)
    return found


def _files(truth: Annotations, wanted: Mapping[int, Any] | None, folder: Path, subset: bool) -> dict[Path, AnnotatedImage]:
    """The images that are run. wanted: by id; None = all."""
    files: dict[Path, AnnotatedImage] = {}
    for id, image in truth.images.items():
        if wanted is not None and id not in wanted:
            continue
        if files.setdefault(folder / image.name, image) is not image:
            raise InvalidArgumentError(f'{truth.what}: two images have the file_name "{image.name}": give each file one image')
    missing = [path for path in files if not path.is_file()]
    if (missing and not subset) or len(missing) == len(files):
        raise NotFoundError(
            f'annotated images that are not there: {len(missing)} of {len(files)}, "{missing[0]}" is the first: '
            "name the folder that the annotations' file names are in, or set subset_of_annotations"
        )
    for path in missing:
        del files[path]
    return files


def _results(
    predictor: Predictor,
    files: Mapping[Path, AnnotatedImage],
    todo: Sequence[Path],
    boxes: Boxes | None,
    progress: bool | None,
    *,
    kept: bool = False,
) -> Iterator[PoseResult]:
    """The results of the images that do not fail. Raises the first error after them. kept: what is done is not lost by it."""
    failed: list[tuple[str, Error]] = []
    report = _Progress(len(files), len(files) - len(todo), progress)
    for result in predictor.estimate(list(todo), boxes=boxes):
        if result.error is not None:
            failed.append((str(result.path), result.error))
        else:
            yield result
        report.one_more()
    report.end()
    if failed:
        path, error = failed[0]
        kind = type(error)
        raise kind(
            f'images that failed: {len(failed)}, "{path}" is the first ({error}): correct it, and run again'
            + (", what is done is kept" if kept else "")
        ) from error


def _made_with(predictor: Predictor, boxes: Boxes | None) -> dict[str, Any]:
    """What the numbers depend on. Device, threads and batch are not in it: numbers differ by rounding at most."""
    estimator, detector = predictor.estimator, predictor.detector
    pose = {**_model(estimator.model, estimator.info), "keypoints": estimator.keypoints.names, "flip_test": estimator._options["flip_test"]}
    found = None if detector is None else {**_model(detector.model, detector.info), "tiles": detector._options["tiles"]}
    digest = None
    if boxes is not None:
        parts = hashlib.sha256()
        for path, people in sorted(boxes.items()):
            parts.update(os.fsencode(path.name) + b"\0" + people.tobytes())
        digest = parts.hexdigest()
    return {"model": pose, "detector": found, "boxes": digest}


def _model(model: Model, info: Any) -> dict[str, Any]:
    if model._path is None:
        raise InvalidArgumentError("results are kept of models made from a file only, which can be known again: make the model from its path")
    with open(model._path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return {"sha256": digest.hexdigest(), "metadata": json.loads(info.to_json()), "precision": model._options["precision"]}


class _Journal:
    """The file of results: a line that says what they are made with, then a line for each image. It only grows."""

    def __init__(self, path: Path, made_with: Mapping[str, Any]) -> None:
        self.path, self.made_with = path, made_with
        self.file: IO[bytes]

    def __enter__(self) -> _Journal:
        try:
            self.file = open(self.path, "a+b")
        except OSError as error:
            raise IoError(f'results "{self.path}" can\'t be written ({error.strerror}): name a file in a folder that can') from error
        if not self.path.is_file():  # a device's bytes may have no end
            self.file.close()
            raise InvalidArgumentError(f'results "{self.path}" are no regular file: name another file')
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.file.close()
            raise InvalidArgumentError(f'results "{self.path}" are being written by another run: name another file, or wait for it') from error
        except OSError:
            pass  # a file system without locks
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of what could not be written, which was reported
            self.file.close()

    def missing(self, files: Mapping[Path, AnnotatedImage]) -> list[Path]:
        """The files whose results are not there. Raises InvalidArgumentError if those that are there do not fit."""
        header = json.dumps({"format": RUN_FORMAT, "made_with": self.made_with}).encode() + b"\n"
        self.file.seek(0)
        first = self.file.readline()
        if not first.endswith(b"\n") and header.startswith(first):  # nothing, or of a run that was killed
            self.file.truncate(0)
            self._write(header)
        else:
            self._check_header(first)
        done = {}
        for line in self.file:
            if not line.endswith(b"\n"):  # of a run that was killed
                self.file.truncate(self.file.tell() - len(line))
                break
            try:
                document = json.loads(line)
                done[document["image"]["path"]] = document["made_with"]["input"]
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidArgumentError(f'results "{self.path}" have a line that is no result: name another file, or remove it') from error
        for path, image in files.items():
            if image.name in done and done[image.name] != _state(path):
                raise InvalidArgumentError(f'the image "{path}" has changed since the results "{self.path}" were made: name another file, or remove it')
        return [path for path, image in files.items() if image.name not in done]

    def _check_header(self, line: bytes) -> None:
        try:
            document = json.loads(line)
            made_with = document["made_with"] if document["format"] == RUN_FORMAT else None
        except (ValueError, KeyError, TypeError):
            made_with = None
        if made_with is None:
            raise InvalidArgumentError(f'results "{self.path}" are not of a run of evaluate_model: name another file')
        differs = [key for key, value in self.made_with.items() if made_with.get(key) != value]
        if differs:
            raise InvalidArgumentError(
                f'results "{self.path}" were made with another {" and ".join(differs)}: name another file, or remove it to make them again'
            )

    def add(self, result: PoseResult, image: AnnotatedImage) -> None:
        made_with = json.dumps({"input": _state(Path(result.path or ""))})
        self._write(f'{result.to_json(image.name)[:-1]}, "made_with": {made_with}}}\n'.encode())

    def _write(self, line: bytes) -> None:
        try:
            self.file.write(line)
            self.file.flush()
        except OSError as error:
            raise IoError(f'results "{self.path}" can\'t be written ({error.strerror}): free space, and run again to go on') from error


def _state(path: Path) -> dict[str, int]:
    found = path.stat()
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns}


class _Progress:
    """How far a run is, on standard error."""

    def __init__(self, images: int, before: int, shown: bool | None) -> None:
        self.images, self.done, self.before = images, before, before
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.shown = self.live if shown is None else shown
        self.start = self.last = time.monotonic()

    def one_more(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.shown and now - self.last >= (0.2 if self.live else _SECONDS_BETWEEN_REPORTS):
            self.last = now
            self._print()

    def end(self) -> None:
        if self.shown:
            self._print()
            if self.live:
                print(file=sys.stderr)

    def _print(self) -> None:
        seconds = time.monotonic() - self.start
        rate = (self.done - self.before) / max(seconds, 1e-9)
        left = f", {(self.images - self.done) / rate:.0f} s left" if rate > 0 else ""
        text = f"{self.done} of {self.images} images, {rate:.1f} images/s{left}"
        with contextlib.suppress(OSError):
            print(f"\r{text:60}" if self.live else text, end="" if self.live else "\n", file=sys.stderr, flush=True)
