"""Tracking from Python: ids, smoothing, carried boxes, state, errors."""

from __future__ import annotations

import dataclasses
import json
import pickle
import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import posekit
import pytest
from message_form import check_message_form

COCO = posekit.builtin_keypoint_set("coco17")


def people(*places: float, score: float = 0.9, noise: float = 0, seed: int = 0) -> posekit.PoseResult:
    """People 300 pixels high whose boxes begin at these x."""
    random = np.random.default_rng(seed)
    n = len(places)
    left = np.array(places).reshape(-1)
    shape = np.stack([np.tile([20.0, 50.0, 90.0], 6)[:17], np.linspace(10, 290, 17)], axis=1)
    keypoints = shape[None] + np.stack([left, np.full(n, 100.0)], axis=1)[:, None] + noise * random.standard_normal((n, 17, 2))
    return posekit.PoseResult(
        keypoints=keypoints.astype(np.float32),
        scores=np.full((n, 17), 0.9, np.float32),
        boxes=np.stack([left, np.full(n, 100.0), left + 110, np.full(n, 400.0)], axis=1),
        box_scores=np.full(n, score, np.float32),
        box_indices=np.arange(n),
        keypoint_set=COCO,
        model_name="none",
        image_size=(1280, 720),
    )


def ids(result: posekit.PoseResult) -> list[int]:
    assert result.track_ids is not None
    return [int(number) for number in result.track_ids]


def test_people_keep_their_ids_in_any_order() -> None:
    tracker = posekit.Tracker(COCO)
    assert ids(tracker.update(people(100, 500), 0.0)) == [1, 2]
    assert ids(tracker.update(people(505, 103), 0.04)) == [2, 1]
    assert ids(tracker.update(people(900, 106, 510), 0.08)) == [0, 1, 2]
    assert ids(tracker.update(people(900, 106, 510), 0.16)) == [3, 1, 2]
    assert ids(tracker.update(people(), 0.2)) == []


def test_keypoints_become_calmer_and_the_given_result_stays() -> None:
    tracker = posekit.Tracker(COCO)
    smooth = []
    for frame in range(120):
        given = people(100, noise=2, seed=frame)
        before = given.keypoints.copy()
        tracked = tracker.update(given, frame / 30)
        assert np.array_equal(given.keypoints, before) and given.track_ids is None
        assert np.array_equal(tracked.scores, given.scores) and np.array_equal(tracked.boxes, given.boxes)
        smooth.append(tracked.keypoints)
    raw = np.std([people(100, noise=2, seed=frame).keypoints for frame in range(30, 120)], axis=0).mean()
    assert np.std(smooth[30:], axis=0).mean() < raw / 3


def test_without_smoothing_keypoints_stay() -> None:
    tracker = posekit.Tracker(COCO, smoothing=False)
    for frame in range(5):
        given = people(100, noise=2, seed=frame)
        assert np.array_equal(tracker.update(given, frame / 30).keypoints, given.keypoints)


def test_boxes_can_be_carried() -> None:
    tracker = posekit.Tracker(COCO)
    for frame in range(30):
        now = people(100 + 5 * frame)
        if frame % 5:
            boxes = tracker.predict(frame / 30)
            assert boxes.shape == (1, 5) and boxes[0, 4] == pytest.approx(0.9)
            now = dataclasses.replace(now, boxes=boxes[:, :4].copy(), box_scores=boxes[:, 4].astype(np.float32))
        assert ids(tracker.update(now, frame / 30)) == [1]
    assert abs(tracker.predict(1.0)[0, 0] - 250) < 20


def test_ids_are_in_the_document_and_colour_the_picture() -> None:
    tracked = posekit.Tracker(COCO).update(people(100, 500), 0.0)
    assert [person["track_id"] for person in json.loads(tracked.to_json())["instance_info"]] == [1, 2]
    assert "track_id" not in people(100).to_json()
    picture: npt.NDArray[np.uint8] = np.full((720, 1280, 3), 128, np.uint8)
    assert not np.array_equal(posekit.draw_poses(picture, tracked), posekit.draw_poses(picture, people(100, 500)))


def test_state_is_saved_restored_and_pickled() -> None:
    tracker = posekit.Tracker(COCO, max_gap_s=2.0)
    for frame in range(10):
        tracker.update(people(100 + frame, 500, noise=1, seed=frame), frame / 30)
    restored = posekit.Tracker(COCO, max_gap_s=2.0)
    restored.restore(tracker.save())
    copied = pickle.loads(pickle.dumps(tracker))
    expected = tracker.update(people(112, 500), 0.5)
    for other in (restored, copied):
        found = other.update(people(112, 500), 0.5)
        assert np.array_equal(found.keypoints, expected.keypoints) and ids(found) == ids(expected)
    tracker.reset()
    assert ids(tracker.update(people(700), 0.0)) == [1]


def test_a_wrong_call_is_reported_and_changes_nothing() -> None:
    tracker = posekit.Tracker(COCO)
    tracker.update(people(100), 1.0)
    before = tracker.save()
    other_set = dataclasses.replace(people(100), keypoint_set=posekit.builtin_keypoint_set("mpii16"))
    other_ids = dataclasses.replace(people(100), track_ids=np.zeros(3, np.int64))
    calls: list[tuple[Callable[[], object], str, str]] = [
        (lambda: tracker.update(people(100), 1.0), "time", "1 s is not after 1 s"),
        (lambda: tracker.update(people(100), float("nan")), "time", "finite"),
        (lambda: tracker.update(people(float("nan")), 2.0), "pose 0", "has the box"),
        (lambda: tracker.update(other_set, 2.0), "tracker", "mpii16"),
        (lambda: tracker.predict(0.5), "time 0.5 s", "before 1 s"),
        (lambda: tracker.restore('{"format": "something else"}'), "tracker state", "format"),
        (other_ids.to_json, "result", "track_ids"),
        (lambda: posekit.Tracker(COCO, oks_weight=2), "tracker option", "oks_weight is 2"),
    ]
    for call, thing, words in calls:
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            call()
        check_message_form(caught.value, thing, words)
    assert tracker.save() == before


def test_a_tracked_result_shares_what_the_tracker_leaves_alone() -> None:
    given = people(100, 500)
    tracked = posekit.Tracker(COCO).update(given, 0.0)
    for name in ("scores", "boxes", "box_scores", "box_indices"):
        assert getattr(tracked, name) is getattr(given, name)
    for name, dtype in (("keypoints", np.float32), ("track_ids", np.int64)):
        array = getattr(tracked, name)
        assert array is not getattr(given, name) and array.dtype == dtype and array.flags.owndata


def test_threads_that_share_a_tracker_wait_for_each_other() -> None:
    tracker = posekit.Tracker(COCO)
    refused = []

    def work(offset: int) -> None:
        for frame in range(100):
            try:
                tracker.update(people(100, 500), frame + offset / 10)
            except posekit.InvalidArgumentError as error:  # another thread was ahead
                refused.append(str(error))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("is not after" in text for text in refused)
    assert json.loads(tracker.save())["time_s"] == 99.3
