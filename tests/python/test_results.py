"""Results are those of the C++ program, to the bit, and what can be made of them is too."""

from __future__ import annotations

import gc
import json
import pickle
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import posekit
import pytest
from conftest import BOX, IMAGES, PHOTOS, PROGRAM
from posekit import _core, _results


def program(*arguments: object) -> str:
    """What the C++ program writes, at one Torch thread as in these tests."""
    command = [str(PROGRAM), "estimate", *map(str, arguments), "-o", "-", "--quiet", "--torch-threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def without_timings(document: str) -> str:
    return document[: document.index('"timings_ms"')]


@pytest.mark.parametrize("model", ["pose_landmark_full.pt", "pose_landmark_lite.pt"])
@pytest.mark.parametrize("executor", [None, posekit.SerialExecutor(), posekit.ThreadPool(2)], ids=str)
@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_results_are_bit_equal_to_the_programs(model: str, executor: posekit.Executor | None, photo: Path) -> None:
    document = program(photo, "-m", posekit.shipped_model(model), "--threads", 1)
    image = posekit.read_image(photo)
    boxes = posekit.PersonDetector(executor=executor).detect(image)
    result = posekit.PoseEstimator(posekit.shipped_model(model), executor=executor).estimate(image, boxes)

    people = json.loads(document)["instance_info"]
    assert len(people) > 0
    assert np.array_equal(result.keypoints, np.array([person["keypoints"] for person in people], np.float32))
    assert np.array_equal(result.scores, np.array([person["keypoint_scores"] for person in people], np.float32))
    assert np.array_equal(result.boxes, np.array([person["bbox"] for person in people]))
    assert np.array_equal(result.box_scores, np.array([person["bbox_score"] for person in people], np.float32))
    assert without_timings(result.to_json(photo)) == without_timings(document)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--keypoints", "coco17"], {"keypoints": "coco17"}),
        (["--flip-test"], {"flip_test": True}),
        (["--keypoints", "nose,left_wrist"], {"keypoints": ["nose", "left_wrist"]}),
    ],
    ids=str,
)
def test_options_mean_what_the_programs_mean(arguments: list[str], options: dict[str, object], lite: Path) -> None:
    photo = IMAGES / "astronaut.jpg"
    document = program(photo, "-m", lite, *arguments)
    image = posekit.read_image(photo)
    result = posekit.PoseEstimator(lite, **options).estimate(image, posekit.PersonDetector().detect(image))  # type: ignore[arg-type]
    assert without_timings(result.to_json(photo)) == without_timings(document)


def test_tiles_and_thresholds_mean_what_the_programs_mean(lite: Path) -> None:
    photo = IMAGES / "people.jpg"
    document = program(photo, "-m", lite, "--tiles", 0.5, "--det-threshold", 0.4)
    image = posekit.read_image(photo)
    boxes = posekit.PersonDetector(tiles=[0.5], score_threshold=0.4).detect(image)
    assert np.array_equal(boxes[:, :4], np.array([person["bbox"] for person in json.loads(document)["instance_info"]]))


def test_a_batch_of_photos_is_bit_equal_to_one_after_the_other(estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> None:
    images = [posekit.read_image(path) for path in PHOTOS]
    found = detector.detect_batch(images)
    results = estimator.estimate_batch(images, [one.boxes for one in found])
    for image, one, result in zip(images, found, results):
        assert one.error is None and one.timings.detect > 0
        assert np.array_equal(one.boxes, detector.detect(image))
        alone = estimator.estimate(image, one.boxes)
        assert np.array_equal(result.keypoints, alone.keypoints) and np.array_equal(result.scores, alone.scores)


def test_arrays_have_the_shapes_and_types_of_the_docs_and_own_their_memory(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    for count in (0, 1, 2):
        result = estimator.estimate(photo, [BOX] * count)
        assert len(result) == count
        wanted = {
            "keypoints": ((count, 33, 2), np.float32),
            "scores": ((count, 33), np.float32),
            "boxes": ((count, 4), np.float64),
            "box_scores": ((count,), np.float32),
            "box_indices": ((count,), np.int64),
        }
        for name, (shape, dtype) in wanted.items():
            array = getattr(result, name)
            assert (array.shape, array.dtype) == (shape, dtype), name
            assert array.flags.owndata and array.flags.writeable and array.flags.c_contiguous, name
    assert result.keypoint_names == estimator.keypoints.names and result.skeleton_links == estimator.keypoints.links
    assert result.image_size == (photo.shape[1], photo.shape[0])


NAMES = ("keypoints", "scores", "boxes", "box_scores", "box_indices")


def native(estimator: posekit.PoseEstimator, image: np.ndarray, count: int) -> _core.ImageResult:
    return estimator._native.estimate_batch([image], [np.array([[*BOX, 0.5]] * count).reshape(-1, 5)], False, None)[0]


@pytest.mark.parametrize("count", [0, 2])
def test_arrays_of_a_native_result_outlive_it_and_are_nobody_elses(count: int, estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = native(estimator, photo, count)
    expected = {name: getattr(result, name).copy() for name in (*NAMES, "track_ids")}
    first = {name: getattr(result, name) for name in expected}
    for name, array in first.items():
        assert array.flags.owndata and array.flags.writeable, name
        array[...] = 7
        assert np.array_equal(getattr(result, name), expected[name]), name
        with pytest.raises(AttributeError):
            setattr(result, name, array)
    kept = [getattr(result, name) for name in expected]
    timings, errors = result.timings, result.box_errors
    del result
    gc.collect()
    assert all(np.array_equal(array, expected[name]) for name, array in zip(expected, kept))
    assert timings.inference >= 0 and errors == []


def test_the_parts_of_a_prediction_outlive_it(estimator: posekit.PoseEstimator, detector: posekit.PersonDetector, photo: np.ndarray) -> None:
    (prediction,) = posekit.Predictor(estimator, detector)._native.predict_batch([photo], [None], False, None)
    boxes, result = prediction.boxes, prediction.result
    assert prediction.detected
    del prediction
    gc.collect()
    assert np.array_equal(boxes, detector.detect(photo))
    assert np.array_equal(result.keypoints, estimator.estimate(photo, boxes).keypoints)


def test_threads_may_read_one_native_result(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = native(estimator, photo, 3)

    def read(_: int) -> bytes:
        return b"".join(getattr(result, name).tobytes() for name in NAMES)

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(read, range(200)))) == 1


def test_a_result_is_the_same_after_a_way_through_the_native_code(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = estimator.estimate(photo, [[*BOX, 1], [9, 9, 2, 2, 1], [30.25, 20, 200, 300, 0.1]])
    result.error = posekit.IoError("made up: caf\udce9")
    result.track_ids = np.array([3, 0])
    copy = _results.pose_result(_results.native_result(result), result.keypoint_set, result.model_name, result.image_size, tracked=True)
    for name in (*NAMES, "track_ids"):
        assert np.array_equal(getattr(copy, name), getattr(result, name)) and getattr(copy, name).dtype == getattr(result, name).dtype, name
    assert (copy.box_errors, copy.timings, type(copy.error), str(copy.error)) == (result.box_errors, result.timings, posekit.IoError, str(result.error))


def test_a_bad_box_is_reported_and_its_neighbours_get_poses(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = estimator.estimate(photo, [[0, 0, float("nan"), 5], BOX, [9, 9, 2, 2]])
    assert list(result.box_indices) == [1]
    assert [(error.box_index, error.code) for error in result.box_errors] == [
        (0, posekit.ErrorCode.INVALID_ARGUMENT),
        (2, posekit.ErrorCode.INVALID_ARGUMENT),
    ]
    assert "box errors [0, 2]" in repr(result)
    document = result.to_dict("a.jpg")
    assert [error["box_index"] for error in document["errors"]] == [0, 2] and document["image"]["path"] == "a.jpg"


def test_a_bad_image_of_a_batch_is_reported_in_its_result_alone(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    results = estimator.estimate_batch([photo, photo.astype(np.float32), photo, photo], [[BOX], [BOX], [[1, 2, 3]], [BOX]])  # type: ignore[list-item]
    assert [type(result.error) for result in results] == [
        type(None),
        posekit.InvalidArgumentError,
        posekit.InvalidArgumentError,
        type(None),
    ]
    assert [len(result) for result in results] == [1, 0, 0, 1]
    assert "dtype float32" in str(results[1].error) and "(1, 3)" in str(results[2].error)
    assert results[1].to_dict()["errors"][0]["code"] == "invalid_argument"
    assert np.array_equal(results[0].keypoints, results[3].keypoints)


def test_a_passed_timeout_is_reported_in_each_result_of_a_batch(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    results = estimator.estimate_batch([photo, photo], [[BOX], []], timeout=0)
    assert isinstance(results[0].error, posekit.DeadlineExceededError)
    assert results[1].error is None  # nothing was to be done
    assert estimator.estimate_batch([photo], [[BOX]], timeout=600)[0].error is None


def test_a_result_survives_pickling(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = estimator.estimate_batch([photo], [[BOX, [1, 1, 1, 1]]], timeout=600)[0]
    result.error = posekit.IoError("made up")
    copy = pickle.loads(pickle.dumps(result))
    assert copy.to_json("x") == result.to_json("x") and type(copy.error) is posekit.IoError
    assert copy.keypoint_set == result.keypoint_set and copy.keypoint_set.subsets == result.keypoint_set.subsets


def test_people_can_be_left_out_of_a_result_by_indexing(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    result = estimator.estimate(photo, [BOX, [30, 20, 200, 300]])
    second = estimator.estimate(photo, [[30, 20, 200, 300]]).to_dict()["instance_info"][0]
    for name in ("keypoints", "scores", "boxes", "box_scores", "box_indices"):
        setattr(result, name, getattr(result, name)[1:])
    assert result.to_dict()["instance_info"] == [second | {"box_index": 1}]
    result.scores = result.scores[:, :5]
    with pytest.raises(posekit.InvalidArgumentError, match="don't fit together"):
        result.to_json()


def test_coco_entries_are_the_programs(tmp_path: Path, lite: Path) -> None:
    photo = IMAGES / "astronaut.jpg"
    entries = json.loads(program(photo, "-m", lite, "--format", "coco"))
    image = posekit.read_image(photo)
    result = posekit.PoseEstimator(lite).estimate(image, posekit.PersonDetector().detect(image))
    assert result.to_coco("astronaut.jpg") == entries
    assert result.to_coco(7)[0]["image_id"] == 7


def test_object_keypoint_similarity_is_one_for_the_labels_themselves_and_follows_the_formula() -> None:
    labels = np.array([[10, 10, 2], [20, 30, 1], [0, 0, 0]], np.float32)
    assert posekit.object_keypoint_similarity(labels, labels, [0.1, 0.1, 0.1], 100.0) == 1.0
    moved = labels + np.array([3, 4, 0], np.float32)
    expected = np.exp(-25 / (4 * 0.1**2) / 100 / 2)
    assert posekit.object_keypoint_similarity(moved, labels, [0.1, 0.1, 0.1], 100.0) == pytest.approx(expected)


def test_keypoint_sets_say_what_the_json_files_say() -> None:
    from conftest import ROOT

    files = sorted((ROOT / "lib/keypoints/sets").glob("*.json"))
    assert posekit.builtin_keypoint_sets() == [path.stem for path in files]
    for path in files:
        document = json.loads(path.read_text())
        keypoints = posekit.builtin_keypoint_set(path.stem)
        assert keypoints.names == [entry["name"] for entry in document["keypoints"]]
        assert keypoints.swap == [entry.get("swap") for entry in document["keypoints"]]
        assert keypoints.links == [tuple(link) for link in document["links"]]
        assert keypoints.can_mirror == all(swap is not None for swap in keypoints.swap)
        assert posekit.parse_keypoint_set(path.read_text()) == keypoints and hash(keypoints) == hash(
            posekit.parse_keypoint_set(path.read_text())
        )
        assert pickle.loads(pickle.dumps(keypoints)) == keypoints
    goliath = posekit.builtin_keypoint_set("goliath308")
    coco = posekit.subset(goliath, posekit.select_keypoints(goliath, ["coco17"]))
    assert coco.names == posekit.builtin_keypoint_set("coco17").names


def test_what_a_model_takes_of_memory_is_measured(lite: Path) -> None:
    report, half = (posekit.Model(lite, device="cpu", precision=kind).measure_memory() for kind in ("fp32", "bf16"))  # type: ignore[arg-type]
    assert report.device == "cpu"
    assert report.person > 256 * 256 * 3 * 4  # the crop alone
    assert 0.4 < half.weights / report.weights < 0.6
    assert report.largest_batch == (report.available - report.batch) // report.person > 0
    with pytest.raises(posekit.InvalidArgumentError, match="cpu,cpu"):
        posekit.Model(lite, device="cpu,cpu").measure_memory()


def test_a_models_metadata_is_what_inspect_shows(lite: Path) -> None:
    report = posekit.inspect_model(lite)
    assert json.loads(report.to_json())["parameters"] == report.parameters
    assert posekit.parse_model_info(report.info.to_json()).to_json() == report.info.to_json()
    shown = subprocess.run([str(PROGRAM), "inspect", str(lite)], capture_output=True, text=True, check=True).stdout
    assert report.path == lite and report.file_bytes == lite.stat().st_size
    info = posekit.PoseEstimator(lite, device="cpu").info
    assert (info.task, info.name, info.input.width, info.output.codec) == (
        "pose",
        report.info.name,
        report.info.input.width,
        report.info.output.codec,
    )
    for origin in report.info.origins:
        assert any(line.startswith(f"{origin.key} ") for line in shown.splitlines()), origin.key
    assert posekit.PersonDetector().info.task == "detect"
    changed = posekit.inspect_model(
        lite,
        metadata=json.loads(
            json.dumps(
                {
                    "format": "posekit-model/1",
                    "task": "pose",
                    "name": "mine",
                    "keypoints": "blazepose33",
                    "input": {"width": 256, "height": 256},
                    "output": {"codec": "regression"},
                }
            )
        ),
    )
    assert changed.info.name == "mine"
    assert "sapiens-coco17" in posekit.model_presets()
