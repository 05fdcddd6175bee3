"""Model: loaded once, of a file or of bytes, and shared."""

from __future__ import annotations

import copy
import hashlib
import json
import mmap
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest
from conftest import BOX
from message_form import check_message_form

Pixels = npt.NDArray[np.uint8]
USERS: list[Any] = [posekit.PoseEstimator, posekit.PersonDetector]


@pytest.fixture(scope="module")
def model(lite: Path) -> posekit.Model:
    return posekit.Model(lite)


def assert_same(result: posekit.PoseResult, expected: posekit.PoseResult) -> None:
    assert np.array_equal(result.keypoints, expected.keypoints) and np.array_equal(result.scores, expected.scores)
    assert result.keypoint_names == expected.keypoint_names and len(result) == 1


def test_estimators_of_one_model_give_the_results_of_separate_ones_and_load_nothing(lite: Path, photo: Pixels, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(lite.read_bytes())
    model = posekit.Model(file)
    file.unlink()
    options: list[dict[str, Any]] = [{}, {"keypoints": "coco17"}, {"keypoints": ["nose"], "box_padding": 1.5}, {"flip_test": True}]
    made = [posekit.PoseEstimator(model, **each) for each in options]
    for estimator, each in zip(made, options):
        assert estimator.model is model
        assert_same(estimator.estimate(photo, [BOX]), posekit.PoseEstimator(lite, **each).estimate(photo, [BOX]))


def test_estimators_of_one_model_may_be_called_by_several_threads(model: posekit.Model, photo: Pixels) -> None:
    made = [posekit.PoseEstimator(model), posekit.PoseEstimator(model, keypoints="coco17", executor=posekit.ThreadPool(2))] * 8
    expected = [estimator.estimate(photo, [BOX]) for estimator in made]
    with ThreadPoolExecutor(4) as threads:
        for result, same in zip(threads.map(lambda estimator: estimator.estimate(photo, [BOX]), made), expected):
            assert_same(result, same)


def test_a_model_lives_as_long_as_what_uses_it(lite: Path, photo: Pixels) -> None:
    model = posekit.Model(lite)
    estimator = posekit.PoseEstimator(model)
    expected = estimator.estimate(photo, [BOX])
    del model
    assert_same(estimator.estimate(photo, [BOX]), expected)
    model = estimator.model
    del estimator
    assert_same(posekit.PoseEstimator(model).estimate(photo, [BOX]), expected)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
def test_a_model_of_bytes_gives_the_results_of_its_file(
    kind: Any, lite: Path, estimator: posekit.PoseEstimator, photo: Pixels
) -> None:
    content = lite.read_bytes()
    data = kind(content, np.uint8) if kind is np.frombuffer else kind(content)
    sha256 = hashlib.sha256(content).hexdigest()
    model = posekit.Model(data, sha256=sha256)
    assert model.info.name == estimator.info.name
    for made in (posekit.PoseEstimator(model), posekit.PoseEstimator(data, sha256=sha256, warm_up="none")):
        assert_same(made.estimate(photo, [BOX]), estimator.estimate(photo, [BOX]))


def test_bytes_are_borrowed_while_a_model_is_loaded_and_no_longer(lite: Path, estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    data = bytearray(lite.read_bytes())
    made = posekit.PoseEstimator(data)
    data[:] = bytes(len(data))
    data.clear()  # a BufferError if the model still used it
    assert_same(made.estimate(photo, [BOX]), estimator.estimate(photo, [BOX]))
    with lite.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        made = posekit.PoseEstimator(mapped)
        mapped.close()  # likewise
    assert_same(made.estimate(photo, [BOX]), estimator.estimate(photo, [BOX]))


def test_a_model_of_bytes_does_not_pickle_and_says_so(lite: Path) -> None:
    model = posekit.Model(lite.read_bytes())
    estimator = posekit.PoseEstimator(model)
    for one in (model, estimator):
        with pytest.raises(posekit.InvalidArgumentError, match="does not pickle"):
            pickle.dumps(one)
    assert copy.copy(estimator).model is model
    assert repr(model) == "Model(bytes, device='auto')"


@pytest.mark.parametrize(
    ("source", "kind", "thing", "words"),
    [
        ("nowhere.pt", posekit.NotFoundError, "", "nowhere.pt"),
        (b"", posekit.InvalidModelError, "model", "empty"),
        (b"no model", posekit.UnsupportedModelError, "model", "TorchScript"),
        (b"\x08\x07\x12\x07pytorch", posekit.UnsupportedModelError, "model", "ONNX"),
        (7, posekit.InvalidArgumentError, "model", "int"),
        (["model.pt"], posekit.InvalidArgumentError, "model", "list"),
        (memoryview(b"abcdef")[::2], posekit.InvalidArgumentError, "model", "gaps"),
    ],
    ids=str,
)
@pytest.mark.parametrize("user", [posekit.Model, *USERS])
def test_a_source_that_is_not_a_model_is_reported(user: Any, source: Any, kind: type[posekit.Error], thing: str, words: str) -> None:
    with pytest.raises(kind) as caught:
        user(source)
    assert caught.type is kind
    check_message_form(caught.value, thing, words)


def test_a_model_of_the_wrong_task_is_reported(model: posekit.Model) -> None:
    detect = posekit.Model(posekit.shipped_model("person_detector.pt"))
    assert (model.info.task, detect.info.task) == ("pose", "detect")
    with pytest.raises(posekit.InvalidArgumentError, match="detect"):
        posekit.PoseEstimator(detect)
    with pytest.raises(posekit.InvalidArgumentError, match="pose"):
        posekit.PersonDetector(model)
    assert posekit.PersonDetector(detect).model is detect


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "options",
    [
        {"device": "auto"},
        {"precision": "fp32"},
        {"metadata": {}},
        {"preset": "sapiens-coco17"},
        {"sha256": ""},
        {"warm_up": "none"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_the_loading_are_refused_beside_a_loaded_model(user: Any, options: dict[str, Any], model: posekit.Model) -> None:
    (name,) = options
    with pytest.raises(posekit.InvalidArgumentError, match=f"^{name} was given beside a posekit.Model"):
        user(model, **options)
    with pytest.raises(posekit.InvalidArgumentError, match="^device and .*were given beside a posekit.Model"):
        user(model, **({"device": "cpu", "sha256": "0"} | options))


def test_options_of_an_estimator_are_in_its_metadata_and_not_in_the_models(model: posekit.Model) -> None:
    before = model.info.pose
    changed = posekit.PoseEstimator(model, box_padding=2.0).info.pose
    assert before is not None and changed is not None and changed.box_padding == 2.0
    after = model.info.pose
    assert after is not None and after.box_padding == before.box_padding != 2.0


def document(task: str, output: dict[str, Any], **more: Any) -> str:
    keypoints = {"keypoints": "coco17"} if task == "pose" else {}
    return json.dumps({"format": "posekit-model/1", "task": task, "input": {"width": 192, "height": 256}, "output": output} | keypoints | more)


def test_metadata_have_the_parts_that_their_task_and_codec_have() -> None:
    info = posekit.parse_model_info(document("pose", {"codec": "heatmap", "width": 48, "height": 64, "refinement": "quarter"}))
    heatmap = info.output
    assert isinstance(heatmap, posekit.HeatmapOutput)
    assert (heatmap.codec, heatmap.width, heatmap.height, heatmap.refinement) == ("heatmap", 48, 64, "quarter")
    assert info.pose is not None and info.detect is None
    assert len(info.pose.keypoints) == 17 and info.pose.alignment in ("udp", "classic")
    udp = posekit.parse_model_info(document("pose", {"codec": "udp_heatmap", "width": 48, "height": 64})).output
    assert isinstance(udp, posekit.HeatmapOutput) and udp.codec == "udp_heatmap" and not udp.flip_shift
    simcc = posekit.parse_model_info(document("pose", {"codec": "simcc", "split_ratio": 3})).output
    assert isinstance(simcc, posekit.SimccOutput) and (simcc.codec, simcc.split_ratio) == ("simcc", 3)
    regression = posekit.parse_model_info(document("pose", {"codec": "regression", "normalized": True})).output
    assert isinstance(regression, posekit.RegressionOutput) and regression.codec == "regression" and regression.normalized

    info = posekit.parse_model_info(document("detect", {"codec": "boxes_scores"}, max_persons=3))
    assert isinstance(info.output, posekit.BoxesOutput) and info.output.codec == "boxes_scores"
    assert info.pose is None and info.detect is not None
    assert info.detect.max_persons == 3 and info.detect.resize in ("letterbox", "stretch")


def test_parts_of_metadata_outlive_the_whole() -> None:
    pose = posekit.parse_model_info(document("pose", {"codec": "simcc"})).pose
    output = posekit.parse_model_info(document("pose", {"codec": "simcc", "split_ratio": 5})).output
    assert pose is not None and pose.keypoints.names[0] == "nose"
    assert isinstance(output, posekit.SimccOutput) and output.split_ratio == 5
