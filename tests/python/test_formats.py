"""What the program writes for other tools, read back by these tools or as their documentation says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
from conftest import PHOTOS, PROGRAM
from message_form import problem_of_form
from PIL import Image

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
coco = pytest.importorskip("pycocotools.coco")

Runs = subprocess.CompletedProcess[str]


LITE = posekit.shipped_model("pose_landmark_lite.pt")


def run(command: list[str], folder: Path) -> Runs:
    return subprocess.run([*command, "-m", str(LITE), "--torch-threads", "1"], cwd=folder, capture_output=True, text=True, check=False)


def program(folder: Path, *arguments: object) -> Runs:
    return run([str(PROGRAM), "estimate", *map(str, arguments)], folder)


def package(folder: Path, *arguments: object) -> Runs:
    return run([sys.executable, "-m", "posekit", "estimate", *map(str, arguments)], folder)


@pytest.fixture(scope="module")
def predictor() -> posekit.Predictor:
    """What the program does."""
    return posekit.Predictor(posekit.PoseEstimator(LITE), posekit.PersonDetector())


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Photos, and a broken one between them."""
    folder = tmp_path / "in, with \"quotes\""
    folder.mkdir()
    for photo in PHOTOS:
        (folder / photo.name).write_bytes(photo.read_bytes())
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def expected_table(predictor: posekit.Predictor, folder: Path) -> Any:
    """The rows that Python makes of its own results."""
    return posekit.results_table(predictor.estimate(sorted(folder.iterdir())))


def test_a_csv_table_is_that_of_python(predictor: posekit.Predictor, inputs: Path, tmp_path: Path) -> None:
    assert program(tmp_path, inputs, "--format", "csv").returncode == 1
    file = tmp_path / "posekit-out/results.csv"
    expected = expected_table(predictor, inputs)
    as_pandas = pandas.read_csv(file, dtype={"x": np.float32, "y": np.float32, "score": np.float32, "box_score": np.float32})
    assert list(as_pandas.columns) == expected.column_names and len(as_pandas) == expected.num_rows
    wanted = expected.to_pandas()
    assert set(wanted["error_code"].dropna()) == {"io"}
    for name in wanted:
        found, exact = as_pandas[name], wanted[name]
        assert (found.isna() == exact.isna()).all(), name
        same = found.isna() | (found.astype(str) == exact.astype(str) if exact.dtype.name in ("category", "object", "str") else found == exact)
        assert same.all(), name
    as_polars = polars.read_csv(file, infer_schema_length=None)
    assert as_polars.height == expected.num_rows and as_polars["keypoint"].null_count() == 1


def test_parquet_has_the_rows_and_the_schema_of_python(predictor: posekit.Predictor, inputs: Path, tmp_path: Path) -> None:
    done = package(tmp_path, inputs, "--format=parquet", "-oout", "--draw")
    assert done.returncode == 1, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*(f"{photo.name}.pose.jpg" for photo in PHOTOS), "results.parquet"]
    file = parquet.ParquetFile(tmp_path / "out/results.parquet")
    expected = expected_table(predictor, inputs)
    assert file.schema_arrow.equals(expected.schema, check_metadata=True)
    assert file.read().to_pylist() == expected.to_pylist()
    assert not (tmp_path / "out/results.parquet").stat().st_mode & 0o111


def test_row_groups_are_of_10000_rows_whatever_the_blocks_of_the_file(tmp_path: Path) -> None:
    from posekit import _parquet

    names = [f'"p{i % 33}"' for i in range(25_001)]
    header = "result,path,frame,time_s,width,height,box_index,track_id,x1,y1,x2,y2,box_score,keypoint_index,keypoint,x,y,score,error_code,error"
    rows = [f'{i},"a\nb.jpg",,,640,480,0,,1,2,3,4.5,0.5,{i % 33},{name},1.5,2,0.25,,' for i, name in enumerate(names)]
    (tmp_path / "results.csv").write_text("\n".join([header, *rows, ""]))
    _parquet._convert(tmp_path / "results.csv", tmp_path / "results.parquet", overwrite=False)
    file = parquet.ParquetFile(tmp_path / "results.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] == [10_000, 10_000, 5_001]
    table = file.read()
    assert table["result"].to_pylist() == list(range(25_001))
    assert set(table["path"].to_pylist()) == {"a\nb.jpg"} and table["error"].null_count == 25_001


def test_parquet_is_refused_where_it_would_replace_a_file_or_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name, arguments, value in [
        ("results.parquet", ["-o", "out"], "--overwrite"),
        ("results.csv", ["-o", "out", "--overwrite"], "move it"),
        ("other", ["-o", "-"], "-o FOLDER"),
    ]:
        (tmp_path / "out" / name).write_text("mine")
        refused = package(tmp_path, PHOTOS[0], "--format", "parquet", *arguments)
        assert refused.returncode == 2 and value in refused.stderr and (tmp_path / "out" / name).read_text() == "mine"
        assert not problem_of_form(refused.stderr.removeprefix("posekit: "), "", value)
        (tmp_path / "out" / name).unlink()
    wrong = package(tmp_path, PHOTOS[0], "--format", "parquet", "--no-such-option")
    assert wrong.returncode == 2 and "--no-such-option" in wrong.stderr and not list((tmp_path / "out").iterdir())


def test_parquet_does_not_replace_the_table_of_a_run_that_ended_meanwhile(tmp_path: Path) -> None:
    """The program is one in whose time another run ends."""
    from posekit import _parquet, _tables

    stand_in = tmp_path / "program"
    stand_in.write_text(f"#!/bin/sh\ncd {tmp_path}\necho {','.join(_tables.table_schema().names)} > results.csv\necho theirs > results.parquet\n")
    stand_in.chmod(0o755)
    for more, status in (([], 1), (["--overwrite"], 0)):
        assert _parquet.run(stand_in, ["estimate", "in", "--format", "parquet", "-o", str(tmp_path), *more]) == status
        assert ((tmp_path / "results.parquet").read_bytes() == b"theirs\n") == (status == 1)
        assert {file.name for file in tmp_path.iterdir()} == {"program", "results.parquet"}
        if status == 1:
            (tmp_path / "results.parquet").unlink()


def test_parquet_is_made_of_inputs_behind_two_dashes(tmp_path: Path) -> None:
    (tmp_path / "-dash.jpg").write_bytes(PHOTOS[0].read_bytes())
    command = [sys.executable, "-m", "posekit", "estimate", "-m", str(LITE), "--format", "parquet", "-o", "out", "--", "-dash.jpg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["results.parquet"] and not (tmp_path / "posekit-out").exists()


def signalled(tmp_path: Path, number: signal.Signals, images: int, *prefix: str) -> tuple[int, str]:
    """A run to Parquet that gets a signal behind its third image. Returns its exit code and what it wrote to standard error then."""
    (tmp_path / "photo.jpg").write_bytes(PHOTOS[0].read_bytes())
    (tmp_path / "in").mkdir()
    for i in range(images):
        os.link(tmp_path / "photo.jpg", tmp_path / f"in/{i}.jpg")
    arguments = ["estimate", str(tmp_path / "in"), "--format", "parquet", "-o", str(tmp_path / "out"), "-m", str(LITE), "--torch-threads", "1"]
    process = subprocess.Popen([*prefix, sys.executable, "-m", "posekit", *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[3]"):
            break
    process.send_signal(number)
    rest = process.stderr.read()
    return process.wait(), rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_to_parquet_with_nothing_left(number: signal.Signals, tmp_path: Path) -> None:
    code, rest = signalled(tmp_path, number, 300)
    assert code == 130, rest
    assert "not complete" in rest and not list((tmp_path / "out").iterdir())


def test_a_run_to_parquet_under_nohup_goes_on_when_its_terminal_goes(tmp_path: Path) -> None:
    code, rest = signalled(tmp_path, signal.SIGHUP, 60, "nohup")
    assert code == 0, rest
    assert parquet.ParquetFile(tmp_path / "out/results.parquet").metadata.num_rows > 60


def test_pycocotools_reads_a_dataset_and_results_that_fit_it(predictor: posekit.Predictor, inputs: Path, tmp_path: Path) -> None:
    assert program(tmp_path, inputs, "--format", "coco-dataset", "--keypoints", "coco17").returncode == 1
    dataset = coco.COCO(str(tmp_path / "posekit-out/dataset.json"))
    names = {image["file_name"]: image["id"] for image in dataset.loadImgs(dataset.getImgIds())}
    assert set(names) == {photo.name for photo in PHOTOS}
    (category,) = dataset.loadCats(dataset.getCatIds(catNms=["person"]))
    assert category["keypoints"] == posekit.builtin_keypoint_set("coco17").names
    for photo in PHOTOS:
        result = predictor.estimate(photo)
        body = [result.keypoint_names.index(name) for name in category["keypoints"]]
        people = dataset.loadAnns(dataset.getAnnIds(imgIds=names[photo.name], iscrowd=False))
        assert len(people) == len(result)
        for person, points, box in zip(people, result.keypoints[:, body], result.boxes):
            width, height = result.image_size
            low, high = np.clip(box[:2], 0, (width, height)), np.clip(box[2:], 0, (width, height))
            np.testing.assert_allclose(person["bbox"], [*low, *(high - low)], atol=1e-9)
            marked = np.reshape(person["keypoints"], (17, 3))
            np.testing.assert_allclose(marked[marked[:, 2] > 0, :2], points[marked[:, 2] > 0], atol=1e-4)
            assert person["num_keypoints"] == (marked[:, 2] > 0).sum()
    arguments = ["--format", "coco", "--keypoints", "coco17", "--annotations", "posekit-out/dataset.json", "-o", "results"]
    assert program(tmp_path, *PHOTOS, *arguments).returncode == 0
    assert dataset.loadRes(str(tmp_path / "results/results.json")).getImgIds()


def test_a_dataset_imports_as_cvat_documents_its_coco_keypoints_format(inputs: Path, tmp_path: Path) -> None:
    """CVAT: images are matched by file_name without its extension; each annotation names a category with keypoints and skeleton from 1 on."""
    program(tmp_path, inputs, "--format", "coco-dataset", "--keypoints", "coco17")
    document = json.loads((tmp_path / "posekit-out/dataset.json").read_text())
    frames = {str(path.relative_to(inputs).with_suffix("")): Image.open(path).size for path in inputs.iterdir() if path.name != "broken.jpg"}
    images = {image["id"]: image for image in document["images"]}
    categories = {category["id"]: category for category in document["categories"]}
    assert len(images) == len(document["images"]) and len({one["id"] for one in document["annotations"]}) == len(document["annotations"]) > 0
    shapes = 0
    for image in images.values():
        assert frames[str(Path(image["file_name"]).with_suffix(""))] == (image["width"], image["height"])
    for annotation in document["annotations"]:
        image, labels = images[annotation["image_id"]], categories[annotation["category_id"]]["keypoints"]
        assert len(annotation["keypoints"]) == 3 * len(labels) and annotation["iscrowd"] == 0
        for x, y, seen in zip(*[iter(annotation["keypoints"])] * 3):
            assert seen in (0, 1, 2) and -0.5 <= x <= image["width"] - 0.5 and -0.5 <= y <= image["height"] - 0.5
            shapes += seen > 0
        left, top, width, height = annotation["bbox"]
        assert left >= 0 and top >= 0 and left + width <= image["width"] and top + height <= image["height"]
    skeleton = np.array(categories[1]["skeleton"])
    assert skeleton.min() >= 1 and skeleton.max() <= 17 and shapes > 17


BODY_25 = [
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "MidHip", "RHip", "RKnee", "RAnkle", "LHip",
    "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar", "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel",
]


def openpose_people(path: Path) -> list[dict[str, np.ndarray]]:
    """As OpenPose's documentation of its output says: x, y and confidence of each part, people in a list."""
    document = json.loads(path.read_text())
    assert document["version"] == 1.3
    people = []
    for person in document["people"]:
        points = np.reshape(person["pose_keypoints_2d"], (25, 3))
        people.append(dict(zip(BODY_25, points)))
    return people


def test_openpose_readers_find_the_people_of_the_photo(predictor: posekit.Predictor, tmp_path: Path) -> None:
    assert program(tmp_path, *PHOTOS, "--format", "openpose", "--draw", "--save-crops").returncode == 0
    for photo in PHOTOS:
        people = openpose_people(tmp_path / f"posekit-out/{photo.name}_keypoints.json")
        result = predictor.estimate(photo)
        assert len(people) == len(result)
        for i, person in enumerate(people):
            of = dict(zip(result.keypoint_names, result.keypoints[i]))
            for part, name in {"Nose": "nose", "LWrist": "left_wrist", "RHeel": "right_heel", "LBigToe": "left_foot_index"}.items():
                np.testing.assert_allclose(person[part][:2], of[name], atol=1e-4)
            np.testing.assert_allclose(person["Neck"][:2], (of["left_shoulder"] + of["right_shoulder"]) / 2, atol=1e-4)
            np.testing.assert_allclose(person["MidHip"][:2], (of["left_hip"] + of["right_hip"]) / 2, atol=1e-4)
            assert not person["LSmallToe"].any()
            crop = posekit.read_image(tmp_path / f"posekit-out/{photo.name}.crops/{i}.jpg")
            low, high = np.rint(result.boxes[i, :2]), np.rint(result.boxes[i, 2:])
            width, height = result.image_size
            assert crop.shape[:2] == tuple(
                int(v) for v in (min(high[1], height - 1) - max(low[1], 0) + 1, min(high[0], width - 1) - max(low[0], 0) + 1)
            )
