"""One call from a source to results: every kind of source gives what the explicit calls give, and none is held in memory."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import posekit
import pytest
import torch
from conftest import BOX, IMAGES
from message_form import check_message_form
from posekit import _estimate

NAMES = ("keypoints", "scores", "boxes", "box_scores", "box_indices")
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def predictor(estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> posekit.Predictor:
    return posekit.Predictor(estimator, detector)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.png, b.png, and a film of three frames."""
    folder = tmp_path_factory.mktemp("sources")
    photo = posekit.read_image(IMAGES / "astronaut.jpg")
    posekit.write_image(folder / "a.png", photo)
    posekit.write_image(folder / "b.png", photo[:, 40:].copy())
    writer = cv2.VideoWriter(str(folder / "c.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 8, (440, 512))
    for left in (0, 8, 16):
        writer.write(photo[:, left : left + 440])
    writer.release()
    return folder


def assert_same(result: posekit.PoseResult, expected: posekit.PoseResult) -> None:
    assert result.error is None and len(result) == len(expected) > 0
    for name in NAMES:
        assert np.array_equal(getattr(result, name), getattr(expected, name)), name
    assert result.image_size == expected.image_size and result.model_name == expected.model_name


ONE = {
    "a path": lambda file: file,
    "a string": str,
    "bytes": lambda file: file.read_bytes(),
    "an array": posekit.read_image,
    "a tensor": lambda file: torch.from_numpy(posekit.read_image(file)),
    "PIL": PIL.Image.open,
}


@pytest.mark.parametrize("kind", ONE)
def test_an_image_of_any_kind_gives_its_result(kind: str, predictor: posekit.Predictor, files: Path) -> None:
    source = ONE[kind](files / "a.png")
    image = posekit.read_image(files / "a.png")
    for result, expected in (
        (predictor.estimate(source), predictor.predict(image)),
        (predictor.estimate(source, boxes=[BOX]), predictor.predict(image, [BOX])),
        (posekit.estimate(source, model=predictor.estimator, boxes=[BOX]), predictor.predict(image, [BOX])),
    ):
        assert isinstance(result, posekit.PoseResult)
        assert_same(result, expected)
        assert result.path == (str(files / "a.png") if kind in ("a path", "a string") else None)
        assert (result.frame, result.time_s, result.track_ids) == (None, None, None)
        assert (result.timings.decode > 0) == (kind not in ("an array", "a tensor"))
        if kind != "bytes":
            assert np.array_equal(result.plot(), posekit.draw_poses(image, expected))


def images_of(files: Path) -> list[Pixels]:
    return [posekit.read_image(files / name) for name in ("a.png", "b.png")]


MANY: dict[str, Any] = {
    "a glob": lambda files: files / "*.png",
    "paths": lambda files: [files / "a.png", str(files / "b.png")],
    "arrays": images_of,
    "a tuple": lambda files: tuple(images_of(files)),
    "a generator": lambda files: (image for image in images_of(files)),
    "PIL": lambda files: [PIL.Image.open(files / "a.png"), PIL.Image.open(files / "b.png")],
    "bytes": lambda files: [(files / "a.png").read_bytes(), (files / "b.png").read_bytes()],
    "a mixture": lambda files: iter([files / "a.png", images_of(files)[1]]),
    "frames": lambda files: (posekit.Frame(image, 3 * i, i / 4) for i, image in enumerate(images_of(files))),
    "images with times": lambda files: [(image, i / 4) for i, image in enumerate(images_of(files))],
}
PATHS = {"a glob": 2, "paths": 2, "a mixture": 1}


@pytest.mark.parametrize("kind", MANY)
def test_many_images_of_any_kind_give_their_results_in_order(kind: str, predictor: posekit.Predictor, files: Path) -> None:
    expected = [predictor.predict(image) for image in images_of(files)]
    results = predictor.estimate(MANY[kind](files))
    assert isinstance(results, Iterator)
    for number, (result, wanted) in enumerate(itertools.zip_longest(results, expected)):
        assert_same(result, wanted)
        assert result.path == (str(files / "ab"[number]) + ".png" if number < PATHS.get(kind, 0) else None)
        timed = kind in ("frames", "images with times")
        assert result.time_s == (number / 4 if timed else None) and result.track_ids is None
        assert result.frame == ({"frames": 3 * number, "images with times": number}[kind] if timed else None)
        image = images_of(files)[number]
        assert np.array_equal(result.plot(), posekit.draw_poses(image, wanted))  # the iterator's last result has its image


@pytest.mark.parametrize("kind", ["a list of one", "a folder", "a video", "a video in a list", "a reader", "a camera"])
def test_folders_videos_and_cameras_give_iterators(
    kind: str, predictor: posekit.Predictor, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = files / "c.avi"
    frames = [frame.image for frame in posekit.open_video(video)]
    monkeypatch.setattr(_estimate, "open_video", lambda source: posekit.open_video(video if source == 0 else source))
    sources: dict[str, tuple[Any, list[str | None]]] = {
        "a list of one": ([files / "a.png"], ["a.png"]),
        "a folder": (files, ["a.png", "b.png", "c.avi", "c.avi", "c.avi"]),
        "a video": (video, ["c.avi"] * 3),
        "a video in a list": ([video, files / "a.png", str(video)], ["c.avi"] * 3 + ["a.png"] + ["c.avi"] * 3),
        "a reader": (posekit.open_video(video), [None] * 3),
        "a camera": (0, []),
    }
    source, names = sources[kind]
    results = list(predictor.estimate(source))
    if kind == "a camera":  # frames that are too fast are dropped, the last one never
        assert [result.frame for result in results][-1] == 2 and all(result.track_ids is not None for result in results)
        return
    assert [None if result.path is None else Path(result.path).name for result in results] == names
    for result, name in zip(results, names):
        assert result.error is None and (result.track_ids is not None) == (name != "a.png" and name != "b.png")
        assert (result.frame is None) == (result.track_ids is None)
    videos = [result for result in results if result.track_ids is not None]
    assert [(result.frame, result.time_s) for result in videos] == [(0, 0.0), (1, 0.125), (2, 0.25)] * (len(videos) // 3)
    for result, frame in zip(videos, frames * 2):
        expected = predictor.predict(frame)
        assert np.array_equal(result.boxes, expected.boxes) and np.array_equal(result.scores, expected.scores)
        assert list(result.track_ids) == list(videos[0].track_ids)  # type: ignore[call-overload]


def test_tracking_can_be_turned_off_and_on(predictor: posekit.Predictor, files: Path) -> None:
    assert all(result.track_ids is None for result in predictor.estimate(files / "c.avi", track=False))
    assert all(result.track_ids is not None for result in predictor.estimate(images_of(files), track=True))
    tracker = posekit.Tracker(predictor.estimator.keypoints)
    list(predictor.estimate(files / "c.avi", track=tracker))
    assert len(tracker.predict(0.3)) == 1


@pytest.mark.parametrize("track", [None, False, True])
def test_the_detector_rests_between_frames_of_a_video(track: Any, predictor: posekit.Predictor, files: Path) -> None:
    results = list(predictor.estimate(files / "c.avi", track=track, detect_every=3))
    assert sum(result.timings.detect > 0 for result in results) == 1
    assert all(result.timings.detect > 0 for result in predictor.estimate(files / "*.png", detect_every=3))


def test_rgb_is_of_arrays_alone(predictor: posekit.Predictor, files: Path) -> None:
    a, b = images_of(files)
    expected = [predictor.predict(image) for image in (a, b)]
    rgb = np.ascontiguousarray(b[:, :, ::-1])
    for source in ([files / "a.png", rgb], iter([PIL.Image.open(files / "a.png"), rgb])):
        for result, wanted, image in zip(predictor.estimate(source, format="rgb"), expected, (a, b)):
            assert_same(result, wanted)
            assert np.array_equal(result.plot(), posekit.draw_poses(image, wanted))
    assert_same(predictor.estimate(files / "a.png", format="rgb"), expected[0])
    first = next(predictor.estimate(files / "c.avi", format="rgb"))
    assert np.array_equal(first.scores, predictor.predict(next(posekit.open_video(files / "c.avi")).image).scores)


def test_boxes_are_by_path_or_in_turn(estimator: posekit.PoseEstimator, files: Path) -> None:
    boxes = [[BOX], [[30, 20, 200, 300], BOX]]
    expected = [estimator.estimate(image, people) for image, people in zip(images_of(files), boxes)]
    by_path = {files / "a.png": boxes[0], str(files / "b.png"): boxes[1]}
    for source, given in ((files / "*.png", by_path), (images_of(files), boxes), (iter(images_of(files)), iter(boxes))):
        for result, wanted in itertools.zip_longest(posekit.estimate(source, model=estimator, boxes=given), expected):
            assert_same(result, wanted)
    assert_same(posekit.estimate(files / "b.png", model=estimator, boxes=by_path), expected[1])
    (frame,) = posekit.estimate([(images_of(files)[0], 0.0, [BOX])], model=estimator, boxes=[])
    assert_same(frame, expected[0])


def test_images_without_boxes_are_reported(estimator: posekit.PoseEstimator, files: Path) -> None:
    one = {files / "a.png": [BOX]}
    results = list(posekit.estimate(files / "*.png", model=estimator, boxes=one))
    assert results[0].error is None and isinstance(results[1].error, posekit.InvalidArgumentError)
    check_message_form(results[1].error, str(files / "b.png"))
    with pytest.raises(posekit.InvalidArgumentError, match="no entry for"):
        posekit.estimate(files / "b.png", model=estimator, boxes=one)
    results = posekit.estimate(images_of(files), model=estimator, boxes=[[BOX]])
    assert next(results).error is None
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        next(results)
    check_message_form(caught.value, "more images than boxes")


def test_a_bad_file_in_the_middle_is_an_error_in_its_place(predictor: posekit.Predictor, files: Path, tmp_path: Path) -> None:
    for name in ("a.png", "c.png", "e.avi"):
        shutil.copy(files / ("a.png" if name != "e.avi" else "c.avi"), tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no image")
    (tmp_path / "d.avi").write_bytes(b"no video")
    for source in (tmp_path, sorted(tmp_path.iterdir()), tmp_path / "*"):
        results = list(predictor.estimate(source))
        assert [Path(result.path or "").name for result in results] == ["a.png", "b.png", "c.png", "d.avi", "e.avi", "e.avi", "e.avi"]
        assert [type(result.error) for result in results] == [
            type(None), posekit.IoError, type(None), posekit.IoError, type(None), type(None), type(None)
        ]  # fmt: skip
        assert results[1].to_dict()["errors"][0]["code"] == "io" and results[1].image_size == (0, 0)
    results = list(predictor.estimate([images_of(files)[0], np.zeros((5, 5), np.float32), tmp_path / "none.png"]))
    assert [type(result.error) for result in results] == [type(None), posekit.InvalidArgumentError, posekit.NotFoundError]


def test_a_cut_off_video_gives_its_frames_and_then_its_error(predictor: posekit.Predictor, files: Path, tmp_path: Path) -> None:
    whole = (files / "c.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) * 2 // 3])
    results = list(predictor.estimate(tmp_path / "cut.avi"))
    assert len(results) >= 2 and all(result.error is None for result in results[:-1])
    assert isinstance(results[-1].error, posekit.IoError) and results[-1].path == str(tmp_path / "cut.avi")


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, posekit.IoError])
def test_a_generators_exception_ends_the_iteration(failure: type[BaseException], predictor: posekit.Predictor, photo: Pixels) -> None:
    def images() -> Iterator[Pixels]:
        yield photo
        yield photo
        raise failure("made up")

    results = predictor.estimate(images(), boxes=itertools.repeat([BOX]))
    count = 0
    with pytest.raises(failure, match="made up"):
        for result in results:
            assert result.error is None
            count += 1
    assert count == (0 if failure is KeyboardInterrupt else 2)  # Ctrl-C comes at once
    assert list(results) == []


def test_leaving_early_closes_the_source(predictor: posekit.Predictor, photo: Pixels) -> None:
    closed = []

    def images() -> Iterator[Pixels]:
        try:
            while True:
                yield photo
        finally:
            closed.append(True)

    results = predictor.estimate(images(), boxes=itertools.repeat([BOX]))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert list(results) == [] and closed == [True]


def test_ten_thousand_images_leave_memory_as_it_is(estimator: posekit.PoseEstimator) -> None:
    """As many as would be 2 GB."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    images = (np.full((240, 320, 3), i % 256, np.uint8) for i in range(10_000))
    start = count = 0
    for count, result in enumerate(posekit.estimate(images, model=estimator, boxes=itertools.repeat([])), 1):
        assert result.error is None
        if count == 1000:
            start = resident()
    assert count == 10_000 and resident() - start < 30_000_000


def test_the_extensions_of_videos_are_those_of_a_folders(tmp_path: Path) -> None:
    videos = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".3gp", ".wmv", ".flv", ".ogv"}
    names = [tmp_path / f"a{extension}" for extension in (*videos, ".jpg", ".png", ".tiff", ".txt", ".gif", ".webp", ".y4m", ".vob", ".asf", ".ogg")]
    for name in names:
        name.touch()
    listed = {path.suffix for path in posekit.list_videos(tmp_path)}
    assert listed | {".ts"} == videos  # an empty .ts may be a program's text
    assert {name.suffix for name in names if _estimate._path_kind(name) == "video"} == videos


@pytest.mark.parametrize(
    ("source", "error", "thing"),
    [
        (1.5, posekit.InvalidArgumentError, "float"),
        (None, posekit.InvalidArgumentError, "NoneType"),
        ("none/*.png", posekit.NotFoundError, "none/*.png"),
        ("none.png", posekit.NotFoundError, "none.png"),
        ("none.mp4", posekit.NotFoundError, "none.mp4"),
        (np.zeros((5, 5), np.float32), posekit.InvalidArgumentError, "float32"),
        (b"nothing", posekit.IoError, "image"),
    ],
    ids=str,
)
def test_what_is_no_source_is_refused_at_once(source: Any, error: type[posekit.Error], thing: str, predictor: posekit.Predictor) -> None:
    with pytest.raises(error) as caught:
        predictor.estimate(source)
    check_message_form(caught.value, thing)


def test_options_of_loading_are_for_models_that_are_not_loaded(lite: Path, photo: Pixels) -> None:
    result = posekit.estimate(photo, model=lite, keypoints="coco17", boxes=[BOX], device="cpu")
    assert_same(result, posekit.PoseEstimator(lite, keypoints="coco17").estimate(photo, [BOX]))
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        posekit.estimate(photo, model=posekit.PoseEstimator(lite), keypoints="coco17", boxes=[BOX])
    check_message_form(caught.value, "keypoints")


def test_the_shipped_models_are_the_default(photo: Pixels) -> None:
    assert_same(posekit.estimate(photo), posekit.Predictor(posekit.PoseEstimator(), posekit.PersonDetector()).predict(photo))
