"""Images on a CUDA device: what is read of them, what is refused; and, where there is a device, that they give the host's poses."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest
import torch
from conftest import BOX
from message_form import check_message_form
from posekit import _images

Pixels = npt.NDArray[np.uint8]


class Owned(np.ndarray[Any, Any]):
    """An array that can be watched."""


class OnCuda:
    """An array in the CPU's memory that says by DLPack that it is on a CUDA device."""

    def __init__(self, array: npt.NDArray[Any], device: int = 0) -> None:
        self.array, self.device, self.stream = array, device, None

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, self.device)

    def __dlpack__(self, *, stream: Any = None) -> object:
        self.stream = stream
        capsule = self.array.__dlpack__()
        get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
        get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        tensor = get_pointer(capsule, b"dltensor")
        ctypes.c_int32.from_address(tensor + 8).value = 2  # DLDevice.device_type
        ctypes.c_int32.from_address(tensor + 12).value = self.device
        return capsule


class ByInterface:
    """The same by the CUDA array interface."""

    def __init__(self, array: npt.NDArray[Any], **changes: Any) -> None:
        self.array = array
        facts = {"shape": array.shape, "typestr": array.dtype.str, "data": (array.ctypes.data, True), "strides": array.strides, "version": 3}
        self.__cuda_array_interface__ = facts | changes


def test_dlpack_is_read_as_it_is_with_the_default_stream(photo: Pixels) -> None:
    window = photo[10:200:2, 30:300]
    for array in (photo, window, photo[:, :, 0].copy()):
        image = OnCuda(array, 3)
        placed = _images.placed_pixels_of(image, "cuda:0")
        assert not isinstance(placed, np.ndarray)
        assert (placed.pointer, placed.shape, placed.strides) == (array.ctypes.data, array.shape, array.strides)
        assert (placed.device, placed.stream, image.stream) == (3, 0, 1)


def test_the_cuda_array_interface_is_read_as_it_is_with_its_stream_and_the_models_device(photo: Pixels) -> None:
    for array, changes, stream in [(photo[5:50], {}, 0), (photo, {"strides": None, "stream": None}, 0), (photo, {"stream": 0x7F00}, 0x7F00)]:
        placed = _images.placed_pixels_of(ByInterface(array, **changes), "cuda:2")
        assert not isinstance(placed, np.ndarray)
        assert (placed.pointer, placed.shape, placed.strides) == (array.ctypes.data, array.shape, array.strides)
        assert (placed.device, placed.stream) == (2, stream)


def test_an_image_is_kept_until_the_call_has_ended_and_no_longer() -> None:
    array = np.zeros((8, 9, 3), np.uint8).view(Owned)
    watched = weakref.ref(array)
    placed = [_images.placed_pixels_of(OnCuda(array), "cuda:0"), _images.placed_pixels_of(ByInterface(array), "cuda:0")]
    del array
    assert watched() is not None
    placed.pop()
    assert watched() is not None
    placed.pop()
    assert watched() is None


@pytest.mark.parametrize("kind", [OnCuda, ByInterface])
def test_a_model_elsewhere_refuses_the_image_and_does_its_neighbours(kind: Any, estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    with pytest.raises(posekit.InvalidArgumentError, match="on cuda:0, the model runs on cpu"):
        estimator.estimate(kind(photo), [BOX])
    results = estimator.estimate_batch([photo, kind(photo), photo], [[BOX]] * 3)
    assert [result.error is None for result in results] == [True, False, True]
    assert "cuda:0" in str(results[1].error)
    assert results[1].image_size == results[0].image_size
    assert np.array_equal(results[0].keypoints, estimator.estimate(photo, [BOX]).keypoints)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (OnCuda(np.zeros((5, 5, 3), np.float32)), ["uint8"]),
        (OnCuda(np.zeros((5, 5, 3), np.int8)), ["uint8"]),
        (OnCuda(np.zeros((3, 50, 50), np.uint8)), ["(3, 50, 50)", "channels come last"]),
        (OnCuda(np.zeros((5, 5, 2), np.uint8)), ["(5, 5, 2)"]),
        (OnCuda(np.zeros(5, np.uint8)), ["(H, W, 3)"]),
        (OnCuda(np.zeros((0, 5, 3), np.uint8)), ["a side of 0"]),
        (OnCuda(np.zeros((5, 6, 3), np.uint8)[:, ::-1]), ["contiguous"]),
        (OnCuda(np.zeros((5, 6, 3), np.uint8)[::-1]), ["contiguous"]),
        (OnCuda(np.zeros((6, 5, 3), np.uint8).transpose(1, 0, 2)), ["contiguous"]),
        (ByInterface(np.zeros((5, 5, 3), np.float32)), ["<f4", "|u1"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), stream=0), ["stream 0"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), stream="1"), ["stream '1'"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), data=None), ["can't be read"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), shape=(1 << 40, 1 << 40, 3), strides=None), ["1099511627776"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), shape=(-5, 5, 3)), ["-5"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), strides=(15, 3)), ["3 dimensions and 2 strides"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), data=(None, False)), ["can't be read"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), data=(1 << 64, False)), ["can't be read"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), shape=(5.5, 5, 3)), ["can't be read"]),
        (ByInterface(np.zeros((5, 5, 3), np.uint8), mask=object()), ["mask"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_image_is_reported_with_a_remedy(bad: Any, words: list[str], estimator: posekit.PoseEstimator, photo: Pixels) -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        estimator.estimate(bad, [BOX])
    for word in words:
        check_message_form(caught.value, "image", word)
    results = estimator.estimate_batch([bad, photo], [[BOX]] * 2)
    assert isinstance(results[0].error, posekit.InvalidArgumentError) and results[1].error is None


def test_producers_that_fail_are_reported(estimator: posekit.PoseEstimator) -> None:
    class Failing(OnCuda):
        def __dlpack__(self, *, stream: Any = None) -> object:
            raise BufferError("it is being written to")

    class Wrong(OnCuda):
        def __dlpack__(self, *, stream: Any = None) -> object:
            return 7

    class Elsewhere(OnCuda):
        def __dlpack__(self, *, stream: Any = None) -> object:
            return self.array.__dlpack__()

    for kind, words in [(Failing, "being written to"), (Wrong, "can't be read on its device"), (Elsewhere, "device type 1")]:
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            estimator.estimate(kind(np.zeros((5, 5, 3), np.uint8)), [BOX])  # type: ignore[arg-type]
        check_message_form(caught.value, "image", words)


def test_readers_of_host_memory_refuse_images_on_a_device(
    estimator: posekit.PoseEstimator, detector: posekit.PersonDetector, photo: Pixels
) -> None:
    for call in (detector.detect, posekit.Predictor(estimator, detector).predict, lambda image: posekit.write_image("never.png", image)):
        with pytest.raises(posekit.InvalidArgumentError, match="CPU's memory"):
            call(OnCuda(photo))


@pytest.mark.skipif(not (posekit.built_with_cuda() and torch.cuda.is_available()), reason="no CUDA device, or posekit was built without CUDA")
def test_images_on_a_device_give_the_hosts_poses(photo: Pixels) -> None:
    estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"), device="cuda:0")
    expected = estimator.estimate(photo, [BOX])
    tensor = torch.from_numpy(photo).to("cuda:0")
    for image in (tensor, ByInterface(photo, data=(tensor.data_ptr(), True))):
        found = estimator.estimate(image, [BOX])
        near = np.linalg.norm(found.keypoints - expected.keypoints, axis=2)[expected.scores > 0.3]
        assert near.max() < 1.0, "pixels"
