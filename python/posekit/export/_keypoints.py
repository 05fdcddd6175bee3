"""The keypoints of a model: a built-in set where the names or the number say so, else a set of its own."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import _core
from .._errors import InvalidArgumentError
from ._files import read_json
from ._note import note

BY_NUMBER = {16: "mpii16", 17: "coco17", 26: "halpe26", 133: "coco_wholebody133", 308: "goliath308"}
"""The set that a model with that many channels and no names is assumed to have."""
OTHERS = re.compile(
    r"(?<![a-z])(ap-?10k|animal|macaque|horse|fly|locust|zebra|h36m|human-?3\.?6m|deepfashion|onehand|interhand|freihand|rhd|panoptic|posetrack|"
    r"mhp|jhmdb|crowdpose|wflw|cofw|aflw|300w)",
    re.IGNORECASE,
)
"""Data sets that have other keypoints than the sets above, as mmpose's names of files have them."""


def keypoints_of(names: Sequence[str] | None, count: int, name: str, source: str) -> str | dict[str, Any]:
    """The value of "keypoints" in the metadata.

    names: of the `count` channels, if the source has them; upper case, and "l_" for "left_" as in usyd-community's files, are understood.
    name: of the model, for a set of its own.
    source: the name of the file or folder, which may have that of a data set.
    """
    if names is None:
        other = OTHERS.search(source)
        if count in BY_NUMBER and other:
            note(f'"{source}" has the name of a data set with keypoints of its own ("{other[0]}"), so {BY_NUMBER[count]} is not assumed')
        elif count in BY_NUMBER:
            note(f"the source does not name its {count} keypoints: {BY_NUMBER[count]} is assumed; --keypoints says otherwise")
            return BY_NUMBER[count]
        note(f"the source does not name its {count} keypoints: they are called keypoint_0, keypoint_1, …; --keypoints gives them names")
        return {"name": name, "keypoints": [{"id": i, "name": f"keypoint_{i}"} for i in range(count)]}
    plain = [_plain(entry) for entry in names]
    for known in _core.builtin_keypoint_sets():
        if [_plain(entry) for entry in _core.builtin_keypoint_set(known).names] == plain:
            return known
    swap = _partners(plain)
    points: list[dict[str, Any]] = [{"id": i, "name": entry} for i, entry in enumerate(plain)]
    if swap is None:
        note("the keypoints have no left and right of the same number: the set has no partners, so no flip test")
    else:
        for point, partner in zip(points, swap):
            point["swap"] = partner
    return {"name": name, "keypoints": points}


def _plain(name: str) -> str:
    word = re.sub(r"[\s-]+", "_", name.strip().lower())
    return re.sub(r"^([lr])_", lambda side: {"l": "left_", "r": "right_"}[side[1]], word)


def _partners(names: Sequence[str]) -> list[int] | None:
    """Each keypoint's index in a mirrored image, by the words left and right in the names; None where one has no partner, or no name has a side."""
    index = {name: i for i, name in enumerate(names)}
    other = {"left": "right", "right": "left"}
    swap = [index.get(re.sub(r"left|right", lambda side: other[side[0]], name), -1) for name in names]
    sided = any(i != partner for i, partner in enumerate(swap))
    return swap if sided and -1 not in swap and len(index) == len(names) else None


def chosen_keypoints(choice: str, count: int) -> str | dict[str, Any]:
    """What the user names: a built-in set, or the file of one (docs/models.md).

    Raises NotFoundError, IoError, InvalidModelError, InvalidArgumentError.
    """
    if os.path.isfile(choice):
        document = read_json(Path(choice))
        found, value = _core.parse_keypoint_set(json.dumps(document)), document
    else:
        found, value = _core.builtin_keypoint_set(choice), {}
    if len(found.names) != count:
        raise InvalidArgumentError(f'the keypoint set "{choice}" has {len(found.names)} keypoints, the model has {count}: name another set')
    return value or choice
