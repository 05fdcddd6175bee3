"""Errors have a code, a class that Python users expect, and a text that says what to do."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
from conftest import BOX, ROOT, Script
from posekit import _core

EXPECTED = {
    "INVALID_ARGUMENT": (posekit.InvalidArgumentError, ValueError),
    "NOT_FOUND": (posekit.NotFoundError, FileNotFoundError),
    "UNSUPPORTED_MODEL": (posekit.UnsupportedModelError, RuntimeError),
    "INVALID_MODEL": (posekit.InvalidModelError, RuntimeError),
    "DEVICE_UNAVAILABLE": (posekit.DeviceUnavailableError, RuntimeError),
    "OUT_OF_MEMORY": (posekit.OutOfMemoryError, MemoryError),
    "IO": (posekit.IoError, OSError),
    "CANCELLED": (posekit.CancelledError, RuntimeError),
    "DEADLINE_EXCEEDED": (posekit.DeadlineExceededError, TimeoutError),
    "FORKED": (posekit.ForkedError, RuntimeError),
    "CLOSED": (posekit.ClosedError, RuntimeError),
    "INTERNAL": (posekit.InternalError, RuntimeError),
}


def test_codes_are_those_of_the_cpp_header() -> None:
    header = re.findall(r"^  (\w+) = (\d+),", (ROOT / "include/posekit/error.h").read_text(), re.MULTILINE)
    assert [(code.name.lower(), str(int(code))) for code in posekit.ErrorCode] == header


def test_each_code_has_a_class_that_is_also_what_python_users_catch() -> None:
    assert set(EXPECTED) == {code.name for code in posekit.ErrorCode} - {"OK"}
    for name, (kind, expected) in EXPECTED.items():
        error = kind("what was wrong")
        assert isinstance(error, posekit.Error) and isinstance(error, expected)
        assert error.code is posekit.ErrorCode[name] and str(error) == "what was wrong"
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is kind and copy.code is error.code and str(copy) == str(error)


def write(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda folder: {"model": folder / "none.pt"}, posekit.NotFoundError, "none.pt"),
        (lambda folder: {"model": folder}, posekit.InvalidArgumentError, "folder"),
        (lambda folder: {"model": write(folder, "empty.pt", b"")}, posekit.InvalidModelError, "empty"),
        (
            lambda folder: {"model": write(folder, "lfs.pt", b"version https://git-lfs.github.com/spec/v1\n")},
            posekit.InvalidModelError,
            "LFS",
        ),
        (lambda folder: {"model": write(folder, "a.onnx", b"\x08\x07\x12\x07pytorch")}, posekit.UnsupportedModelError, "ONNX"),
        (lambda folder: {"device": "gpu"}, posekit.InvalidArgumentError, '"gpu"'),
        (lambda folder: {"precision": "fp8"}, posekit.InvalidArgumentError, '"fp8"'),
        (lambda folder: {"warm_up": "yes"}, posekit.InvalidArgumentError, '"yes"'),
        (lambda folder: {"executor": 4}, posekit.InvalidArgumentError, "ThreadPool(threads)"),
        (lambda folder: {"executor": posekit.Executor()}, posekit.InvalidArgumentError, "ThreadPool(threads)"),
        (lambda folder: {"max_batch": -1}, posekit.InvalidArgumentError, "-1"),
        (lambda folder: {"box_padding": 0.0}, posekit.InvalidArgumentError, "0"),
        (lambda folder: {"keypoints": "third_hand"}, posekit.NotFoundError, "third_hand"),
        (lambda folder: {"preset": "sapiens"}, posekit.NotFoundError, "sapiens-coco17"),
        (lambda folder: {"preset": "sapiens-coco17", "metadata": {}}, posekit.InvalidArgumentError, "both"),
        (lambda folder: {"metadata": {"format": "posekit-model/1"}}, posekit.InvalidModelError, "task"),
        (lambda folder: {"metadata": folder / "none.json"}, posekit.NotFoundError, "none.json"),
        (lambda folder: {"sha256": "0" * 64}, posekit.InvalidModelError, "0" * 64),
        (lambda folder: {"model": posekit.shipped_model("person_detector.pt")}, posekit.InvalidArgumentError, "detect"),
    ],
)
def test_a_bad_option_is_reported_by_class_code_and_text(
    make: object, kind: type[posekit.Error], words: str, tmp_path: Path, lite: Path
) -> None:
    with pytest.raises(kind) as caught:
        posekit.PoseEstimator(**({"model": lite} | make(tmp_path)))  # type: ignore[operator]
    assert caught.type is kind and words in str(caught.value)


OPTIONS = [
    (posekit.PoseEstimator, {"max_batch": "many"}, "max_batch is 'many', an integer is expected"),
    (posekit.PoseEstimator, {"max_batch": 1.5}, "max_batch is 1.5, an integer is expected"),
    (posekit.PoseEstimator, {"max_batch": 1 << 70}, "an integer is expected"),
    (posekit.PoseEstimator, {"box_padding": "wide"}, "box_padding is 'wide', a number is expected"),
    (posekit.PoseEstimator, {"keypoints": [1, 2]}, "keypoints is [1, 2], a list of names is expected"),
    (posekit.PoseEstimator, {"flip_test": "no"}, "flip_test is 'no', True or False is expected"),
    (posekit.PoseEstimator, {"flip": True}, "flip"),
    (posekit.PersonDetector, {"tiles": ["half"]}, "tiles is ['half'], a list of numbers is expected"),
    (posekit.PersonDetector, {"max_persons": "all"}, "max_persons is 'all', an integer is expected"),
    (posekit.Tracker, {"smoothing": "no"}, "smoothing is 'no', True or False is expected"),
    (posekit.Tracker, {"birth_s": None}, "birth_s is None, a number is expected"),
]


@pytest.mark.parametrize(("kind", "options", "words"), OPTIONS, ids=str)
def test_an_option_of_another_type_or_name_is_reported(kind: Any, options: dict[str, Any], words: str, estimator: posekit.PoseEstimator) -> None:
    arguments = [estimator.keypoints] if kind is posekit.Tracker else []
    with pytest.raises(TypeError, match=re.escape(words)):
        kind(*arguments, **options)


def test_the_native_classes_refuse_options_that_are_not_theirs(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    with pytest.raises(TypeError, match='there is no option "flip"'):
        _core.PoseEstimator(estimator.model._native, flip=True)
    with pytest.raises(TypeError, match="executor is 4, a ThreadPool or None is expected"):
        _core.PoseEstimator(estimator.model._native, executor=4)
    native = _core.PoseEstimator(estimator.model._native)  # the defaults are C++'s
    assert np.array_equal(native.estimate_batch([photo], [np.array([[*BOX, 1]])], False, None)[0].keypoints, estimator.estimate(photo, [BOX]).keypoints)


def test_misuse_of_a_call_is_reported(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    with pytest.raises(posekit.InvalidArgumentError, match="2 images and boxes for 1 images"):
        estimator.estimate_batch([photo, photo], [[]])
    with pytest.raises(posekit.InvalidArgumentError, match="'gbr'"):
        estimator.estimate(photo, [], format="gbr")  # type: ignore[arg-type]
    for timeout in (-1, float("nan")):
        with pytest.raises(posekit.InvalidArgumentError, match="timeout"):
            estimator.estimate(photo, [], timeout=timeout)
    with pytest.raises(posekit.InvalidArgumentError, match="4097|4096"):
        posekit.ThreadPool(4097)
    with pytest.raises(posekit.InvalidArgumentError, match="threads is -1"):
        posekit.ThreadPool(-1)
    with pytest.raises(posekit.InvalidArgumentError, match="0 Torch threads"):
        posekit.set_torch_threads(0)
    with pytest.raises(posekit.NotFoundError, match="coco17"):
        posekit.builtin_keypoint_set("coco18")
    with pytest.raises(posekit.NotFoundError, match="POSEKIT_MODELS"):
        posekit.shipped_model("none.pt")


def test_a_passed_timeout_raises_for_one_image(
    estimator: posekit.PoseEstimator, detector: posekit.PersonDetector, photo: np.ndarray
) -> None:
    with pytest.raises(TimeoutError):
        estimator.estimate(photo, [[0, 0, 9, 9]], timeout=0)
    with pytest.raises(posekit.DeadlineExceededError):
        detector.detect(photo, timeout=0)
    estimator.estimate(photo, [[0, 0, 9, 9]], timeout=float("inf"))


def test_a_message_may_hold_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    import os

    path = os.fsencode(tmp_path) + b"/caf\xe9.pt"
    with pytest.raises(posekit.NotFoundError) as caught:
        posekit.PoseEstimator(os.fsdecode(path))
    assert "caf" in str(caught.value)


def test_notes_of_the_library_reach_the_log_callback_until_it_is_removed(lite: Path) -> None:
    notes: list[tuple[str, str]] = []
    metadata = posekit.inspect_model(lite).info
    document = {
        "format": "posekit-model/1",
        "task": "pose",
        "name": metadata.name,
        "keypoints": "blazepose33",
        "surprise": 1,
        "input": {"width": metadata.input.width, "height": metadata.input.height},
        "output": {"codec": "regression"},
    }
    posekit.set_log_callback(lambda level, message: notes.append((level, message)))
    try:
        info = posekit.inspect_model(lite, metadata=document).info
        posekit.PoseEstimator(lite, metadata=document, warm_up="none")
    finally:
        posekit.set_log_callback(None)
    assert any("surprise" in note for note in info.notes)
    seen = len(notes)
    posekit.PoseEstimator(lite, metadata=document, warm_up="none")
    assert len(notes) == seen
    assert all(level in ("info", "warning") for level, _ in notes)


def test_an_interpreter_ends_well_with_a_callback_and_objects_alive(script: Script) -> None:
    out = script("""
        import posekit
        posekit.set_log_callback(lambda level, message: print(level, message))
        pool = posekit.ThreadPool(3)
        kept = [posekit.PoseEstimator(executor=pool), posekit.PersonDetector(executor=pool)]
        print("end")
        """)
    assert out.endswith("end")


def test_names_that_are_not_utf8_work_everywhere(tmp_path: Path, lite: Path, estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    name = os.fsdecode(b"a\xff.jpg")
    result = estimator.estimate(photo, [[24, 8, 375, 511]])
    assert result.to_dict(name)["image"]["path"] == "a\N{REPLACEMENT CHARACTER}.jpg"
    assert result.to_coco(name)[0]["image_id"] == "a\N{REPLACEMENT CHARACTER}.jpg"
    document = tmp_path / os.fsdecode(b"m\xff.json")
    document.write_text('{"format": "posekit-model/1", "task": "pose", "input": {"width": 256, "height": 256}, "keypoints": "blazepose33", '
                        '"output": {"codec": "udp_heatmap", "width": 64, "height": 64}}')
    copy = tmp_path / os.fsdecode(b"m\xff.pt")
    copy.write_bytes(lite.read_bytes())
    assert posekit.PoseEstimator(copy, metadata=document).info.name == "m\N{REPLACEMENT CHARACTER}.pt"


def test_empty_arrays_of_boxes_are_accepted_and_other_shapes_refused(lite: Path, estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    assert posekit.PoseEstimator(lite, keypoints=np.array(["nose", "left_eye"])).keypoints.names == ["nose", "left_eye"]
    for nobody in ([], [[]], np.empty((0, 4)), np.empty((0, 5))):
        assert len(estimator.estimate(photo, nobody)) == 0
    with pytest.raises(ValueError, match=r"\(3, 0\)"):
        estimator.estimate(photo, np.empty((3, 0)))
    result = estimator.estimate(photo, [[24, 8, 375, 511]])
    result.scores = result.scores[:, :5]
    with pytest.raises(ValueError, match="fit together"):
        posekit.draw_poses(photo, result)


def test_a_memory_limit_that_can_not_be_says_why():
    with pytest.raises(posekit.InvalidArgumentError, match="the CPU"):
        posekit.set_device_memory_limit("cpu", 1 << 30)
    with pytest.raises(posekit.InvalidArgumentError, match="0 bytes"):
        posekit.set_device_memory_limit("cuda", 0)
    if not posekit.built_with_cuda():
        with pytest.raises(posekit.DeviceUnavailableError, match="built without"):
            posekit.set_device_memory_limit("cuda", 1 << 30)
