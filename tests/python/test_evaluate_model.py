"""Evaluation of models: runs that stop and go on, and the command."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
from conftest import IMAGES, Script
from evaluation import annotated, person_of
from message_form import check_message_form

pytest.importorskip("pycocotools")

GT: dict[str, Any] = {"boxes_from": "gt"}
ONE = person_of()
LABELLED = annotated(ONE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, lite: Path, detector: posekit.PersonDetector) -> dict[str, Any]:
    """The photos of the examples, with annotations that the small model is right about."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "images").mkdir()
    for photo in sorted(IMAGES.glob("*.jpg")):
        shutil.copy(photo, folder / "images")
    estimator = posekit.PoseEstimator(lite, keypoints="coco17")
    results = list(posekit.Predictor(estimator, detector).estimate(folder / "images"))
    assert sum(map(len, results)) == 4
    (folder / "labels.json").write_text(json.dumps(annotated(*results)))
    boxes = {Path(result.path or "").name: np.column_stack([result.boxes, result.box_scores]).tolist() for result in results}
    (folder / "boxes.json").write_text(json.dumps(boxes))
    files = {"images": folder / "images", "labels": folder / "labels.json", "boxes": folder / "boxes.json", "file": lite}
    return {**files, "model": estimator, "detector": detector}


def measured(photos: dict[str, Any], **more: Any) -> posekit.Evaluation:
    """With the loaded models, where nothing else is asked for."""
    if not more.keys() & {"boxes", "boxes_from"}:
        more = {"detector": photos["detector"], **more}
    return posekit.evaluate_model(more.pop("model", photos["model"]), photos["images"], photos["labels"], **more)


def test_a_model_is_right_about_what_it_has_labelled(photos: dict[str, Any], tmp_path: Path) -> None:
    for number, options in enumerate([{}, GT, {"boxes": photos["boxes"]}]):
        for results in (None, tmp_path / f"{number}.jsonl", tmp_path / f"{number}.jsonl"):
            found = measured(photos, results=results, **options)
            assert found.metrics["AP"] == pytest.approx(1) and found.people == 4, options
    other = measured(photos, model=None, keypoints="coco17", boxes_from="gt")
    assert other.metrics["AP"] < 1  # type: ignore[operator]
    assert posekit.evaluate(tmp_path / "1.jsonl", photos["labels"], boxes_from="gt").metrics["AP"] == pytest.approx(1)
    assert measured(photos, model=photos["file"], keypoints="coco17", device="cpu", boxes_from="gt").metrics["AP"] == pytest.approx(1)


def without_times(line: bytes) -> dict[str, Any]:
    return {key: value for key, value in json.loads(line).items() if key != "timings_ms"}


def test_a_run_goes_on_where_it_was_interrupted(photos: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "run.jsonl"
    whole = measured(photos, results=results)
    lines = results.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 3
    ran: list[Any] = []
    estimate = posekit.Predictor.estimate
    monkeypatch.setattr(posekit.Predictor, "estimate", lambda self, source, **more: ran.append(source) or estimate(self, source, **more))  # type: ignore[func-returns-value]
    for kept, cut in ((4, b""), (2, b""), (2, lines[2][:100]), (1, b""), (0, b""), (0, lines[0][:20])):
        results.write_bytes(b"".join(lines[:kept]) + cut)
        assert measured(photos, results=results) == whole
        assert len(ran.pop()) == 4 - max(kept, 1)
        assert list(map(without_times, results.read_bytes().splitlines())) == list(map(without_times, lines))


STOPPED = """
import os, runpy, signal, sys
from posekit._evaluation_run import _Journal

number, add = int(sys.argv.pop(1)), _Journal.add


def add_and_stop(self, *arguments):
    add(self, *arguments)
    os.kill(os.getpid(), number)


signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process may ignore it
_Journal.add = add_and_stop
runpy.run_module("posekit.evaluate", run_name="__main__")
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_that_is_stopped_after_an_image_goes_on(photos: dict[str, Any], tmp_path: Path, number: int, status: int) -> None:
    results = tmp_path / "run.jsonl"
    arguments = [str(results), "--annotations", str(photos["labels"]), "--images", str(photos["images"]), "--model", str(photos["file"])]
    arguments += ["--keypoints", "coco17", "--boxes-from", "gt"]
    stopped = subprocess.run([sys.executable, "-c", STOPPED, str(int(number)), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert stopped.returncode == status, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert len(results.read_bytes().splitlines()) == 2
    done = command(*arguments)
    assert done.returncode == 0 and "1.000" in done.stdout, done.stderr
    assert len(results.read_bytes().splitlines()) == 4


def copied(photos: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """With images of one's own."""
    return photos | {"images": Path(shutil.copytree(photos["images"], tmp_path / "images"))}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda file: {"model": posekit.PoseEstimator(file, keypoints="coco17", flip_test=True)}, "model"),
        (lambda file: {"model": posekit.PoseEstimator(file, keypoints="coco17", box_padding=1.3)}, "model"),
        (lambda file: {"model": posekit.PoseEstimator(keypoints="coco17")}, "model"),
        (lambda _: {"detector": posekit.PersonDetector(score_threshold=0.9)}, "detector"),
        (lambda _: GT, "detector and boxes"),
    ],
)
def test_results_of_other_options_are_refused(photos: dict[str, Any], tmp_path: Path, change: Any, word: str) -> None:
    results = tmp_path / "run.jsonl"
    measured(photos, results=results)
    before = results.read_bytes()
    with pytest.raises(posekit.InvalidArgumentError, match=f"another {word}") as caught:
        measured(photos, results=results, **change(photos["file"]))
    check_message_form(caught.value, "results", str(results))
    assert results.read_bytes() == before


def test_results_of_an_image_that_has_changed_and_other_files_are_refused(photos: dict[str, Any], tmp_path: Path) -> None:
    results, mine = tmp_path / "run.jsonl", copied(photos, tmp_path)
    measured(mine, results=results)
    os.utime(mine["images"] / "people.jpg", ns=(1, 1))
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        measured(mine, results=results)
    check_message_form(caught.value, "has changed", str(results))
    first = results.read_text().splitlines()[0]
    for text in ("[]\n", "hello\n", '{"format": "posekit-result/1"}\n', json.dumps(LABELLED), f"{first}\n{{}}\n", f"{first}\nhello\n"):
        results.write_text(text)
        with pytest.raises(posekit.InvalidArgumentError) as refused:
            measured(mine, results=results)
        check_message_form(refused.value, "results", str(results))
        assert results.read_text() == text
    with pytest.raises(posekit.IoError) as unwritable:
        measured(mine, results=tmp_path / "none/run.jsonl")
    check_message_form(unwritable.value, "results", str(tmp_path / "none/run.jsonl"))
    with pytest.raises(posekit.InvalidArgumentError) as device:
        measured(mine, results="/dev/null")
    check_message_form(device.value, "results", "/dev/null")


def test_two_runs_do_not_write_to_one_file(photos: dict[str, Any], tmp_path: Path) -> None:
    results = tmp_path / "run.jsonl"
    with open(results, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            measured(photos, results=results)
    check_message_form(caught.value, "another run", str(results))


def test_a_broken_image_is_an_error_after_the_others_are_done(photos: dict[str, Any], tmp_path: Path) -> None:
    results, mine = tmp_path / "run.jsonl", copied(photos, tmp_path)
    good = (mine["images"] / "astronaut.jpg").read_bytes()
    (mine["images"] / "astronaut.jpg").write_bytes(b"no image")
    with pytest.raises(posekit.Error) as caught:
        measured(mine, results=results)
    check_message_form(caught.value, "images that failed: 1", "astronaut.jpg")
    assert len(results.read_bytes().splitlines()) == 1 + 2
    (mine["images"] / "astronaut.jpg").write_bytes(good)
    assert measured(mine, results=results).metrics["AP"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "thing", "value"),
    [
        ({"model": None}, "sigmas", "blazepose33"),
        ({"boxes_from": "gt", "boxes": "b.json"}, "boxes", "gt"),
        ({"boxes_from": "gt", "detector": "d.pt"}, "detector", "boxes"),
        ({"images": "none"}, "images", "none"),
        ({"model": b"PK"}, "", ""),
        ({"metric": "pck"}, "pck", "detector"),
        ({"parts": True}, "parts", "coco17"),
    ],
)
def test_what_can_be_known_before_is_refused_before_an_image_is_run(
    photos: dict[str, Any], options: dict[str, Any], thing: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posekit.Predictor, "estimate", lambda *_, **__: pytest.fail("an image was run"))
    images = options.pop("images", photos["images"])
    with pytest.raises(posekit.Error) as caught:
        measured(photos | {"images": images}, **options)
    if thing:
        check_message_form(caught.value, thing, value)


def test_without_pycocotools_no_image_is_run(photos: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posekit.Predictor, "estimate", lambda *_, **__: pytest.fail("an image was run"))
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r'pip install "posekit\[evaluate\]"'):
        measured(photos)


def test_a_full_disk_is_reported_and_the_run_goes_on_when_there_is_space(photos: dict[str, Any], tmp_path: Path) -> None:
    """A limit on the size of files has the same effect."""
    results = tmp_path / "run.jsonl"
    measured(photos, results=results)
    lines = results.read_bytes().splitlines(keepends=True)
    results.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(lines[0] + lines[1]) + 100, before[1]))
        with pytest.raises(posekit.IoError) as caught:
            measured(photos, results=results)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    check_message_form(caught.value, "results", str(results))
    assert measured(photos, results=results).metrics["AP"] == pytest.approx(1)
    assert len(results.read_bytes().splitlines()) == len(lines)


def test_options_beside_an_estimator_and_results_of_a_model_of_bytes_are_refused(photos: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        measured(photos, keypoints="coco17")
    check_message_form(caught.value, "keypoints", "PoseEstimator")
    loaded = posekit.PoseEstimator(photos["file"].read_bytes(), keypoints="coco17")
    assert measured(photos, model=loaded).metrics["AP"] == pytest.approx(1)
    with pytest.raises(posekit.InvalidArgumentError) as refused:
        measured(photos, model=loaded, results=tmp_path / "run.jsonl")
    check_message_form(refused.value, "results")


def test_images_that_are_not_there_are_an_error_or_left_out(photos: dict[str, Any], tmp_path: Path) -> None:
    mine = copied(photos, tmp_path)
    (mine["images"] / "people.jpg").unlink()
    with pytest.raises(posekit.NotFoundError) as caught:
        measured(mine)
    check_message_form(caught.value, "1 of 3", str(mine["images"] / "people.jpg"))
    found = measured(mine, subset_of_annotations=True)
    assert found.images == 2 and found.metrics["AP"] == pytest.approx(1)


def test_two_annotated_images_of_one_file_are_refused_before_one_is_run(
    photos: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(photos["labels"].read_text())
    document["images"][1]["file_name"] = document["images"][0]["file_name"]
    (tmp_path / "labels.json").write_text(json.dumps(document))
    monkeypatch.setattr(posekit.Predictor, "estimate", lambda *_, **__: pytest.fail("an image was run"))
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        measured(photos | {"labels": tmp_path / "labels.json"})
    check_message_form(caught.value, "file_name", document["images"][0]["file_name"])


def test_progress_is_shown_when_it_is_asked_for(photos: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    measured(photos)
    assert capfd.readouterr() == ("", "")
    measured(photos, progress=True)
    out, err = capfd.readouterr()
    assert not out and "3 of 3 images" in err


# --- the command and the name ---


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "posekit.evaluate", *arguments], capture_output=True, text=True, check=False, timeout=120)


def test_the_command_measures_results(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.json").write_text(ONE.to_json())
    labels, out = tmp_path / "labels/labels.txt", tmp_path / "out.json"
    labels.parent.mkdir()
    labels.write_text(json.dumps(LABELLED))
    done = command(str(tmp_path), "--annotations", str(labels), "--boxes-from", "gt", "--oks-nms", "none", "--json", str(tmp_path / "labels/out.txt"))
    assert done.returncode == 0 and not done.stderr, done.stderr
    expected = posekit.evaluate([ONE], LABELLED, boxes_from="gt", oks_nms=None)
    assert done.stdout == f"{expected}\n"
    assert json.loads((tmp_path / "labels/out.txt").read_text()) == json.loads(expected.to_json())
    pck = command(str(tmp_path), "--annotations", str(labels), "--boxes-from", "gt", "--metric", "pck", "--json", str(out))
    assert pck.returncode == 0 and json.loads(out.read_text())["metrics"]["AUC"] == 1


def test_the_numbers_are_printed_where_the_json_file_cant_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.json").write_text(ONE.to_json())
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/labels.txt").write_text(json.dumps(LABELLED))
    done = command(str(tmp_path), "--annotations", str(tmp_path / "labels/labels.txt"), "--json", str(tmp_path / "none/out.txt"))
    assert done.returncode == 1 and done.stdout == f"{posekit.evaluate([ONE], LABELLED)}\n"
    assert "none/out.txt" in done.stderr and not done.stderr.count("Traceback")


def test_the_command_runs_a_model(photos: dict[str, Any], tmp_path: Path) -> None:
    options = ["--annotations", str(photos["labels"]), "--model", str(photos["file"]), "--images", str(photos["images"]), "--keypoints", "coco17"]
    for more in ([str(tmp_path / "run.jsonl"), "--boxes", str(photos["boxes"])], ["--boxes-from", "gt"]):
        done = command(*more, *options)
        assert done.returncode == 0 and "1.000" in done.stdout and not done.stderr, done.stderr


def test_notes_are_lines_and_a_closed_pipe_is_no_error(photos: dict[str, Any], tmp_path: Path) -> None:
    document = json.loads(photos["labels"].read_text())
    found = [{"image_id": 1, "category_id": 1, "bbox": document["annotations"][0]["bbox"], "score": 0.9}]
    (tmp_path / "found.json").write_text(json.dumps(found))
    arguments = ["--annotations", str(photos["labels"]), "--model", str(photos["file"]), "--images", str(photos["images"]), "--keypoints", "coco17"]
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-m", "posekit.evaluate", *arguments, "--boxes", str(tmp_path / "found.json")], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    _, err = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGPIPE, err
    assert err and all(line.startswith("posekit.evaluate: note: ") for line in err.splitlines()), err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["none", "--annotations", "none.json"], 1),
        (["--annotations", "a.json"], 2),
        (["r", "--annotations", "a.json", "--model", "m.pt"], 2),
        (["r", "--annotations", "a.json", "--oks-nms", "half"], 2),
        (["r", "--annotations", "a.json", "--flip-test"], 2),
        (["r", "--annotations", "a.json", "--keypoints", "coco17"], 2),
        (["r", "--annotations", "a.json", "--precision", "bf16"], 2),
        (["--annotations", "a.json", "--model", "m.pt", "--images", "i", "--keypoint-set", "coco17"], 2),
        (["r", "--annotations", "a.json", "--json", "./r"], 2),
        (["r", "--annotations", "a.json", "--json", "a.json"], 2),
        (["r"], 2),
    ],
)
def test_the_command_says_what_is_wrong_in_a_line(arguments: list[str], status: int) -> None:
    done = command(*arguments)
    assert done.returncode == status and not done.stdout
    start = "posekit.evaluate: error: " if status == 1 else "python -m posekit.evaluate: error: "
    assert "Traceback" not in done.stderr and done.stderr.splitlines()[-1].startswith(start)


def test_the_name_is_the_function_however_it_is_imported(script: Script) -> None:
    out = script(
        """
        import importlib, sys, posekit
        function = posekit.evaluate
        light = not {"pycocotools", "argparse", "torch", "posekit._evaluation"} & sys.modules.keys()
        import posekit.evaluate
        from posekit import evaluate
        import posekit.evaluate as third
        print(light, posekit.evaluate is function, evaluate is function, third is function, importlib.import_module("posekit.evaluate") is function)
        """
    )
    assert out == "True " * 4 + "True"


