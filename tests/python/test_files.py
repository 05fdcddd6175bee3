"""Image files, PIL images and drawing."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
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


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B"])
def test_pil_images_of_16_bits_are_scaled_as_files_are(mode: str) -> None:
    values = np.random.default_rng(7).integers(0, 65536, (20, 30)).astype(np.uint16)
    picture = PIL.fromarray(values.astype(np.int32)) if mode == "I" else PIL.frombytes(mode, (30, 20), values.astype(">u2" if mode[-1] == "B" else "<u2"))
    assert picture.mode == mode
    expected = ((values.astype(int) + 128) // 257).astype(np.uint8)
    assert np.array_equal(posekit.load_image(picture), np.repeat(expected[:, :, np.newaxis], 3, axis=2))


def test_pil_images_of_whole_numbers_beyond_16_bits_are_refused() -> None:
    for value in (-1, 65536):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            posekit.load_image(PIL.fromarray(np.full((4, 5), value, np.int32)))
        check_message_form(caught.value, "mode I", str(value))


@pytest.mark.parametrize("white", [1, 255])
def test_pil_images_of_floating_point_need_their_range(white: int) -> None:
    values = np.linspace(0, white, 600, dtype=np.float32).reshape(20, 30)
    picture = PIL.fromarray(values)
    assert picture.mode == "F"
    expected = np.rint(values.astype(np.float64) / white * 255).astype(np.uint8)
    assert np.array_equal(posekit.load_image(picture, range=(0, white)), np.repeat(expected[:, :, np.newaxis], 3, axis=2))
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.load_image(picture)
    check_message_form(caught.value, "mode F", "without a range")


def test_a_range_that_does_not_fit_is_refused() -> None:
    picture = PIL.fromarray(np.full((4, 5), 0.5, np.float32))
    for range, word in (((0, 2), "(0, 2)"), ((-1, 1), "(-1, 1)")):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            posekit.load_image(picture, range=range)
        check_message_form(caught.value, "range", word)
    for value in (1.5, -0.1, float("nan")):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            posekit.load_image(PIL.fromarray(np.full((4, 5), value, np.float32)), range=(0, 1))
        check_message_form(caught.value, "mode F", str(np.float64(np.float32(value))))
    for source in (PIL.new("L", (4, 5)), PHOTOS[0]):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            posekit.load_image(source, range=(0, 1))
        check_message_form(caught.value, "range", "leave it out")


def test_16_bit_images_of_small_range_are_noted_from_files_and_from_pil(tmp_path: Path) -> None:
    notes: list[str] = []
    posekit.set_log_callback(lambda level, text: notes.append(text))
    try:
        picture = PIL.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64))
        picture.save(tmp_path / "scan.tif")
        posekit.load_image(picture)
        posekit.load_image(tmp_path / "scan.tif")
        picture = PIL.fromarray((np.arange(4096, dtype=np.uint16) * 16).reshape(64, 64))
        posekit.load_image(picture)
    finally:
        posekit.set_log_callback(None)
    assert len(notes) == 2
    for note, name in zip(notes, ("PIL image", "scan.tif")):
        assert name in note and "0 to 4095" in note


def test_a_pil_image_whose_file_is_broken_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(PHOTOS[0].read_bytes()[:5000])
    with pytest.raises(posekit.IoError) as caught:
        posekit.load_image(PIL.open(tmp_path / "cut.jpg"))
    check_message_form(caught.value, "PIL image", "truncated")


@pytest.mark.parametrize("mode", ["RGBa", "La", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_other_pil_modes_have_the_colours_of_the_picture(mode: str) -> None:
    values = np.random.default_rng(5).integers(0, 256, (20, 30, 3), np.uint8)
    picture = PIL.fromarray(values)
    if mode == "La":
        picture = picture.convert("L")
    converted = picture.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, mode)).convert(mode)
    assert converted.mode == mode
    expected = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    assert np.abs(posekit.load_image(converted).astype(int) - expected).max() <= 8, "the rounding of that mode"


def random_picture(mode: str) -> Any:
    values = np.random.default_rng(9).integers(0, 256, (21, 37, 4), np.uint8)
    picture = PIL.fromarray(values)
    return picture.convert(mode if mode.endswith("A") else "RGB").convert(mode)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        *((f"a.{kind}", mode, {}) for kind in ("png", "tif") for mode in ("1", "L", "LA", "P", "RGB")),
        *(("a.bmp", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(("a.tif", "RGB", {"compression": compression}) for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd")),
        *(("a.tif", "1", {"compression": compression}) for compression in ("group3", "group4")),
        *(("a.webp", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")),
        *((name, mode, {}) for name in ("a.jp2", "a.j2k") for mode in ("L", "RGB")),
    ],
)
def test_files_of_every_format_have_the_pixels_that_pil_reads(name: str, mode: str, options: dict[str, Any], tmp_path: Path) -> None:
    random_picture(mode).save(tmp_path / name, **options)
    expected = np.asarray(PIL.open(tmp_path / name).convert("RGB"))[:, :, ::-1]
    assert np.array_equal(posekit.read_image(tmp_path / name), expected)


def bmp(bits: int, pixels: npt.NDArray[Any], masks: tuple[int, int, int], header: int) -> bytes:
    """A BMP file with masks, its rows upside down."""
    height, width = pixels.shape
    rows = b"".join(row.tobytes().ljust((width * bits + 31) // 32 * 4, b"\0") for row in pixels[::-1])
    fields = struct.pack("<3I", *masks).ljust(max(12, header - 40), b"\0")
    start = 14 + 40 + len(fields)
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, 3, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + fields + rows


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0xFF0000, 0xFF00, 0xFF)),
        (32, (0xFF000000, 0xFF0000, 0xFF00)),
        (16, (0xF800, 0x7E0, 0x1F)),
        (16, (0x7C00, 0x3E0, 0x1F)),
    ],
)
def test_masks_of_a_bmp_give_the_pixels_that_pil_reads(bits: int, masks: tuple[int, int, int], header: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(header).integers(0, 1 << bits, (21, 37)).astype(f"<u{bits // 8}")
    (tmp_path / "a.bmp").write_bytes(bmp(bits, pixels, masks, header))
    expected = np.asarray(PIL.open(tmp_path / "a.bmp").convert("RGB"))[:, :, ::-1]
    assert np.array_equal(posekit.read_image(tmp_path / "a.bmp"), expected)


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
    posekit.write_image(tmp_path / "rgb.png", image[:, :, ::-1], format="rgb", sync=False)
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
