"""Images go in as arrays and tensors of any layout; those with whole rows are not copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import posekit
import pytest
import torch
from conftest import BOX, Script
from message_form import check_message_form
from posekit import _images

Pixels = npt.NDArray[np.uint8]


def in_memory(image: Pixels, strides: Callable[[Pixels], Pixels]) -> Pixels:
    """The same picture laid out by `strides`, which gives an array of the image's shape to be filled."""
    array = strides(image)
    array[...] = image
    assert array.shape == image.shape and np.array_equal(array, image)
    return array


WHOLE_ROWS: dict[str, Callable[[Pixels], Pixels]] = {
    "contiguous": lambda a: np.empty(a.shape, np.uint8),
    "a window of a wider image": lambda a: np.empty((a.shape[0], a.shape[1] + 9, a.shape[2]), np.uint8)[:, 4:-5],
    "every second row": lambda a: np.empty((2 * a.shape[0], *a.shape[1:]), np.uint8)[::2],
}
OTHERS: dict[str, Callable[[Pixels], Pixels]] = {
    "upside down": lambda a: np.empty(a.shape, np.uint8)[::-1],
    "mirrored": lambda a: np.empty(a.shape, np.uint8)[:, ::-1],
    "channels turned": lambda a: np.empty(a.shape, np.uint8)[:, :, ::-1],
    "planes": lambda a: np.empty((a.shape[2], *a.shape[:2]), np.uint8).transpose(1, 2, 0),
    "columns first": lambda a: np.empty(a.shape, np.uint8, order="F"),
    "every second column": lambda a: np.empty((a.shape[0], 2 * a.shape[1], a.shape[2]), np.uint8)[:, ::2],
    "three of four channels": lambda a: np.empty((*a.shape[:2], 4), np.uint8)[:, :, :3],
}


@pytest.mark.parametrize("layout", [*WHOLE_ROWS, *OTHERS])
def test_every_layout_gives_the_same_result_and_whole_rows_are_not_copied(
    layout: str, estimator: posekit.PoseEstimator, photo: Pixels
) -> None:
    image = in_memory(photo, (WHOLE_ROWS | OTHERS)[layout])
    assert np.shares_memory(_images.pixels_of(image), image) == (layout in WHOLE_ROWS)
    assert np.array_equal(estimator.estimate(image, [BOX]).keypoints, estimator.estimate(photo, [BOX]).keypoints)


@pytest.mark.parametrize("shape", [(1, 40, 3), (40, 1, 3), (1, 1, 3), (1, 40), (40, 1, 1)])
def test_images_of_one_row_or_column_may_have_any_idle_stride(shape: tuple[int, ...], estimator: posekit.PoseEstimator) -> None:
    plain = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    strides = tuple(stride if size > 1 else 7777 for stride, size in zip(plain.strides, shape))
    odd = np.lib.stride_tricks.as_strided(plain, shape, strides)
    box = [[0, 0, 40, 40]]
    assert np.array_equal(estimator.estimate(odd, box).keypoints, estimator.estimate(plain, box).keypoints)


def test_a_huge_image_is_not_copied(script: Script, tmp_path: Path) -> None:
    """A file of 2.7 GB that is mapped and has no blocks: only the pages under the box may come into memory. A mirrored one shows that a copy is seen."""
    grown = script(
        """
        import pathlib, sys, numpy as np, posekit
        def peak(): return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
        def growth(image):
            pathlib.Path("/proc/self/clear_refs").write_text("5")
            before = peak()
            assert len(estimator.estimate(image, [[100, 100, 400, 500]])) == 1
            return peak() - before
        estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
        estimator.estimate(np.zeros((600, 600, 3), np.uint8), [[100, 100, 400, 500]])
        file = sys.argv[1]
        with open(file, "wb") as out: out.truncate(30000 * 30000 * 3)
        huge = np.memmap(file, np.uint8, "r", shape=(30000, 30000, 3))
        print(growth(huge), growth(huge[:, :6000][:10000]), growth(huge[:10000, 6000:0:-1]))
        """,
        str(tmp_path / "huge"),
    )
    whole, window, mirrored = map(int, grown.split())
    assert whole < 60 and window < 60, "megabytes"
    assert mirrored > 150, "megabytes: the copy of this one is 180"


def test_gray_alpha_and_order_of_colours_mean_what_they_say(estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    expected = estimator.estimate(photo, [BOX]).keypoints
    rgb = np.ascontiguousarray(photo[:, :, ::-1])
    alpha = np.random.default_rng(1).integers(0, 256, (*photo.shape[:2], 1), np.uint8)
    for image, format in [(rgb, "rgb"), (np.concatenate([photo, alpha], 2), "bgr"), (np.concatenate([rgb, alpha], 2), "rgb")]:
        assert np.array_equal(estimator.estimate(image, [BOX], format=format).keypoints, expected)  # type: ignore[arg-type]
    assert not np.array_equal(estimator.estimate(rgb, [BOX]).keypoints, expected)
    gray = np.ascontiguousarray(photo[:, :, 1])
    spread = np.repeat(gray[:, :, np.newaxis], 3, axis=2)
    expected = estimator.estimate(spread, [BOX]).keypoints
    for image in (gray, gray[:, :, np.newaxis]):
        assert np.array_equal(estimator.estimate(image, [BOX]).keypoints, expected)


class Producer:
    """Something that is neither NumPy's nor Torch's."""

    def __init__(self, array: Pixels) -> None:
        self._array = array

    def __dlpack__(self, **options: object) -> object:
        return self._array.__dlpack__(**options)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()


def test_tensors_and_dlpack_producers_are_images_without_a_copy(
    estimator: posekit.PoseEstimator, detector: posekit.PersonDetector, photo: Pixels
) -> None:
    expected = estimator.estimate(photo, [BOX]).keypoints
    tensor = torch.from_numpy(photo.copy())
    assert _images.pixels_of(tensor).ctypes.data == tensor.data_ptr()
    source = photo.copy()
    assert np.shares_memory(_images.pixels_of(Producer(source)), source)
    for image in (tensor, Producer(source), tensor.permute(2, 0, 1).contiguous().permute(1, 2, 0)):
        assert np.array_equal(estimator.estimate(image, torch.tensor([BOX])).keypoints, expected)
        assert np.array_equal(detector.detect(image), detector.detect(photo))


def test_read_only_arrays_are_accepted_and_no_pixel_is_written(estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    image = photo.copy()
    image.flags.writeable = False
    estimator.estimate(image, [BOX])
    posekit.draw_poses(image, estimator.estimate(image, [BOX]))
    assert np.array_equal(image, photo)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((5, 5, 3)), ["float64", "uint8"]),
        (np.zeros((3, 50, 50), np.uint8), ["(3, 50, 50)", "channels come last"]),
        (np.zeros((5, 5, 2), np.uint8), ["(5, 5, 2)", "(H, W, 3)"]),
        (np.zeros(5, np.uint8), ["(5,)"]),
        (np.zeros((0, 5, 3), np.uint8), ["(0, 5, 3)", "at least one pixel"]),
        ("photo.jpg", ["load_image"]),
        ([[1, 2], [3, 4]], ["list", "load_image"]),
        (torch.zeros((5, 5, 3), dtype=torch.uint8, device="meta"), ["CPU"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_image_is_reported_with_a_remedy(
    bad: object, words: list[str], estimator: posekit.PoseEstimator, detector: posekit.PersonDetector
) -> None:
    for call in (lambda: estimator.estimate(bad, []), lambda: detector.detect(bad)):  # type: ignore[arg-type]
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            call()
        for word in words:
            check_message_form(caught.value, "image", word)
    assert isinstance(detector.detect_batch([bad])[0].error, posekit.InvalidArgumentError)  # type: ignore[list-item]


@pytest.mark.parametrize(
    "boxes", [[[1, 2, 3]], [1, 2, 3, 4], [[[1, 2, 3, 4]]], "boxes", [["a", "b", "c", "d"]], [[1, 2, 3, 4], [1, 2]]], ids=str
)
def test_bad_boxes_are_reported(boxes: object, estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        estimator.estimate(photo, boxes)  # type: ignore[arg-type]
    check_message_form(caught.value, "boxes", "(N, 4)")


@pytest.mark.parametrize("boxes", [[], (), np.empty((0, 4)), np.empty((0, 5), np.float32), torch.empty(0, 4)], ids=str)
def test_no_box_gives_no_pose(boxes: npt.ArrayLike, estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    assert len(estimator.estimate(photo, boxes)) == 0


def test_scores_of_boxes_go_through_and_default_to_one(estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    assert estimator.estimate(photo, [[*BOX, 0.25]]).box_scores == [0.25]
    assert estimator.estimate(photo, [BOX]).box_scores == [1]
