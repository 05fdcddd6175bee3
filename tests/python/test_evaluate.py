"""Evaluation: the field's numbers, as pycocotools gives them of the same poses; what is not sound is refused, never measured."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
from conftest import COCO, PROGRAM, ROOT, Script, made
from evaluation import annotated, person_of
from message_form import check_message_form
from posekit import _measures

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")

SHARED = ROOT.parent / "shared"
GOLDEN = SHARED / "golden/coco_ap"
PHOTOS = SHARED / "data/coco"
LABELS = PHOTOS / "test_coco.json"
needs_photos = pytest.mark.skipif(not LABELS.is_file(), reason="the COCO photos are not here: they must not be shipped")
WHOLE = posekit.builtin_keypoint_set("coco_wholebody133")
NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


def golden_sets() -> list[Any]:
    cases = GOLDEN / "cases.json"
    sets = json.loads(cases.read_text())["sets"] if cases.is_file() else []
    return [pytest.param(one, id=one["name"]) for one in sets] or [pytest.param(None, marks=pytest.mark.skip(reason="shared/golden/coco_ap is not there"))]


def values(metrics: dict[str, float | None]) -> list[float]:
    """pycocotools has -1 where nobody is to be measured."""
    return [-1 if metrics[name] is None else metrics[name] for name in NAMES]  # type: ignore[misc]


@pytest.mark.parametrize("case", golden_sets())
def test_ap_of_the_reference_sets_is_pycocotools(case: dict[str, Any]) -> None:
    found = posekit.evaluate(GOLDEN / case["predictions"], GOLDEN / case["truth"], oks_nms=None)
    assert list(found.metrics) == list(case["expected"])
    assert np.allclose(values(found.metrics), list(case["expected"].values()), rtol=0, atol=1e-6)


# --- the photos: a converter of its own, and pycocotools called directly ---


def reference_oks(one: Any, other: Any, area: float, sigmas: Any) -> float:
    total = 0.0
    for (x, y), (u, v), sigma in zip(one, other, sigmas):
        total += math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * (2 * sigma) ** 2 * (area + np.spacing(1))))
    return total / len(sigmas)


def reference_nms(poses: Any, scores: Any, areas: Any, sigmas: Any, threshold: float) -> list[int]:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept: list[int] = []
    for i in order:
        if all(reference_oks(poses[i], poses[j], (areas[i] + areas[j]) / 2, sigmas) <= threshold for j in kept):
            kept.append(i)
    return kept


def mmpose_area(box: list[float]) -> float:
    """GetBBoxCenterScale's padding, then TopdownAffine's shape, for an input of 192x256."""
    width, height = 1.25 * (box[2] - box[0]), 1.25 * (box[3] - box[1])
    aspect = 192 / 256
    return width * (width / aspect) if width > height * aspect else height * aspect * height


def entries_of(folder: Path, labels: dict[str, Any], gt: bool, threshold: float | None) -> list[dict[str, Any]]:
    """COCO entries of result documents, by the words of docs/evaluation.md."""
    entries = []
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text())
        (image,) = [one for one in labels["images"] if one["file_name"] == Path(document["image"]["path"]).name]
        people = []
        for person in document["instance_info"]:
            x1, y1, x2, y2 = person["bbox"]
            if gt:
                (annotation,) = [
                    one
                    for one in labels["annotations"]
                    if one["image_id"] == image["id"] and np.allclose(one["bbox"], [x1, y1, x2 - x1, y2 - y1], atol=0.005)
                ]
                if annotation["iscrowd"] or annotation["num_keypoints"] == 0:
                    continue
            scores = [score for score in person["keypoint_scores"] if score > 0.2]
            people.append((person, person["bbox_score"] * sum(scores) / len(scores) if scores else 0.0))
        if threshold is not None:
            areas = [mmpose_area(person["bbox"]) for person, _ in people]
            kept = reference_nms([p["keypoints"] for p, _ in people], [s for _, s in people], areas, COCO.sigmas, threshold)
            people = [people[i] for i in kept]
        for person, score in people:
            flat = [value for (x, y), s in zip(person["keypoints"], person["keypoint_scores"]) for value in (x, y, s)]
            entries.append({"image_id": image["id"], "category_id": 1, "keypoints": flat, "score": score})
    return entries


def by_pycocotools(labels: dict[str, Any], entries: list[dict[str, Any]], sigmas: Any = None) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = copy.deepcopy(labels)
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(copy.deepcopy(entries)), "keypoints")
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def estimated(folder: Path, *options: str) -> Path:
    photos = sorted(str(path) for path in PHOTOS.glob("*.jpg"))
    command = [str(PROGRAM), "estimate", *photos, "-o", str(folder), "--keypoints", "coco17", "--quiet", *options]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the program makes of the photos, by where the boxes come from. The low threshold makes wrong and double people."""
    root = tmp_path_factory.mktemp("photos")
    return {
        "gt": estimated(root / "gt", "--boxes", str(LABELS)),
        "detector": estimated(root / "detector", "--det-threshold", "0.2", "--nms-iou", "0.9"),
    }


@needs_photos
@pytest.mark.parametrize("threshold", [0.9, 0.5, None])
@pytest.mark.parametrize("boxes_from", ["gt", "detector"])
def test_ap_of_the_photos_is_pycocotools_called_directly(results: dict[str, Path], boxes_from: Any, threshold: float | None) -> None:
    labels = json.loads(LABELS.read_text())
    entries = entries_of(results[boxes_from], labels, boxes_from == "gt", threshold)
    found = posekit.evaluate(results[boxes_from], LABELS, boxes_from=boxes_from, oks_nms=threshold)
    assert np.allclose(values(found.metrics), by_pycocotools(labels, entries), rtol=0, atol=1e-9)
    assert found.people == 12 and found.images == 4 and found.found == len(entries)
    assert 0 < found.metrics["AP"] < 1  # type: ignore[operator]


@needs_photos
def test_one_shifted_person_lowers_ap(results: dict[str, Path], tmp_path: Path) -> None:
    before = posekit.evaluate(results["gt"], LABELS, boxes_from="gt").metrics["AP"]
    for file in results["gt"].glob("*.json"):
        document = json.loads(file.read_text())
        if file.name.startswith("000000000785"):
            person = document["instance_info"][0]
            person["keypoints"] = [[x + 60, y] for x, y in person["keypoints"]]
        (tmp_path / file.name).write_text(json.dumps(document))
    assert posekit.evaluate(tmp_path, LABELS, boxes_from="gt").metrics["AP"] < before - 0.05  # type: ignore[operator]


@needs_photos
def test_every_form_of_the_same_results_has_the_same_numbers(results: dict[str, Path], tmp_path: Path) -> None:
    lines = tmp_path / "results.jsonl"
    lines.write_text("".join(file.read_text() for file in sorted(results["detector"].glob("*.json"))))
    detector = posekit.PersonDetector(score_threshold=0.2, nms_iou=0.9)
    predictor = posekit.Predictor(posekit.PoseEstimator(keypoints="coco17"), detector)
    live = list(predictor.estimate(sorted(PHOTOS.glob("*.jpg"))))
    documents = [json.loads(line) for line in lines.read_text().splitlines()]
    estimated(tmp_path / "coco", "--det-threshold", "0.2", "--nms-iou", "0.9", "--format", "coco", "--annotations", str(LABELS))
    named = [entry for one in live for entry in one.to_coco(Path(one.path or "").name)]
    numbered = [entry for one in live for entry in one.to_coco(int(Path(one.path or "").stem))]
    whole = posekit.evaluate(results["detector"], LABELS, oks_nms=None)
    for form in (str(results["detector"]), lines, live, iter(live), documents, tmp_path / "coco", tmp_path / "coco/results.json", named, numbered):
        found = posekit.evaluate(form, json.loads(LABELS.read_text()), oks_nms=None)
        assert np.allclose(values(found.metrics), values(whole.metrics), rtol=0, atol=1e-9), form
        assert (found.images, found.people, found.found) == (whole.images, whole.people, whole.found)


@needs_photos
@pytest.mark.parametrize("boxes_from", ["gt", "detector"])
def test_running_a_model_gives_the_numbers_of_the_programs_results(results: dict[str, Path], boxes_from: Any) -> None:
    estimator = posekit.PoseEstimator(keypoints="coco17")
    detector = posekit.PersonDetector(score_threshold=0.2, nms_iou=0.9) if boxes_from == "detector" else None
    found = posekit.evaluate_model(estimator, PHOTOS, LABELS, boxes_from=boxes_from, detector=detector)
    assert values(found.metrics) == pytest.approx(values(posekit.evaluate(results[boxes_from], LABELS, boxes_from=boxes_from).metrics), abs=1e-9)


def test_oks_nms_keeps_what_a_float64_reference_keeps_on_1000_random_lists() -> None:
    random = np.random.default_rng(27)
    removed = 0
    for _ in range(1000):
        count, points = int(random.integers(0, 9)), int(random.integers(1, 30))
        centres = random.uniform(0, 500, (3, points, 2))
        poses = centres[random.integers(0, 3, count)] + random.normal(0, random.choice([0, 1, 4, 15]), (count, points, 2))
        scores = np.round(random.uniform(0, 1, count), random.choice([1, 6]))  # some are equal
        areas, sigmas = random.uniform(100, 90000, count), random.uniform(0.02, 0.11, points)
        threshold = float(random.choice([0.3, 0.6, 0.9]))
        boxes = np.concatenate([low := random.uniform(-100, 500, (count, 2)), low + random.uniform(1, 400, (count, 2))], axis=1)
        assert np.allclose(_measures.crop_area(boxes), [mmpose_area(box) for box in boxes], rtol=1e-12)
        found = _measures.oks_nms(poses, scores, areas, sigmas, threshold)
        assert found == reference_nms(poses, scores, areas, sigmas, threshold)
        removed += count - len(found)
    assert removed > 500


# --- made results and annotations ---


def test_results_that_are_right_have_an_ap_of_1_and_none_for_sizes_that_are_not_there() -> None:
    results = [person_of("a.jpg", 2), person_of("b.jpg", 1)]
    found = posekit.evaluate(results, annotated(*results))
    expected = dict.fromkeys(NAMES, 1.0) | {"APM": None, "ARM": None}  # 100 x 200 / 2 is above 96 x 96
    assert found.metrics == pytest.approx(expected)
    document = json.loads(found.to_json())
    assert document["format"] == "posekit-evaluation/1" and document["metrics"] == found.metrics and document["people"] == 3
    table = str(found)
    assert "1.000" in table and " - " in table and all(line in table for line in found.assumptions)


def test_crowds_and_people_without_labels_are_as_for_pycocotools() -> None:
    result = person_of("a.jpg", 3)
    labels = annotated(result)
    labels["annotations"][1]["iscrowd"] = 1
    labels["annotations"][2] |= {"num_keypoints": 0, "keypoints": [0] * 51}
    result.keypoints[1] += 7
    entries = result.to_coco(1)
    found = posekit.evaluate(entries, labels, oks_nms=None)
    renumbered = copy.deepcopy(labels)
    for one in renumbered["annotations"]:
        one["id"] += 1  # pycocotools takes the id 0 for "not matched"
    assert np.allclose(values(found.metrics), by_pycocotools(renumbered, entries), rtol=0, atol=1e-12)
    assert found.people == 1
    gt = posekit.evaluate([result], labels, boxes_from="gt")
    assert gt.found == 1 and gt.metrics["AP"] == pytest.approx(1) and "left out: 2." in "".join(gt.assumptions)


def test_an_annotation_with_id_0_is_a_match() -> None:
    """pycocotools called directly says 0 here (annotation ids from 0), which is wrong."""
    result = person_of()
    labels = annotated(result)
    assert labels["annotations"][0]["id"] == 0
    assert posekit.evaluate([result], labels).metrics["AP"] == pytest.approx(1)


def test_image_ids_of_64_bits_are_told_apart() -> None:
    """pycocotools called directly makes floats of them, and leaves such images out."""
    results = [person_of(f"{name}.jpg") for name in "abc"]
    labels = annotated(*results)
    results[0].keypoints += 300
    expected = posekit.evaluate(results, labels).metrics
    assert expected["AR"] == pytest.approx(2 / 3)
    large = {1: 2**63 + 1, 2: 2**63 + 2, 3: 2**70}
    for image in labels["images"]:
        image["id"] = large[image["id"]]
    for one in labels["annotations"]:
        one["image_id"] = large[one["image_id"]]
    assert posekit.evaluate(results, labels).metrics == expected


def test_a_pose_is_of_the_person_who_counts_where_a_crowd_has_the_same_box() -> None:
    labels = annotated(ONE)
    labels["annotations"].insert(0, labels["annotations"][0] | {"id": 9, "iscrowd": 1})
    found = posekit.evaluate([ONE], labels, boxes_from="gt")
    assert found.found == 1 and found.metrics["AP"] == pytest.approx(1)


def test_parts_are_pycocotools_of_the_parts_alone() -> None:
    random = np.random.default_rng(3)
    results = [person_of(f"{i}.jpg", 3, WHOLE) for i in range(6)]
    labels = annotated(*results)
    labels["categories"][0]["keypoints"] = COCO.names
    parts = {"foot": (17, 23), "face": (23, 91), "lefthand": (91, 112), "righthand": (112, 133)}
    for one in labels["annotations"]:
        points = np.array(one["keypoints"]).reshape(133, 3)
        points[random.uniform(size=133) < 0.2, 2] = 0
        one |= {"keypoints": points[:17].ravel().tolist(), "num_keypoints": int((points[:17, 2] > 0).sum()), "area": random.uniform(2000, 20000)}
        for name, (start, end) in parts.items():
            one |= {f"{name}_kpts": points[start:end].ravel().tolist(), f"{name}_valid": bool(random.uniform() < 0.7)}
    for result in results:
        result.keypoints += random.normal(0, 6, result.keypoints.shape).astype(np.float32)
        result.scores[:] = random.uniform(0.1, 1, result.scores.shape)
    results[0].scores[:, 91:112] = 0  # left hands that were not found
    labels["annotations"][0]["foot_kpts"] = [0] * 18
    found = posekit.evaluate(results, labels, parts=True, oks_nms=None)
    keys = {"body": ["keypoints"], "feet": ["foot_kpts"], "face": ["face_kpts"], "left_hand": ["lefthand_kpts"], "right_hand": ["righthand_kpts"]}
    keys |= {"hands": ["lefthand_kpts", "righthand_kpts"], "whole": ["keypoints", *(f"{name}_kpts" for name in parts)]}
    columns = {name: WHOLE.subsets[name] for name in ("body", "feet", "face", "left_hand", "right_hand")}
    columns |= {"hands": columns["left_hand"] + columns["right_hand"], "whole": list(range(133))}
    assert list(found.parts) == list(keys) and found.metrics == found.parts["whole"]
    for part, lists in keys.items():
        alone = copy.deepcopy(labels)
        for one in alone["annotations"]:
            one["keypoints"] = [value for key in lists for value in one[key]]
            one["num_keypoints"] = sum(value > 0 for value in one["keypoints"][2::3])
            one["id"] += 1
        entries = []
        for number, result in enumerate(results, 1):
            for entry in result.to_coco(number):
                flat = np.array(entry["keypoints"]).reshape(133, 3)[columns[part]]
                if (flat[:, 2] == 0).all():
                    continue
                entries.append(entry | {"keypoints": flat.ravel().tolist()})
        expected = by_pycocotools(alone, entries, np.array(WHOLE.sigmas)[columns[part]])
        for name, ours, theirs in zip(NAMES, values(found.parts[part]), expected):
            if name not in ("APM", "APL", "ARM", "ARL"):  # the size of who is found is the body's here, the part's there
                assert ours == pytest.approx(theirs, abs=1e-9), (part, name)
    assert posekit.evaluate(results, labels, oks_nms=None).metrics == found.metrics
    entries = [entry for number, result in enumerate(results, 1) for entry in result.to_coco(number)]
    for entry in entries:  # as COCO-WholeBody's own tools write them
        flat = entry["keypoints"]
        entry["keypoints"] = flat[:51]
        entry |= {f"{name}_kpts": flat[3 * start : 3 * end] for name, (start, end) in parts.items()}
    assert posekit.evaluate(entries, labels, parts=True, oks_nms=None).metrics == pytest.approx(found.metrics)


# --- PCK ---


def test_pck_is_the_share_of_labelled_points_within_a_share_of_the_longer_side() -> None:
    """The longer side is 200 pixels: 20 of 20 points are at 0, 10, 10.01, 20, 40 and 41 pixels."""
    result = person_of()
    labels = annotated(result)
    away = [0, 10, 10.01, 20, 40, 41]
    points = labels["annotations"][0]["keypoints"]
    for i in range(17):
        if i < len(away):
            points[3 * i] += away[i]
        else:
            points[3 * i + 2] = 0
    found = posekit.evaluate([result], labels, boxes_from="gt", metric="pck")
    auc = sum(sum(distance <= 200 * step / 100 + 1e-9 for distance in away) for step in range(21)) / len(away) / 21
    assert found.metrics == pytest.approx({"PCK@0.05": 2 / 6, "PCK@0.1": 4 / 6, "PCK@0.2": 5 / 6, "AUC": auc})
    assert auc == pytest.approx((21 + 16 + 15 + 11 + 1 + 0) / 126)


def test_a_person_without_a_pose_counts_as_not_found() -> None:
    both, one = person_of(people=2), person_of(people=1)
    labels = annotated(both)
    found = posekit.evaluate([one], labels, boxes_from="gt", metric="pck")
    assert found.metrics == pytest.approx(dict.fromkeys(("PCK@0.05", "PCK@0.1", "PCK@0.2", "AUC"), 0.5))
    assert any("not found: 1." in line for line in found.assumptions)
    assert posekit.evaluate([one], labels, boxes_from="gt").metrics["AR"] == pytest.approx(0.5)


def test_a_set_without_sigmas_has_pck_and_its_subset_ap() -> None:
    goliath = posekit.builtin_keypoint_set("goliath308")
    result = person_of(keypoint_set=goliath)
    labels = annotated(result)
    assert posekit.evaluate([result], labels, boxes_from="gt", metric="pck").metrics["AUC"] == 1
    body = posekit.subset(goliath, goliath.subsets["coco17"])
    assert not body.sigmas
    result = person_of(keypoint_set=body)
    assert posekit.evaluate([result], annotated(result)).metrics["AP"] == pytest.approx(1)
    assert posekit.evaluate([result.to_dict()], annotated(result)).metrics["AP"] == pytest.approx(1)


# --- what is refused ---


def changed(document: dict[str, Any], **annotation: Any) -> dict[str, Any]:
    """With other values in the first annotation; None removes one."""
    copied = copy.deepcopy(document)
    for key, value in annotation.items():
        copied["annotations"][0][key] = value
        if value is None:
            del copied["annotations"][0][key]
    return copied


ONE = person_of()
LABELLED = annotated(ONE)
ENTRIES = ONE.to_coco(1)
GT: dict[str, Any] = {"boxes_from": "gt"}


def entry(**more: Any) -> list[dict[str, Any]]:
    return [ENTRIES[0] | more]


def result_with(**more: Any) -> list[posekit.PoseResult]:
    result = person_of()
    for name, value in more.items():
        setattr(result, name, value)
    return [result]


def moved(result: posekit.PoseResult) -> list[posekit.PoseResult]:
    result.boxes[0, 0] += 1
    return [result]


BAD: dict[str, tuple[Callable[[], Any], str, str]] = {
    # the results
    "no images": (lambda: posekit.evaluate([], LABELLED), "results", "empty"),
    "one result, not a list": (lambda: posekit.evaluate(ONE, LABELLED), "results", "PoseResult"),  # type: ignore[arg-type]
    "results of another kind": (lambda: posekit.evaluate([5], LABELLED), "result", "int"),  # type: ignore[list-item]
    "no folder": (lambda: posekit.evaluate("none", LABELLED), "results", "none"),
    "an unknown image": (lambda: posekit.evaluate([person_of("b.jpg")], LABELLED), "image", "b.jpg"),
    "an unknown image id": (lambda: posekit.evaluate(entry(image_id=7), LABELLED), "entry 0", "image 7"),
    "an image without a path": (lambda: posekit.evaluate(result_with(path=None), LABELLED), "path", ""),
    "arrays that do not fit together": (lambda: posekit.evaluate(result_with(scores=np.ones((2, 17), np.float32)), LABELLED), "arrays", "2"),
    "an image twice": (lambda: posekit.evaluate([ONE, ONE], LABELLED), "image", "a.jpg"),
    "an entry twice": (lambda: posekit.evaluate([*ENTRIES, *ENTRIES], LABELLED), "entry", "image 1"),
    "a missing image": (lambda: posekit.evaluate([ONE], annotated(ONE, person_of("b.jpg"))), "without a result", "b.jpg"),
    "a failed image": (lambda: posekit.evaluate(result_with(error=posekit.IoError("broken")), LABELLED), "image", "a.jpg"),
    "another category": (lambda: posekit.evaluate(entry(category_id=2), LABELLED), "category", "2"),
    "another size": (lambda: posekit.evaluate(result_with(image_size=(320, 240)), LABELLED), "size", "320x240"),
    "too few keypoints": (lambda: posekit.evaluate(entry(keypoints=[1, 2, 3] * 16), LABELLED), "keypoints", "16"),
    "keypoints that are cut": (lambda: posekit.evaluate(entry(keypoints=[1] * 50), LABELLED), "entry 0", "keypoints"),
    "keypoints of two counts": (
        lambda: posekit.evaluate([*ENTRIES, ENTRIES[0] | {"keypoints": [1] * 399}], LABELLED),
        "entry 1",
        "133",
    ),
    "keypoints that are not the annotations'": (lambda: posekit.evaluate([person_of(keypoint_set=WHOLE)], LABELLED), "keypoints", "17"),
    "keypoints in another order": (
        lambda: posekit.evaluate([person_of(keypoint_set=posekit.subset(COCO, [1, 0, *range(2, 17)]))], LABELLED, keypoint_set=None),
        "keypoint 0",
        "nose",
    ),
    "two keypoint sets": (
        lambda: posekit.evaluate([person_of("a.jpg"), person_of("b.jpg", 1, WHOLE)], annotated(ONE, person_of("b.jpg"))),
        "keypoints",
        "coco_wholebody133",
    ),
    "no score": (lambda: posekit.evaluate([{k: v for k, v in ENTRIES[0].items() if k != "score"}], LABELLED), "entry 0", "score"),
    "a score that is no number": (lambda: posekit.evaluate(entry(score="high"), LABELLED), "entry 0", "score"),
    "a box of three numbers": (lambda: posekit.evaluate(entry(bbox=[1, 2, 3]), LABELLED), "entry 0", "bbox"),
    "an image id that is none": (lambda: posekit.evaluate(entry(image_id=[1]), LABELLED), "entry 0", "image [1]"),
    "a score of 400 digits": (lambda: posekit.evaluate(entry(score=10**400), LABELLED), "entry 0", "score"),
    "numbers that are not finite": (lambda: posekit.evaluate(entry(score=math.nan), LABELLED), "entry 0", "not finite"),
    "arrays that are not finite": (
        lambda: posekit.evaluate(result_with(keypoints=np.full((1, 17, 2), np.nan, np.float32)), LABELLED),
        "a.jpg",
        "not finite",
    ),
    "a document of another format": (lambda: posekit.evaluate([{"format": "posekit-result/2"}], LABELLED), "format", "posekit-result/2"),
    "a document that lacks something": (lambda: posekit.evaluate([{"format": "posekit-result/1", "image": {}}], LABELLED), "document", "instance_info"),
    "a document with a number of 400 digits": (
        lambda: posekit.evaluate([ONE.to_dict() | {"instance_info": [ONE.to_dict()["instance_info"][0] | {"bbox_score": 10**400}]}], LABELLED),
        "document",
        "posekit-result/1",
    ),
    # the annotations
    "no annotation file": (lambda: posekit.evaluate([ONE], "none.json"), "annotations", "none.json"),
    "annotations without a list": (lambda: posekit.evaluate([ONE], {"images": []}), "annotations", "categories"),
    "no category of people": (lambda: posekit.evaluate([ONE], LABELLED, category=3), "category", "3"),
    "two categories": (
        lambda: posekit.evaluate([ONE], LABELLED | {"categories": [{"id": 4, "name": "cat"}, {"id": 5, "name": "dog"}]}),
        "category",
        "[4, 5]",
    ),
    "annotations without keypoints": (lambda: posekit.evaluate([ONE], changed(LABELLED, keypoints=None)), "annotation 0", "keypoints"),
    "annotated keypoints that are cut": (lambda: posekit.evaluate([ONE], changed(LABELLED, keypoints=[1] * 50)), "annotation 0", "keypoints"),
    "a count that is not the labels'": (lambda: posekit.evaluate([ONE], changed(LABELLED, num_keypoints=0)), "annotation 0", "num_keypoints 0"),
    "no area": (lambda: posekit.evaluate([ONE], changed(LABELLED, area=None)), "annotation 0", "area"),
    "an area of 0": (lambda: posekit.evaluate([ONE], changed(LABELLED, area=0)), "annotation 0", "area 0"),
    "a box that is none": (lambda: posekit.evaluate([ONE], changed(LABELLED, bbox=[1, 2])), "annotation 0", "bbox"),
    "a box of text": (lambda: posekit.evaluate([ONE], changed(LABELLED, bbox="1234")), "annotation 0", "bbox"),
    "a box of a negative width": (lambda: posekit.evaluate([ONE], changed(LABELLED, bbox=[100, 100, -100, 200])), "annotation 0", "bbox"),
    "an area of 400 digits": (lambda: posekit.evaluate([ONE], changed(LABELLED, area=10**400)), "annotation 0", "area"),
    "a label of 400 digits": (lambda: posekit.evaluate([ONE], changed(LABELLED, keypoints=[10**400] * 51)), "annotation 0", "keypoints"),
    "iscrowd as text": (lambda: posekit.evaluate([ONE], changed(LABELLED, iscrowd="0")), "annotation 0", "iscrowd '0'"),
    "an annotation of no image": (lambda: posekit.evaluate([ONE], changed(LABELLED, image_id=9)), "annotation 0", "image 9"),
    "an annotation id twice": (
        lambda: posekit.evaluate([ONE], LABELLED | {"annotations": LABELLED["annotations"] * 2}),
        "annotation id",
        "0 is there twice",
    ),
    "an image id twice": (lambda: posekit.evaluate([ONE], LABELLED | {"images": LABELLED["images"] * 2}), "image id", "1 is there twice"),
    "an id that is no number": (lambda: posekit.evaluate([ONE], changed(LABELLED, image_id="a")), "image_id", "'a'"),
    "crowds only": (lambda: posekit.evaluate([ONE], changed(LABELLED, iscrowd=1)), "annotations", "crowds"),
    "nobody labelled": (lambda: posekit.evaluate([ONE], changed(LABELLED, num_keypoints=0, keypoints=[0] * 51)), "annotations", "nobody"),
    "nobody": (lambda: posekit.evaluate([ONE], LABELLED | {"annotations": []}), "annotations", "nobody"),
    # the options
    "another metric": (lambda: posekit.evaluate([ONE], LABELLED, metric="map"), "metric", "map"),  # type: ignore[arg-type]
    "boxes from elsewhere": (lambda: posekit.evaluate([ONE], LABELLED, boxes_from="x"), "boxes_from", "'x'"),  # type: ignore[arg-type]
    "a threshold above 1": (lambda: posekit.evaluate([ONE], LABELLED, oks_nms=90), "oks_nms", "90"),
    "no sigmas": (lambda: posekit.evaluate([person_of(keypoint_set=posekit.builtin_keypoint_set("goliath308"))], LABELLED), "sigmas", "goliath308"),
    "parts of 17": (lambda: posekit.evaluate([ONE], LABELLED, parts=True), "parts", "coco17"),
    "PCK with a detector": (lambda: posekit.evaluate([ONE], LABELLED, metric="pck"), "pck", "detector"),
    "another set than the results'": (lambda: posekit.evaluate([ONE], LABELLED, keypoint_set="halpe26"), "keypoint_set", "halpe26"),
    "a set that is not there": (lambda: posekit.evaluate([ONE], LABELLED, keypoint_set="coco18"), "keypoint set", "coco18"),
    # whose box it is
    "a box of no annotation": (lambda: posekit.evaluate(moved(person_of()), LABELLED, **GT), "box", "a.jpg"),
    "entries without boxes": (lambda: posekit.evaluate(ENTRIES, LABELLED, **GT), "entries", "bbox"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_a_sentence_and_never_a_number(kind: str) -> None:
    call, thing, value = BAD[kind]
    with pytest.raises(posekit.Error) as caught:
        call()
    check_message_form(caught.value, thing, value)
    assert isinstance(caught.value, posekit.InvalidArgumentError | posekit.NotFoundError)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("[]", "empty"),
        ("[3]", "result of type int"),
        ('{"format": "posekit-result/1"', "no JSON"),
        ('[{"image_id": 1}', "no JSON"),
        ('{\n"format": "posekit-result/1"}', "each line"),
        ("[" * 100_000, "no JSON"),
        ("\xff", "no JSON"),
    ],
)
def test_result_files_that_are_broken_are_refused(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "results.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(posekit.InvalidArgumentError, match=word) as caught:
        posekit.evaluate(file, LABELLED)
    check_message_form(caught.value, "result")
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.evaluate([ONE], file)
    check_message_form(caught.value, "annotations", str(file))


def test_a_pipe_is_refused_and_a_byte_order_mark_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for call in (lambda: posekit.evaluate(tmp_path / "pipe", LABELLED), lambda: posekit.evaluate([ONE], tmp_path / "pipe")):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            call()
        check_message_form(caught.value, "regular file", str(tmp_path / "pipe"))
    (tmp_path / "marked.json").write_text(ONE.to_json(), encoding="utf-8-sig")
    assert posekit.evaluate(tmp_path / "marked.json", LABELLED).found == 1


def test_a_folder_without_results_and_one_with_two_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(posekit.NotFoundError) as caught:
        posekit.evaluate(tmp_path, LABELLED)
    check_message_form(caught.value, "folder", str(tmp_path))
    (tmp_path / "a.jpg.json").write_text(ONE.to_json())
    (tmp_path / "results.json").write_text(json.dumps(ENTRIES))
    with pytest.raises(posekit.InvalidArgumentError) as refused:
        posekit.evaluate(tmp_path, LABELLED)
    check_message_form(refused.value, "COCO results", str(tmp_path / "results.json"))


def test_a_name_that_may_be_two_images_needs_its_folder() -> None:
    results = [person_of("one/a.jpg"), person_of("two/a.jpg", 2)]
    labels = annotated(*results)
    for image, result in zip(labels["images"], results):
        image["file_name"] = result.path
    assert posekit.evaluate([person_of("/data/one/a.jpg"), person_of("two\\a.jpg", 2)], labels).metrics["AP"] == pytest.approx(1)
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.evaluate([person_of("a.jpg")], labels)
    check_message_form(caught.value, '"one/a.jpg" or "two/a.jpg"', "a.jpg")
    labels["images"][0]["file_name"] = "a.jpg"
    assert posekit.evaluate([person_of("a.jpg"), person_of("two/a.jpg", 2)], labels).metrics["AP"] == pytest.approx(1)
    assert posekit.evaluate([person_of("/data/a.jpg"), person_of("/data/two/a.jpg", 2)], labels).metrics["AP"] == pytest.approx(1)


def test_a_subset_of_the_annotations_is_measured_when_it_is_asked_for() -> None:
    labels = annotated(ONE, person_of("b.jpg"))
    found = posekit.evaluate([ONE], labels, subset_of_annotations=True)
    assert found.metrics["AR"] == pytest.approx(1) and (found.images, found.people) == (1, 1)
    assert any("left out: 1." in line for line in found.assumptions)
    missed = posekit.evaluate(ENTRIES, labels)
    assert missed.metrics["AR"] == pytest.approx(0.5) and any("nobody was found: 1." in line for line in missed.assumptions)


def test_an_own_set_with_sigmas_has_an_ap() -> None:
    own = posekit.parse_keypoint_set(
        json.dumps({"name": "tail", "count": 2, "keypoints": [{"id": 0, "name": "root"}, {"id": 1, "name": "tip"}], "links": [], "sigmas": [0.05, 0.1]})
    )
    result = person_of(keypoint_set=own)
    labels = annotated(result, shift=9)
    live = posekit.evaluate([result], labels).metrics
    assert 0 < live["AP"] < 1  # type: ignore[operator]
    with pytest.raises(posekit.InvalidArgumentError, match="sigmas"):
        posekit.evaluate([result.to_dict()], labels)
    assert posekit.evaluate([result.to_dict()], labels, keypoint_set=own).metrics == live
    assert posekit.evaluate(result.to_coco(1), labels, keypoint_set=own).metrics == live


def test_entries_with_boxes_are_measured_as_the_results_they_are_of() -> None:
    result = person_of(people=3)
    labels = annotated(result, shift=6)
    labels["annotations"][2] |= {"num_keypoints": 0, "keypoints": [0] * 51}
    boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in result.boxes.tolist()]
    entries = [entry | {"bbox": box} for entry, box in zip(result.to_coco(1), boxes)]
    for metric in ("ap", "pck"):
        expected = posekit.evaluate([result], labels, boxes_from="gt", metric=metric)
        found = posekit.evaluate(entries, labels, boxes_from="gt", metric=metric)
        assert found.metrics == pytest.approx(expected.metrics, abs=1e-6) and found.found == expected.found == 2


def test_without_pycocotools_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r'pip install "posekit\[evaluate\]"') as caught:
        posekit.evaluate([ONE], LABELLED)
    check_message_form(caught.value, "pycocotools")
    assert posekit.evaluate([ONE], LABELLED, boxes_from="gt", metric="pck").metrics["AUC"] == 1


def test_nothing_is_printed_and_threads_do_not_disturb_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    results = [person_of(f"{i}.jpg", 2) for i in range(20)]
    labels = annotated(*results, shift=5)
    found: list[Any] = []
    workers = [threading.Thread(target=lambda: found.append(posekit.evaluate(results, labels).metrics)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 4 and all(one == found[0] for one in found)
    assert capsys.readouterr() == ("", "")
    assert not hasattr(cocoeval, "print") and not hasattr(coco, "print")


# --- size ---


def test_5000_images_with_10000_people_take_at_most_30_s_and_2_gb(script: Script, tmp_path: Path) -> None:
    """The real size has the label soak: POSEKIT_EVALUATE_IMAGES=5000."""
    count = int(os.environ.get("POSEKIT_EVALUATE_IMAGES", "300"))
    random = np.random.default_rng(0)
    results = tmp_path / "results"
    results.mkdir()
    images, annotations = [], []
    for number in range(1, count + 1):
        result = made(2, path=f"{number:012}.jpg")
        for i in range(2):
            x, y = random.uniform(0, 300, 2)
            result.boxes[i] = [x, y, x + 150, y + 180]
            result.keypoints[i] = random.uniform(result.boxes[i, :2], result.boxes[i, 2:], (17, 2))
        labels = annotated(result, shift=float(random.uniform(0, 12)))
        images.append(labels["images"][0] | {"id": number})
        annotations += [one | {"image_id": number, "id": 2 * number + i} for i, one in enumerate(labels["annotations"])]
        (results / f"{number:012}.jpg.json").write_text(result.to_json())
    document = {"images": images, "annotations": annotations, "categories": labels["categories"]}
    (tmp_path / "labels.json").write_text(json.dumps(document))
    out = script(
        """
        import resource, sys, time, posekit
        start = time.perf_counter()
        for boxes_from in ("detector", "gt"):
            found = posekit.evaluate(sys.argv[1], sys.argv[2], boxes_from=boxes_from)
            assert 0.2 < found.metrics["AP"] < 1, found
        print((time.perf_counter() - start) / 2, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, found.images, found.people)
        """,
        str(results),
        str(tmp_path / "labels.json"),
        timeout=300,
    )
    seconds, gigabytes, number_of_images, people = map(float, out.split())
    print(f"{count} images: {seconds:.1f} s, {gigabytes:.2f} GB")
    assert (number_of_images, people) == (count, 2 * count)
    assert seconds <= 30 and gigabytes <= 2
