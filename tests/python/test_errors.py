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
from message_form import check_message_form, problem_of_form
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
    ("make", "kind", "thing", "words"),
    [
        (lambda folder: {"model": folder / "none.pt"}, posekit.NotFoundError, "none.pt", "does not exist"),
        (lambda folder: {"model": folder}, posekit.InvalidArgumentError, "", "folder"),
        (lambda folder: {"model": write(folder, "empty.pt", b"")}, posekit.InvalidModelError, "empty.pt", "is empty"),
        (
            lambda folder: {"model": write(folder, "lfs.pt", b"version https://git-lfs.github.com/spec/v1\n")},
            posekit.InvalidModelError,
            "lfs.pt",
            "LFS",
        ),
        (lambda folder: {"model": write(folder, "a.onnx", b"\x08\x07\x12\x07pytorch")}, posekit.UnsupportedModelError, "a.onnx", "ONNX"),
        (lambda folder: {"device": "gpu"}, posekit.InvalidArgumentError, "device", '"gpu"'),
        (lambda folder: {"precision": "fp8"}, posekit.InvalidArgumentError, "precision", '"fp8"'),
        (lambda folder: {"warm_up": "yes"}, posekit.InvalidArgumentError, "warm_up", '"yes"'),
        (lambda folder: {"executor": 4}, posekit.InvalidArgumentError, "executor is 4", "ThreadPool(threads)"),
        (lambda folder: {"executor": posekit.Executor()}, posekit.InvalidArgumentError, "executor is", "ThreadPool(threads)"),
        (lambda folder: {"max_batch": -1}, posekit.InvalidArgumentError, "max_batch", "-1"),
        (lambda folder: {"box_padding": 0.0}, posekit.InvalidArgumentError, "box padding", "0"),
        (lambda folder: {"keypoints": "third_hand"}, posekit.NotFoundError, "keypoint", "third_hand"),
        (lambda folder: {"preset": "sapiens"}, posekit.NotFoundError, 'preset "sapiens"', "sapiens-coco17"),
        (lambda folder: {"preset": "sapiens-coco17", "metadata": {}}, posekit.InvalidArgumentError, "metadata and preset", "both"),
        (lambda folder: {"metadata": {"format": "posekit-model/1"}}, posekit.InvalidModelError, "metadata", "task"),
        (lambda folder: {"metadata": folder / "none.json"}, posekit.NotFoundError, "metadata file", "none.json"),
        (lambda folder: {"sha256": "0" * 64}, posekit.InvalidModelError, "sha256", "0" * 64),
        (lambda folder: {"model": posekit.shipped_model("person_detector.pt")}, posekit.InvalidArgumentError, "model", '"detect"'),
    ],
)
def test_a_bad_option_is_reported_by_class_code_and_text(
    make: object, kind: type[posekit.Error], thing: str, words: str, tmp_path: Path, lite: Path
) -> None:
    with pytest.raises(kind) as caught:
        posekit.PoseEstimator(**({"model": lite} | make(tmp_path)))  # type: ignore[operator]
    assert caught.type is kind
    check_message_form(caught.value, thing, words)


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


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("limit 7 was given, 8 is expected", ""),
        ('limit 7 for "' + "told " * 100 + '" is too high: lower it', ""),
        ("7 was given, 8 is expected", "'limit' is not in it"),
        ("limit was given, 8 is expected", "'7' is not in it"),
        ("limit 7 is wrong", "it says neither what is expected nor what to do"),
        ("limit 7 tells nothing, 8 is expected", "it has the word 'tells'"),
        ("limit 7 is wrong, 8 is expected" + "." * 240, "it has 270 characters of its own"),
    ],
)
def test_the_check_of_messages_finds_each_fault_of_form(message: str, problem: str) -> None:
    assert problem_of_form(message, "limit", "7") == problem


@pytest.mark.parametrize(
    ("call", "kind", "thing", "words"),
    [
        (lambda one, photo: one.estimate_batch([photo, photo], [[]]), posekit.InvalidArgumentError, "images", "2 images and boxes for 1 images"),
        (lambda one, photo: one.estimate(photo, [], format="gbr"), posekit.InvalidArgumentError, "format", "'gbr'"),
        (lambda one, photo: one.estimate(photo, [], timeout=-1), posekit.InvalidArgumentError, "timeout", "-1"),
        (lambda one, photo: one.estimate(photo, [], timeout=float("nan")), posekit.InvalidArgumentError, "timeout", "nan"),
        (lambda one, photo: posekit.ThreadPool(4097), posekit.InvalidArgumentError, "threads", "4097"),
        (lambda one, photo: posekit.ThreadPool(-1), posekit.InvalidArgumentError, "threads", "threads is -1"),
        (lambda one, photo: posekit.set_torch_threads(0), posekit.InvalidArgumentError, "threads", "0 Torch threads"),
        (lambda one, photo: posekit.builtin_keypoint_set("coco18"), posekit.NotFoundError, 'keypoint set "coco18"', "coco17"),
        (lambda one, photo: posekit.shipped_model("none.pt"), posekit.NotFoundError, "none.pt", "POSEKIT_MODELS"),
    ],
)
def test_misuse_of_a_call_is_reported(
    call: object, kind: type[posekit.Error], thing: str, words: str, estimator: posekit.PoseEstimator, photo: np.ndarray
) -> None:
    with pytest.raises(kind) as caught:
        call(estimator, photo)  # type: ignore[operator]
    check_message_form(caught.value, thing, words)


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


NOTE = """
    import io, logging, sys
    import numpy as np, PIL.Image
    import posekit

    def note():  # of few values in 16 bits
        file = io.BytesIO()
        PIL.Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8)).save(file, "PNG")
        posekit.decode_image(file.getvalue(), "dark.png")
"""


def test_notes_go_to_the_logger_unless_a_callback_is_set(script: Script) -> None:
    out = script(f"""{NOTE}
    note()  # nobody listens: nothing is printed
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
    note()
    posekit.set_log_callback(lambda level, message: print("callback", level))
    note()
    posekit.set_log_callback(None)
    note()
    """)
    lines = out.splitlines()
    assert len(lines) == 2 and lines[0].startswith(("posekit INFO", "posekit WARNING")) and "dark.png" in lines[0]
    assert lines[1] == f"callback {lines[0].split()[1].lower()}"


def test_the_library_prints_nothing_where_logging_is_not_set_up(script: Script) -> None:
    assert script(f"""{NOTE}
    sys.stderr = sys.stdout
    note()
    logging.getLogger("posekit").warning("%s", "made up")
    """) == ""


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


def test_an_impossible_memory_limit_is_reported() -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.set_device_memory_limit("cpu", 1 << 30)
    check_message_form(caught.value, "memory limit", "the CPU")
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.set_device_memory_limit("cuda", 0)
    check_message_form(caught.value, "memory limit", "0 bytes")
    if not posekit.built_with_cuda():
        with pytest.raises(posekit.DeviceUnavailableError) as unavailable:
            posekit.set_device_memory_limit("cuda", 1 << 30)
        check_message_form(unavailable.value, "CUDA", "built without")
