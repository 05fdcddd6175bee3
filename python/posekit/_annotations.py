"""COCO keypoint annotations: read, checked, and as arrays."""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError, IoError, NotFoundError

PartKeys = ("foot", "face", "lefthand", "righthand")
"""What COCO-WholeBody has beside the 17 keypoints of the body, in the order of the set: NAME_kpts."""


@dataclass(frozen=True)
class AnnotatedImage:
    """An image of the annotations."""

    id: int
    name: str
    size: tuple[int, int] | None
    """Width, height."""


@dataclass(frozen=True)
class AnnotatedPerson:
    """A person, or a crowd, with what is labelled."""

    id: int
    image_id: int
    box: npt.NDArray[np.float64]
    """x1, y1, x2, y2."""
    area: float
    crowd: bool
    points: npt.NDArray[np.float64]
    """(K, 3): x, y and visibility, which is above 0 where the point is labelled."""

    @property
    def counts(self) -> bool:
        """Whether a model must find the person."""
        return not self.crowd and bool((self.points[:, 2] > 0).any())


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], what: str, remedy: str) -> Iterator[IO[str]]:
    """A JSON file, to be read. Raises NotFoundError, IoError, and InvalidArgumentError for what is no JSON.

    what: the file's kind in messages. remedy: what to do if it is no JSON.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a device's bytes may have no end
            raise InvalidArgumentError(f'{what} "{path}" are no regular file: name a file')
        with open(path, encoding="utf-8-sig") as file:
            yield file
    except InvalidArgumentError:
        raise
    except FileNotFoundError as error:
        raise NotFoundError(f'{what} "{path}" are not there: check the path') from error
    except OSError as error:
        raise IoError(f'{what} "{path}" can\'t be read ({error.strerror}): check the path and its permissions') from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f'{what} "{path}" are no JSON ({error}): {remedy}') from error


class Annotations:
    """A COCO keypoint annotation file, or COCO-WholeBody's.

    source: its path, or the document itself, which is not changed.
    category: id of the people's category; None = the only one there is, else the one named person.

    Raises NotFoundError, IoError, InvalidArgumentError.
    """

    def __init__(self, source: str | os.PathLike[str] | Mapping[str, Any], category: int | None = None) -> None:
        path = None if isinstance(source, Mapping) else os.fsdecode(source)
        self.what = "annotations" if path is None else f'annotations "{path}"'
        if path is None:
            document: Any = source
        else:
            with opened(path, "annotations", "check that the file is whole") as file:
                document = json.load(file)
        lists = ("images", "annotations", "categories")
        if not isinstance(document, Mapping) or not all(isinstance(document.get(key), list) for key in lists):
            raise InvalidArgumentError(f"{self.what}: not of COCO's form, an object with the lists images, annotations and categories is expected")
        self.category, self.names = self._category_of(document["categories"], category)
        self.images = self._images_of(document["images"])
        self._people = [one for one in document["annotations"] if self._value(one, "category_id", int) == self.category]
        self._check_ids()
        self._by_name: dict[str, list[AnnotatedImage]] = {}
        for image in self.images.values():
            self._by_name.setdefault(_tail(image.name)[0], []).append(image)

    def _value(self, entry: Any, key: str, kind: type) -> Any:
        value = entry.get(key) if isinstance(entry, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, kind):
            expected = "a whole number" if kind is int else "text"
            raise InvalidArgumentError(f"{self.what}: {key} {value!r:.40} in an entry, {expected} is expected")
        return value

    def _category_of(self, categories: Sequence[Any], wanted: int | None) -> tuple[int, list[str] | None]:
        found = {self._value(one, "id", int): one for one in categories}
        people = [id for id, one in found.items() if one.get("name") == "person"]
        if wanted is None and len(found) == 1:
            wanted = next(iter(found))
        elif wanted is None and len(people) == 1:
            wanted = people[0]
        if wanted is None or wanted not in found:
            choice = "it is not clear which is people's" if wanted is None else f"there is no category {wanted}"
            raise InvalidArgumentError(f"{self.what}: {choice}: set category to one of the ids {sorted(found)[:20]}")
        names = found[wanted].get("keypoints")
        return wanted, [str(name) for name in names] if isinstance(names, list) and names else None

    def _images_of(self, entries: Sequence[Any]) -> dict[int, AnnotatedImage]:
        images: dict[int, AnnotatedImage] = {}
        for entry in entries:
            id = self._value(entry, "id", int)
            if id in images:
                raise InvalidArgumentError(f"{self.what}: image id {id} is there twice: give each image its own id")
            size = (entry["width"], entry["height"]) if "width" in entry and "height" in entry else None
            images[id] = AnnotatedImage(id, self._value(entry, "file_name", str), size)
        return images

    def _check_ids(self) -> None:
        seen = set()
        for one in self._people:
            id = self._value(one, "id", int)
            if id in seen:
                raise InvalidArgumentError(f"{self.what}: annotation id {id} is there twice: give each annotation its own id")
            seen.add(id)
            if self._value(one, "image_id", int) not in self.images:
                raise InvalidArgumentError(f"{self.what}: annotation {id} is of image {one['image_id']}, which is not in the list: add the image")

    def image_of(self, path: str) -> AnnotatedImage:
        """The image whose name has the longest tail in common with the path; of several the one whose name is no longer than that."""
        tail = _tail(path)
        shared = [(_in_common(tail, _tail(image.name)), image) for image in self._by_name.get(tail[0], [])]
        longest = max((length for length, _ in shared), default=0)
        best = [image for length, image in shared if length == longest]
        if not best:
            raise InvalidArgumentError(f'the image "{path}" is not in the {self.what}: check that they belong together, or leave its result out')
        if len(best) > 1:
            best = [image for image in best if len(_tail(image.name)) == longest] or best  # a.jpg itself is meant, not two/a.jpg
        if len(best) > 1:
            raise InvalidArgumentError(
                f'the image "{path}" may be "{best[0].name}" or "{best[1].name}" of the {self.what}: name the images with their folders'
            )
        return best[0]

    def people(self, names: Sequence[str]) -> list[AnnotatedPerson]:
        """All people and crowds, in the file's order, with the keypoints of a set.

        names: the set's.

        Raises InvalidArgumentError if the annotations are of other keypoints, or not sound.
        """
        whole_body = len(names) == 133 and all("face_kpts" in one for one in self._people)
        expected = 17 if whole_body else len(names)
        if self.names is not None and len(self.names) == len(names):
            for i, (ours, theirs) in enumerate(zip(names, self.names)):
                if _plain(ours) != _plain(theirs):
                    raise InvalidArgumentError(
                        f"{self.what}: keypoint {i} is {theirs!r}, of the results {ours!r}: pass results of the same keypoints in the same order"
                    )
        return [self._person(one, expected, whole_body) for one in self._people]

    def _person(self, entry: Mapping[str, Any], count: int, whole_body: bool) -> AnnotatedPerson:
        where = f"{self.what}: annotation {entry['id']}"
        if entry.get("iscrowd", 0) not in (0, 1):
            raise InvalidArgumentError(f"{where} has iscrowd {entry['iscrowd']!r:.40}, 0 or 1 is expected: correct it")
        crowd = entry.get("iscrowd", 0) == 1
        if "keypoints" not in entry and not crowd:
            raise InvalidArgumentError(f"{where} has no keypoints: pass a file of keypoint annotations, as COCO's person_keypoints_val2017.json")
        points = self._points(where, entry, "keypoints")
        if crowd and not len(points):
            points = np.zeros((count, 3))
        if len(points) != count:
            raise InvalidArgumentError(
                f"{where} has {len(points)} keypoints, {count} are expected, as the results have them: choose the results' keypoints, "
                'for example keypoints="coco17"'
            )
        if whole_body:
            points = np.concatenate([points, *(self._points(where, entry, f"{key}_kpts") for key in PartKeys)])
            if len(points) != 133:
                raise InvalidArgumentError(f"{where} has {len(points)} keypoints in its parts, COCO-WholeBody's 17, 6, 68, 21 and 21 are expected")
        labelled = int((points[:, 2] > 0).sum())
        if not whole_body and "num_keypoints" in entry and (entry["num_keypoints"] == 0) != (labelled == 0):
            raise InvalidArgumentError(
                f"{where} has num_keypoints {entry['num_keypoints']} and {labelled} labelled keypoints: correct one of the two"
            )
        try:
            x, y, width, height = np.array(entry["bbox"], np.float64)
            area = float(entry["area"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"{where} lacks a bbox or an area: add bbox [x, y, width, height] and area in pixels") from error
        numbers = (x, y, width, height, area)
        if not np.isfinite(numbers).all() or (labelled and not crowd and not (area > 0 and min(width, height) >= 0 and max(width, height) > 0)):
            raise InvalidArgumentError(f"{where} has bbox {entry['bbox']} and area {area}, finite numbers and sizes above 0 are expected")
        return AnnotatedPerson(entry["id"], entry["image_id"], np.array([x, y, x + width, y + height]), area, crowd, points)

    def _points(self, where: str, entry: Mapping[str, Any], key: str) -> npt.NDArray[np.float64]:
        try:
            points = np.array(entry.get(key, []), np.float64).reshape(-1, 3)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"{where} has {key} that are no list of x, y, visibility: correct them") from error
        if not np.isfinite(points).all():
            raise InvalidArgumentError(f"{where} has {key} that are not finite: correct them")
        return points


def _tail(path: str) -> list[str]:
    """The path's parts, the last first."""
    return unicodedata.normalize("NFC", path).replace("\\", "/").split("/")[::-1]


def _in_common(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "_").replace("-", "_")
