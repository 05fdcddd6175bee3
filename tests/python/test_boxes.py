"""Boxes from a file: posekit.read_boxes."""

from __future__ import annotations

import json
import random
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
from message_form import check_message_form

SIZE = (400, 300)


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_each_image_has_its_boxes_under_the_path_that_was_given(tmp_path: Path) -> None:
    file = write(tmp_path / "b.json", {"a/x.png": [[1, 2, 30, 40], [5, 6, 20, 20.5, 0.25]], "y.png": []})
    for images in ({"x.png": SIZE, Path("d/y.png"): SIZE}, {Path("a/x.png"): SIZE, "y.png": SIZE}):
        found = posekit.read_boxes(file, images)
        assert list(found) == list(images)
        first, second = found.values()
        assert first.dtype == np.float64 and first.tolist() == [[1, 2, 30, 40, 1], [5, 6, 20, 20.5, 0.25]]
        assert second.shape == (0, 5)


def test_sizes_are_read_from_the_files_and_are_those_of_the_upright_images(tmp_path: Path) -> None:
    PIL = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    picture = PIL.fromarray(np.zeros((300, 400, 3), np.uint8))
    exif = PIL.Exif()
    exif[0x112] = 6
    picture.save(tmp_path / "phone.jpg", exif=exif)
    picture.save(tmp_path / "plain.bmp")
    for name, width, height, right in (("phone.jpg", 300, 400, True), ("phone.jpg", 400, 300, False), ("plain.bmp", 400, 300, True)):
        annotation = {"image_id": 1, "category_id": 1, "bbox": [50, 50, 100, 100]}
        coco = {"images": [{"id": 1, "file_name": name, "width": width, "height": height}], "annotations": [annotation]}
        file = write(tmp_path / "b.json", coco)
        image = tmp_path / name
        if right:
            assert posekit.read_boxes(file, [image])[image].tolist() == [[50, 50, 150, 150, 1]]
        else:
            with pytest.raises(posekit.InvalidArgumentError) as failure:
                posekit.read_boxes(file, [image])
            check_message_form(str(failure.value), "400x300", "300x400")


def test_entries_and_images_that_are_left_over_are_errors(tmp_path: Path) -> None:
    file = write(tmp_path / "b.json", {"x.png": [], "y.png": []})
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, {"x.png": SIZE})
    check_message_form(str(failure.value), "b.json", '"y.png"')
    assert list(posekit.read_boxes(file, {"x.png": SIZE}, subset_of_boxes=True)) == ["x.png"]
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, {"x.png": SIZE, "y.png": SIZE, "z.png": SIZE})
    check_message_form(str(failure.value), "b.json", '"z.png"')
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, {"q.png": SIZE})
    check_message_form(str(failure.value), "b.json", "q.png")
    with pytest.raises(posekit.NotFoundError):
        posekit.read_boxes(tmp_path / "missing.json", {"x.png": SIZE})
    detections = write(tmp_path / "d.json", [{"image_id": "x", "bbox": [1, 2, 3, 4]}])
    with pytest.warns(UserWarning, match='"z.png" is the first: they have no people'):
        assert posekit.read_boxes(detections, {"x.png": SIZE, "z.png": SIZE})["z.png"].shape == (0, 5)


def test_options_are_those_of_the_program_and_what_is_left_out_is_a_warning(tmp_path: Path) -> None:
    entries = [
        {"image_id": 7, "category_id": 0, "bbox": [1, 2, 30, 40], "score": 0.9},
        {"image_id": 7, "category_id": 0, "bbox": [2, 2, 30, 40], "score": 0.1},
        {"image_id": 7, "category_id": 1, "bbox": [3, 2, 30, 40], "score": 0.9},
    ]
    file = write(tmp_path / "b.json", entries)
    anno = write(tmp_path / "a.json", {"images": [{"id": 7, "file_name": "x.png", "width": 800, "height": 600}]})
    with pytest.warns(UserWarning, match="left out") as noted:
        found = posekit.read_boxes(file, {"x.png": SIZE}, annotations=anno, category=0, score_threshold=0.5, scale=True)
    assert found["x.png"].tolist() == [[0.5, 1, 15.5, 21, np.float32(0.9)]]
    assert len(noted) == 2
    with pytest.raises(posekit.InvalidArgumentError, match="--category"):
        posekit.read_boxes(file, {"7.png": SIZE})


SCRIPTS = ("abcXYZ 019_-", "éàüñçåøÅÉ", "写真姿勢推定", "가각힣한글", "יוםلصورةकिखी", "ảấậḍ̇がぎ")


def random_name(rng: random.Random) -> str:
    return "".join(rng.choice(rng.choice(SCRIPTS)) for _ in range(rng.randint(3, 12))).strip() or "x"


@pytest.mark.parametrize("seed", range(20))
def test_names_in_any_script_and_normal_form_find_their_images(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    names = sorted({unicodedata.normalize("NFC", random_name(rng)) + ".png" for _ in range(50)})
    forms = ("NFC", "NFD")
    boxes = {unicodedata.normalize(rng.choice(forms), name): [[i, 0, i + 10, 10]] for i, name in enumerate(names)}
    images = {unicodedata.normalize(rng.choice(forms), name): SIZE for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = posekit.read_boxes(write(tmp_path / "b.json", boxes), images)
    assert [array[0, 0] for array in found.values()] == list(range(len(names)))


def test_every_character_that_decomposes_is_found_in_its_other_form(tmp_path: Path) -> None:
    """Against Python's own Unicode data; posekit's table is of version 14 or later."""
    codes = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    composed = [c for c in codes if unicodedata.normalize("NFD", c) != c and unicodedata.normalize("NFC", c) == c]
    assert len(composed) > 11172  # Hangul alone
    images = {f"n{i}-{c}.png": SIZE for i, c in enumerate(composed)}
    boxes = {unicodedata.normalize("NFD", name): [[1, 0, 11, 10]] for name in images}
    assert len(posekit.read_boxes(write(tmp_path / "b.json", boxes), images)) == len(composed)


def test_a_number_is_a_name_with_zeros_in_front(tmp_path: Path) -> None:
    file = write(tmp_path / "b.json", [{"image_id": 785, "bbox": [1, 2, 30, 40]}])
    assert len(posekit.read_boxes(file, {"000000000785.jpg": SIZE})["000000000785.jpg"]) == 1


def test_sizes_thresholds_and_paths_that_make_no_sense_are_errors(tmp_path: Path) -> None:
    file = write(tmp_path / "b.json", {"x.png": [[1, 2, 30, 40, 0.5]]})
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, {"x.png": (0, 0)})
    check_message_form(str(failure.value), "x.png", "0x0")
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, {"x.png": SIZE}, score_threshold=float("nan"))
    check_message_form(str(failure.value), "score_threshold", "nan")
    with pytest.raises(posekit.InvalidArgumentError):
        posekit.read_boxes(file, {"": SIZE})
    with pytest.raises(posekit.InvalidArgumentError) as failure:
        posekit.read_boxes(file, "x.png")  # type: ignore[type-var]
    check_message_form(str(failure.value), "images", '"x.png"')
