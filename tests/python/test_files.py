"""Image files, PIL images and drawing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import posekit
import pytest
from conftest import BOX, IMAGES, PHOTOS
from message_form import check_message_form

PIL = pytest.importorskip("PIL.Image", reason="pillow is not installed")


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_a_path_a_string_and_the_bytes_give_the_same_picture_and_pil_nearly(photo: Path) -> None:
    image = posekit.load_image(photo)
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.flags.c_contiguous
    for source in (str(photo), photo.read_bytes()):
        assert np.array_equal(posekit.load_image(source), image)
    from_pil = posekit.load_image(PIL.open(photo))
    assert from_pil.shape == image.shape
    # Two JPEG decoders; another order of colours would be far off.
    assert np.abs(from_pil.astype(int) - image).mean() < 1


def test_every_exif_orientation_gives_the_upright_picture_by_path_and_by_pil(tmp_path: Path) -> None:
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = (255, 0, 0)
    upright[20:, 30:] = (0, 0, 255)
    to_stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: np.rot90,
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    for orientation, stored in to_stored.items():
        picture = PIL.fromarray(np.ascontiguousarray(stored(upright)[:, :, ::-1]))
        exif = picture.getexif()
        exif[0x0112] = orientation
        file = tmp_path / f"{orientation}.png"
        picture.save(file, exif=exif)
        assert np.array_equal(posekit.load_image(file), upright), orientation
        assert np.array_equal(posekit.load_image(PIL.open(file)), upright), orientation


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA", "I;16"])
def test_pil_modes_give_what_the_file_gives(mode: str, tmp_path: Path) -> None:
    values = np.random.default_rng(5).integers(0, 256, (20, 30), np.uint8)
    picture = PIL.fromarray(values.astype(np.uint16) * 257) if mode == "I;16" else PIL.fromarray(values).convert(mode)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(posekit.load_image(picture), posekit.load_image(tmp_path / "a.png"))


def test_a_source_that_is_not_an_image_is_reported(tmp_path: Path) -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.load_image(np.zeros((5, 5, 3), np.uint8))
    check_message_form(caught.value, "object", "ndarray")
    with pytest.raises(posekit.NotFoundError) as missing:
        posekit.load_image(tmp_path / "none.jpg")
    check_message_form(missing.value, "image", "none.jpg")
    with pytest.raises(posekit.IoError) as broken:
        posekit.load_image(b"no image")
    check_message_form(broken.value, "image", "is not an image")
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.read_image(PHOTOS[0], max_pixels=1000)
    check_message_form(caught.value, "image", "1000")


def test_a_written_png_reads_back_and_opencv_sees_the_same_colours(tmp_path: Path) -> None:
    image = posekit.read_image(IMAGES / "astronaut.jpg")
    posekit.write_image(tmp_path / "bgr.png", image)
    posekit.write_image(tmp_path / "rgb.png", image[:, :, ::-1], format="rgb")
    for name in ("bgr.png", "rgb.png"):
        assert np.array_equal(posekit.read_image(tmp_path / name), image)
        assert np.array_equal(cv2.imread(str(tmp_path / name)), image)
    with pytest.raises(posekit.InvalidArgumentError):
        posekit.write_image(tmp_path / "a.unknown", image)


def test_drawing_gives_a_new_picture_with_the_poses_on_it(estimator: posekit.PoseEstimator) -> None:
    image = posekit.read_image(IMAGES / "astronaut.jpg")
    before = image.copy()
    result = estimator.estimate(image, [BOX])
    drawn = posekit.draw_poses(image, result)
    assert np.array_equal(image, before) and drawn.shape == image.shape
    nose = result.keypoints[0, result.keypoint_names.index("nose")].round().astype(int)
    assert not np.array_equal(drawn[nose[1], nose[0]], image[nose[1], nose[0]])
    changed = np.argwhere((drawn != image).any(axis=2))
    low, high = changed.min(axis=0), changed.max(axis=0)
    assert (low >= [0, 15]).all() and (high <= [511, 384]).all(), "nothing far from the person is touched"
    without = posekit.draw_poses(image, result, boxes=False, min_score=1e9)
    assert np.array_equal(without, image), "no keypoint has that score"


def test_drawing_takes_every_format_and_keeps_the_order_of_colours(estimator: posekit.PoseEstimator) -> None:
    image = posekit.read_image(IMAGES / "astronaut.jpg")
    result = estimator.estimate(image, [BOX])
    drawn = posekit.draw_poses(image, result)
    assert np.array_equal(posekit.draw_poses(image[:, :, ::-1], result, format="rgb"), drawn[:, :, ::-1])
    alpha = np.dstack([image, np.zeros(image.shape[:2], np.uint8)])
    assert np.array_equal(posekit.draw_poses(alpha, result), drawn)
    gray = posekit.draw_poses(image[:, :, 0], result)
    assert np.array_equal(gray, posekit.draw_poses(np.repeat(image[:, :, :1], 3, axis=2), result))


def test_drawing_another_sets_result_is_refused(estimator: posekit.PoseEstimator) -> None:
    image = posekit.read_image(IMAGES / "astronaut.jpg")
    result = estimator.estimate(image, [BOX])
    result.keypoint_set = posekit.builtin_keypoint_set("coco17")
    with pytest.raises(posekit.InvalidArgumentError, match="33"):
        posekit.draw_poses(image, result)
