"""Predictor: detection and estimation as one call give what the two give by hand."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest
from conftest import BOX, PHOTOS

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos() -> list[Pixels]:
    return [posekit.read_image(path) for path in PHOTOS]


@pytest.fixture(scope="module")
def predictor(estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> posekit.Predictor:
    return posekit.Predictor(estimator, detector)


def assert_same(result: posekit.PoseResult, expected: posekit.PoseResult) -> None:
    assert result.error is None and result.box_errors == expected.box_errors
    for name in ("keypoints", "scores", "boxes", "box_scores", "box_indices"):
        assert np.array_equal(getattr(result, name), getattr(expected, name)), name
    assert (result.keypoint_set, result.model_name, result.image_size) == (expected.keypoint_set, expected.model_name, expected.image_size)


@pytest.mark.parametrize("executor", [posekit.SerialExecutor(), posekit.ThreadPool(2)], ids=str)
def test_a_predictor_gives_what_detector_and_estimator_give_by_hand(executor: posekit.Executor, photos: list[Pixels]) -> None:
    estimator, detector = posekit.PoseEstimator(keypoints="coco17", executor=executor), posekit.PersonDetector(executor=executor)
    predictor = posekit.Predictor(estimator, detector)
    assert predictor.estimator is estimator and predictor.detector is detector
    expected = [estimator.estimate(photo, detector.detect(photo)) for photo in photos]
    assert all(len(result) > 0 for result in expected)
    for photo, result, same in zip(photos, predictor.predict_batch(photos), expected):
        assert_same(result, same)
        assert result.timings.detect > 0 and result.timings.inference > 0
        assert_same(predictor.predict(photo), same)


def test_given_boxes_are_used_in_place_of_a_detector(
    predictor: posekit.Predictor, estimator: posekit.PoseEstimator, photo: Pixels
) -> None:
    for boxes in ([BOX], [[*BOX, 0.25]], [BOX, [30, 20, 200, 300]], [[9, 9, 2, 2], BOX], np.empty((0, 4))):
        for one in (predictor, posekit.Predictor(estimator)):
            result = one.predict(photo, boxes)
            assert_same(result, estimator.estimate(photo, boxes))
            assert result.timings.detect == 0


def test_some_images_of_a_batch_bring_boxes(
    predictor: posekit.Predictor, estimator: posekit.PoseEstimator, detector: posekit.PersonDetector, photo: Pixels
) -> None:
    given, found, nobody = predictor.predict_batch([photo] * 3, [[BOX], None, []])
    assert_same(given, estimator.estimate(photo, [BOX]))
    assert_same(found, estimator.estimate(photo, detector.detect(photo)))
    assert_same(nobody, estimator.estimate(photo, []))
    assert len(nobody) == 0


def test_images_are_what_they_are_for_an_estimator(predictor: posekit.Predictor, photo: Pixels) -> None:
    expected = predictor.predict(photo)
    assert_same(predictor.predict(photo[:, :, ::-1], format="rgb"), expected)
    assert_same(predictor.predict_batch([photo[:, :, ::-1]], format="rgb")[0], expected)
    for call in (lambda: predictor.predict(photo, format="gbr"), lambda: predictor.predict_batch([], format="gbr")):  # type: ignore[arg-type]
        with pytest.raises(posekit.InvalidArgumentError, match="'gbr'"):
            call()


def test_an_image_without_boxes_needs_a_detector_and_its_neighbours_do_not(
    estimator: posekit.PoseEstimator, photo: Pixels
) -> None:
    predictor = posekit.Predictor(estimator)
    assert predictor.detector is None
    with pytest.raises(posekit.InvalidArgumentError, match="detector"):
        predictor.predict(photo)
    without, given = predictor.predict_batch([photo, photo], [None, [BOX]])
    assert isinstance(without.error, posekit.InvalidArgumentError) and "detector" in str(without.error)
    assert_same(given, estimator.estimate(photo, [BOX]))


def test_a_bad_image_of_a_batch_is_reported_in_its_result_alone(predictor: posekit.Predictor, photo: Pixels) -> None:
    bad: list[Any] = [photo, photo.astype(np.float32), photo, "a.jpg", photo]
    results = predictor.predict_batch(bad, [None, None, [[1, 2, 3]], [BOX], None])
    assert [type(result.error) for result in results] == [type(None), *[posekit.InvalidArgumentError] * 3, type(None)]
    assert "dtype float32" in str(results[1].error) and "(1, 3)" in str(results[2].error) and "load_image" in str(results[3].error)
    assert results[2].image_size == results[0].image_size
    for result in (results[0], results[4]):
        assert_same(result, predictor.predict(photo))
    with pytest.raises(posekit.InvalidArgumentError, match="2 images and boxes for 1 images"):
        predictor.predict_batch([photo, photo], [None])


def test_a_passed_timeout_is_reported(predictor: posekit.Predictor, photo: Pixels) -> None:
    for boxes in (None, [BOX]):
        with pytest.raises(posekit.DeadlineExceededError):
            predictor.predict(photo, boxes, timeout=0)
    results = predictor.predict_batch([photo, photo], [None, [BOX]], timeout=0)
    assert [type(result.error) for result in results] == [posekit.DeadlineExceededError] * 2
    with pytest.raises(posekit.InvalidArgumentError, match="timeout"):
        predictor.predict(photo, timeout=-1)
    assert len(predictor.predict(photo, timeout=600)) == 1


def test_threads_may_share_a_predictor(predictor: posekit.Predictor, photos: list[Pixels]) -> None:
    expected = [predictor.predict(photo) for photo in photos]
    with ThreadPoolExecutor(4) as threads:
        for i, result in enumerate(threads.map(predictor.predict, photos * 4)):
            assert_same(result, expected[i % len(photos)])


def test_a_predictor_pickles_as_what_it_is_made_of(predictor: posekit.Predictor, photo: Pixels) -> None:
    data = pickle.dumps((predictor, predictor.estimator))
    assert len(data) < 2000, "no weights in it"
    copy, estimator = pickle.loads(data)
    assert copy.estimator is estimator and repr(copy) == repr(predictor)
    assert_same(copy.predict(photo), predictor.predict(photo))


def test_other_objects_are_refused_as_estimator_and_detector(estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> None:
    wrong: Any = detector
    with pytest.raises(TypeError):
        posekit.Predictor(wrong)
    wrong = estimator
    with pytest.raises(TypeError):
        posekit.Predictor(estimator, wrong)
