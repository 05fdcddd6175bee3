"""Pictures: what is drawn is draw_poses', crops are those of the golden data, and no picture is of another image."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import posekit
import pytest
from conftest import BOX, COCO, IMAGES, ROOT, made
from message_form import check_message_form

GOLDEN = ROOT / "tests/golden/data/crops"
CASES = [case for case in json.loads((GOLDEN / "cases.json").read_text())["cases"] if case["alignment"] == "udp"]
NOISE: npt.NDArray[np.uint8] = np.random.default_rng(5).integers(0, 256, (60, 80, 3), np.uint8)


def result_of(image: npt.NDArray[np.uint8], box: Any = (10, 10, 50, 50)) -> posekit.PoseResult:
    result = made(1, image_size=(image.shape[1], image.shape[0]))
    result.boxes[0] = box
    result.keypoints[0] = np.linspace((12, 14), (44, 40), len(COCO))
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_crop_of_a_size_is_the_exact_warp(case: dict[str, Any]) -> None:
    image = posekit.read_image(GOLDEN / case["image"])
    expected = posekit.read_image(GOLDEN / case["expected"])
    found = result_of(image, case["box"]).crop(image, 0, padding=case["padding"], size=(case["width"], case["height"]))
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01, (difference.max(), (difference > 0).mean())  # ties of rounding


@pytest.mark.parametrize("box", [(10, 20, 40, 50), (-7, -3, 20, 30), (60, 40, 95, 75), (200, 200, 240, 220)], ids=str)
@pytest.mark.parametrize("padding", [1.0, 1.25])
def test_a_crop_without_a_size_is_the_images_own_pixels(box: tuple[int, ...], padding: float) -> None:
    margin = 300
    wide = np.pad(NOISE, ((margin, margin), (margin, margin), (0, 0)))
    found = result_of(NOISE, box).crop(NOISE, padding=padding)
    height, width = found.shape[:2]
    assert (width, height) == (round(padding * (box[2] - box[0])) + 1, round(padding * (box[3] - box[1])) + 1)
    left = margin + round((box[0] + box[2]) / 2 - padding * (box[2] - box[0]) / 2)
    top = margin + round((box[1] + box[3]) / 2 - padding * (box[3] - box[1]) / 2)
    assert np.array_equal(found, wide[top : top + height, left : left + width])


@pytest.mark.parametrize("keypoints", ["coco17", ["nose", "left_ankle"], ["left_eye", "left_knee", "nose"]], ids=str)
@pytest.mark.parametrize("size", [None, (64, 48)], ids=str)
def test_a_crop_of_keypoints_is_that_of_the_box_around_them(keypoints: Any, size: Any) -> None:
    result = result_of(NOISE)
    chosen = [keypoints] if isinstance(keypoints, str) else keypoints
    points = result.keypoints[0, posekit.select_keypoints(COCO, chosen)]
    around = result_of(NOISE, [*points.min(0), *points.max(0)])
    assert np.array_equal(result.crop(NOISE, 0, keypoints=keypoints, size=size), around.crop(NOISE, 0, size=size))


@pytest.mark.parametrize(
    ("options", "error", "thing", "value"),
    [
        ({"i": 1}, posekit.InvalidArgumentError, "person", "1"),
        ({"i": -1}, posekit.InvalidArgumentError, "person", "-1"),
        ({"padding": 0}, posekit.InvalidArgumentError, "padding", "0"),
        ({"padding": float("nan")}, posekit.InvalidArgumentError, "padding", "nan"),
        ({"size": (1, 5)}, posekit.InvalidArgumentError, "size", "(1, 5)"),
        ({"keypoints": "nose"}, posekit.InvalidArgumentError, "keypoints", "'nose'"),
        ({"keypoints": "tail"}, posekit.NotFoundError, "tail", ""),
        ({"padding": 1e4}, posekit.InvalidArgumentError, "person 0", "400000 x 400000"),
    ],
    ids=str,
)
def test_a_crop_that_can_not_be_made_is_refused(options: dict[str, Any], error: type[posekit.Error], thing: str, value: str) -> None:
    with pytest.raises(error) as caught:
        result_of(NOISE).crop(NOISE, **options)
    check_message_form(caught.value, thing, value)


def drawn(image: npt.NDArray[np.uint8], result: posekit.PoseResult) -> npt.NDArray[np.uint8]:
    return posekit.draw_poses(image, result)


KINDS = {
    "bgr": lambda: (NOISE, {}),
    "rgb": lambda: (np.ascontiguousarray(NOISE[:, :, ::-1]), {"format": "rgb"}),
    "bgra": lambda: (np.dstack([NOISE, NOISE[:, :, :1]]), {}),
    "not contiguous": lambda: (np.asfortranarray(NOISE), {}),
    "PIL": lambda: (PIL.Image.fromarray(NOISE[:, :, ::-1]), {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_plot_is_the_drawing_in_bgr_whatever_the_image_is(kind: str) -> None:
    image, options = KINDS[kind]()
    result = result_of(NOISE)
    assert np.array_equal(result.plot(image, **options), drawn(NOISE, result))
    assert np.array_equal(result.crop(image, **options), result.crop(NOISE))
    assert np.array_equal(result.plot(image, min_score=2, boxes=False, **options), NOISE)


def test_a_plot_of_a_gray_image_is_the_drawing_on_it_spread() -> None:
    gray = np.ascontiguousarray(NOISE[:, :, 0])
    result = result_of(NOISE)
    assert np.array_equal(result.plot(gray), drawn(np.repeat(gray[:, :, None], 3, 2), result))


@pytest.mark.parametrize("format", ["bgr", "rgb"])
@pytest.mark.parametrize("batch", [False, True])
def test_a_result_finds_the_image_that_its_caller_has(format: Any, batch: bool, estimator: posekit.PoseEstimator, photo: Any) -> None:
    image = photo if format == "bgr" else np.ascontiguousarray(photo[:, :, ::-1])
    predictor = posekit.Predictor(estimator)
    for owner in (estimator.estimate_batch, predictor.predict_batch) if batch else (estimator.estimate, predictor.predict):
        made = owner([image], [[BOX]], format=format)[0] if batch else owner(image, [BOX], format=format)  # type: ignore[operator]
        assert np.array_equal(made.plot(), drawn(photo, made))


def test_a_failed_image_of_a_batch_does_not_shift_the_others(estimator: posekit.PoseEstimator, photo: Any) -> None:
    other = np.ascontiguousarray(photo[::-1])
    results = estimator.estimate_batch([photo.astype(np.float32), photo, other], [[BOX]] * 3)
    assert np.array_equal(results[1].plot(), drawn(photo, results[1])) and np.array_equal(results[2].plot(), drawn(other, results[2]))


def test_a_streams_result_is_drawn_on_its_own_frame(estimator: posekit.PoseEstimator, photo: Any) -> None:
    def frames() -> Any:
        array = np.empty_like(photo)
        for i in range(3):
            array[...] = photo // (i + 1)
            yield array, float(i), [BOX]

    for i, one in enumerate(posekit.Stream(frames(), estimator)):
        assert np.array_equal(one.result.plot(), drawn(photo // (i + 1), one.result))


def test_an_image_is_not_kept_and_its_absence_is_reported(estimator: posekit.PoseEstimator, photo: Any) -> None:
    result = estimator.estimate(photo.copy(), [BOX])
    for use in (result.plot, result.crop, lambda: result.save("a.png"), result.show):
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            use()
        check_message_form(caught.value, "image")
    assert result._repr_png_() is None and "<img" not in result._repr_html_()
    assert np.array_equal(result.plot(photo), drawn(photo, result))
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        result.plot(NOISE)
    check_message_form(caught.value, "image", "80 x 60")


def test_a_result_with_a_path_reads_its_file(photo: Any) -> None:
    result = result_of(photo)
    result.path = str(IMAGES / "astronaut.jpg")
    assert np.array_equal(result.plot(), drawn(photo, result))
    result.frame = 3  # of a video: the file is no image
    with pytest.raises(posekit.InvalidArgumentError, match="not there any more"):
        result.plot()


def test_a_result_pickles_without_its_image(estimator: posekit.PoseEstimator, photo: Any) -> None:
    result = estimator.estimate(photo, [BOX])
    copy = pickle.loads(pickle.dumps(result))
    assert copy._repr_png_() is None and result._repr_png_() is not None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_saved_picture_is_the_plot(suffix: str, tmp_path: Path) -> None:
    even = np.full_like(NOISE, 90)
    result = result_of(even)
    path = tmp_path / f"a{suffix}"
    result.save(path, even)
    with PIL.Image.open(path) as opened:
        assert opened.format == ("PNG" if suffix == ".png" else "JPEG")
        saved = np.asarray(opened.convert("RGB"))[:, :, ::-1]
    difference = np.abs(saved.astype(int) - result.plot(even))
    assert difference.max() == 0 if suffix == ".png" else difference.mean() < 8


class Page(html.parser.HTMLParser):
    """Pictures, rows and texts of a piece of HTML whose elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[bytes] = []
        self.rows, self.open, self.names, self.text = 0, list[str](), set[str](), ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)
        self.rows += tag == "tr"
        if tag == "img":
            assert dict(attrs)["alt"]
            self.pictures.append(base64.b64decode(dict(attrs)["src"].removeprefix("data:image/png;base64,")))
        elif tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_gets_the_picture_and_a_table(estimator: posekit.PoseEstimator, photo: Any) -> None:
    result = estimator.estimate(photo, [BOX, [30, 20, 200, 300], [9, 9, 2, 2]])
    png = result._repr_png_()
    assert png is not None
    with PIL.Image.open(io.BytesIO(png)) as opened:
        assert opened.format == "PNG" and np.array_equal(np.asarray(opened)[:, :, ::-1], result.plot())
    page = Page(result._repr_html_())
    assert page.pictures == [png] and page.rows == 3 and "box 2" in page.text and "24.0, 8.0, 375.0, 511.0" in page.text


@pytest.mark.parametrize("shape", [(30, 5000, 3), (3000, 2000, 3), (1024, 700, 3), (3, 2049, 3)], ids=str)
def test_a_notebooks_picture_is_not_larger_than_it_needs(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, np.uint8)
    image[:, shape[1] // 2 :] = 180
    result = made(0, image_size=(shape[1], shape[0]))
    from posekit._results import keep_image

    keep_image(result, image, False)
    png = result._repr_png_()
    assert png is not None
    small = posekit.decode_image(png)
    assert max(small.shape) <= 1024 or min(small.shape[:2]) == 1
    assert (small[:, : small.shape[1] // 2 - 1] == 90).all() and (small[:, small.shape[1] // 2 + 1 :] == 180).all()


def test_texts_in_a_notebook_are_escaped() -> None:
    result = made(0, error=posekit.IoError('"<script>alert(1)</script>.jpg" & more'))
    page = Page(result._repr_html_())
    assert page.names == {"div", "p", "br"} and '"<script>alert(1)</script>.jpg" & more' in page.text


def test_many_people_are_a_short_table() -> None:
    assert Page(made(300)._repr_html_()).rows == 21


def test_showing_without_a_display_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(posekit.DeviceUnavailableError) as caught:
        result_of(NOISE).show(NOISE)
    check_message_form(caught.value, "display")


def test_a_viewer_gets_the_picture_and_its_absence_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr("PIL.ImageShow.show", lambda image: not shown.append(np.asarray(image)))
    result = result_of(NOISE)
    result.show(NOISE)
    assert np.array_equal(shown[0][:, :, ::-1], result.plot(NOISE))
    monkeypatch.setattr("PIL.ImageShow.show", lambda image: False)
    with pytest.raises(posekit.DeviceUnavailableError) as caught:
        result.show(NOISE)
    check_message_form(caught.value, "program")
