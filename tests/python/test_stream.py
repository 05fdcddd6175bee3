"""Stream: what a loop gives, in order, while stages work side by side."""

from __future__ import annotations

import dataclasses
import gc
import inspect
import re
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest
from conftest import BOX, PHOTOS, ROOT, Script
from message_form import check_message_form

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos() -> list[Pixels]:
    return [posekit.read_image(path) for path in PHOTOS]


def assert_same(result: posekit.PoseResult, expected: posekit.PoseResult) -> None:
    assert result.error is None
    assert np.array_equal(result.keypoints, expected.keypoints)
    assert np.array_equal(result.scores, expected.scores)
    assert np.array_equal(result.boxes, expected.boxes)


@pytest.mark.parametrize("calls", [1, 2])
def test_a_stream_gives_what_a_loop_gives_in_order(
    calls: int, photos: list[Pixels], estimator: posekit.PoseEstimator, detector: posekit.PersonDetector
) -> None:
    expected = [estimator.estimate(photo, detector.detect(photo)) for photo in photos]
    frames = (photos[i % len(photos)] for i in range(10))
    stream = posekit.Stream(frames, estimator, detector, detect_calls=calls, estimate_calls=calls, rate=25)
    results = list(stream)
    assert [one.index for one in results] == list(range(10))
    assert [one.time_s for one in results] == [i / 25 for i in range(10)]
    for i, one in enumerate(results):
        assert one.image is photos[i % len(photos)]
        assert one.detected
        assert one.result.image_size == (one.image.shape[1], one.image.shape[0])
        assert_same(one.result, expected[i % len(photos)])
        assert len(one.boxes) == len(one.result)
    metrics = stream.metrics()
    assert (metrics.accepted, metrics.delivered, metrics.failed, metrics.dropped, metrics.in_flight) == (10, 10, 0, 0, 0)
    assert metrics.source.count == metrics.sink.time.count == metrics.age.count == 10
    assert 0 <= metrics.source.p50 <= metrics.source.p99
    assert metrics.estimate.inference.count == sum(len(one.result) > 0 for one in results)
    assert 0 < metrics.estimate.inference.p50 <= metrics.estimate.inference.p99
    assert next(stream, None) is None


def test_a_predictor_replaces_estimator_and_detector(
    photos: list[Pixels], estimator: posekit.PoseEstimator, detector: posekit.PersonDetector
) -> None:
    apart, together = list(posekit.Stream(photos, estimator, detector)), list(posekit.Stream(photos, posekit.Predictor(estimator, detector)))
    assert len(apart) == len(together) == len(photos)
    for one, same in zip(together, apart):
        assert one.detected
        assert_same(one.result, same.result)
    (alone,) = posekit.Stream([(photos[0], 0.0, [BOX])], posekit.Predictor(estimator))
    assert_same(alone.result, estimator.estimate(photos[0], [BOX]))
    with pytest.raises(posekit.InvalidArgumentError, match="give it to the Predictor"):
        posekit.Stream(photos, posekit.Predictor(estimator), detector)


def test_frames_bring_times_and_boxes(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    expected = estimator.estimate(photo, [BOX])
    results = list(posekit.Stream([(photo, 0.5, [BOX]), (photo, 0.75, np.empty((0, 4)))], estimator))
    assert [one.time_s for one in results] == [0.5, 0.75]
    assert_same(results[0].result, expected)
    assert not results[0].detected
    assert len(results[1].result) == 0


def test_boxes_are_held_between_detections(photo: Pixels, estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> None:
    results = list(posekit.Stream([photo] * 7, estimator, detector, detect_every=3))
    assert [one.detected for one in results] == [True, False, False, True, False, False, True]
    for one in results:
        assert_same(one.result, results[0].result)


@pytest.mark.parametrize("every", [1, 3])
def test_a_tracker_gives_what_a_loop_gives_and_belongs_to_the_stream_meanwhile(
    every: int, photo: Pixels, estimator: posekit.PoseEstimator, detector: posekit.PersonDetector
) -> None:
    tracker, expected = posekit.Tracker(estimator.keypoints), posekit.Tracker(estimator.keypoints)
    stream = posekit.Stream([photo] * 7, estimator, detector, rate=10, detect_every=every, tracker=tracker)
    first = next(stream)
    for use in (lambda: tracker.predict(1), tracker.reset, tracker.save, lambda: tracker.update(first.result, 9)):
        with pytest.raises(posekit.InvalidArgumentError, match="belongs to a stream"):
            use()
    with pytest.raises(posekit.InvalidArgumentError, match="belongs to a stream"):
        posekit.Stream([photo], estimator, detector, tracker=tracker)
    for i, one in enumerate([first, *stream]):
        boxes = detector.detect(photo) if i % every == 0 else expected.predict(i / 10)
        loop = expected.update(estimator.estimate(photo, boxes), i / 10)
        assert_same(one.result, loop)
        assert np.array_equal(one.result.track_ids, loop.track_ids)
        assert np.array_equal(one.boxes, boxes) and one.detected == (i % every == 0)
    assert one.result.track_ids.max() >= 1
    assert stream.metrics().track.time.count == 7
    assert tracker.save() == expected.save()  # it is free again
    posekit.Stream([(photo, 9.0)], estimator, detector, tracker=tracker).close()


def test_a_tracker_is_free_when_its_stream_was_let_go_and_fits_the_keypoints(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    tracker = posekit.Tracker(estimator.keypoints)
    stream = posekit.Stream([(photo, 0.0, [BOX])] * 3, estimator, tracker=tracker)
    next(stream)
    del stream
    gc.collect()
    tracker.reset()
    other = posekit.Tracker(posekit.builtin_keypoint_set("coco17"))
    with pytest.raises(posekit.InvalidArgumentError, match="make the tracker with PoseEstimator.keypoints"):
        posekit.Stream([photo], estimator, tracker=other)


def test_a_bad_frame_fails_in_its_place(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    bad: list[Any] = [np.zeros((4, 4), np.float32), "a.jpg", (photo, 0.1), (photo, 0.1, [[1, 2, 3]])]
    good = (photo, 0.0, [BOX])
    results = [one.result for one in posekit.Stream([good, *bad, good], estimator)]
    assert len(results) == 6
    assert results[0].error is None
    assert results[5].error is None
    for result in results[1:5]:
        assert isinstance(result.error, posekit.InvalidArgumentError)
    assert "has no boxes" in str(results[3].error)


def test_an_iterable_that_raises_raises_after_the_results_before(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    def frames() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i in range(3):
            yield photo, i / 10, [BOX]
        raise RuntimeError("the camera is gone")

    seen = []
    with pytest.raises(RuntimeError, match="the camera is gone"):
        for one in posekit.Stream(frames(), estimator):
            seen.append(one.index)
    assert seen == [0, 1, 2]


def test_the_frames_of_a_video_are_taken_as_they_are(photo: Pixels, estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> None:
    frames = [posekit.Frame(photo, 3, 0.1), posekit.Frame(photo, 4, 0.2)]
    results = list(posekit.Stream(frames, estimator, detector))
    assert [(one.index, one.time_s) for one in results] == [(0, 0.1), (1, 0.2)]
    for one in results:
        assert one.image is photo
        assert_same(one.result, results[0].result)


def test_metrics_are_those_of_cpp() -> None:
    header = (ROOT / "include/posekit/pipeline.h").read_text()
    of_python = {"PipelineMetrics": posekit.StreamMetrics, "StageMetrics": posekit.StageMetrics, "EstimateMetrics": posekit.EstimateMetrics}
    for cpp, python in of_python.items():
        struct = header[header.index(f"struct {cpp} {{") :]
        names = re.findall(r"^  (?:std::size_t|double|\w+Stats|\w+Metrics) (\w+)", struct[: struct.index("\n};")], re.MULTILINE)
        assert [field.name for field in dataclasses.fields(python)] == names


def test_options_are_those_of_cpp() -> None:
    header = (ROOT / "include/posekit/pipeline.h").read_text()
    struct = header[header.index("struct PipelineOptions {") :]
    names = re.findall(r"^  [\w:<>]+ (\w+)(?: = |\{)", struct[: struct.index("\n};")], re.MULTILINE)
    assert len(names) == 9 and set(names) <= set(inspect.signature(posekit.Stream).parameters)


class Camera:
    """Frames that come as fast as they are taken. Knows when the last was taken, and which are alive."""

    def __init__(self, count: int, failure: Exception | None = None) -> None:
        self.count, self.failure = count, failure
        self.exhausted = threading.Event()
        self.alive: list[weakref.ref[Pixels]] = []

    def __iter__(self) -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i in range(self.count):
            pixels = np.full((64, 64, 3), i, np.uint8)
            self.alive.append(weakref.ref(pixels))
            yield pixels, i / 10, [[0, 0, 60, 60]]
            del pixels
        self.exhausted.set()
        if self.failure is not None:
            raise self.failure

    def frames_alive(self) -> int:
        return sum(one() is not None for one in self.alive)


def test_the_latest_frame_wins_and_the_account_is_complete(estimator: posekit.PoseEstimator) -> None:
    camera = Camera(200)
    stream = posekit.Stream(camera, estimator, overflow="latest", queue_frames=1)
    results = [next(stream)]
    assert camera.exhausted.wait(60)  # nothing holds the camera up, though no second result was asked for
    assert camera.frames_alive() <= 6, "one in each stage and between them, one at the caller's"
    results += stream
    indices = [one.index for one in results]
    assert indices == sorted(set(indices)) and indices[-1] == 199, "in order, and the newest is never dropped"
    assert len(results) <= 6
    for one in results:
        assert one.image[0, 0, 0] == one.index and one.time_s == one.index / 10
        assert_same(one.result, estimator.estimate(one.image, [[0, 0, 60, 60]]))
    metrics = stream.metrics()
    assert (metrics.accepted, metrics.delivered, metrics.failed, metrics.refused, metrics.in_flight) == (200, len(results), 0, 0, 0)
    assert metrics.dropped == 200 - len(results) and metrics.source.count == 200
    assert metrics.estimate.waiting == metrics.sink.waiting == 0


def test_a_blocking_stream_reads_no_further_than_its_queue(estimator: posekit.PoseEstimator) -> None:
    camera = Camera(50)
    stream = posekit.Stream(camera, estimator, queue_frames=3)
    for given in range(1, 11):
        next(stream)
        assert len(camera.alive) == given + 2
    assert stream.metrics().dropped == 0 and len(list(stream)) == 40


@pytest.mark.parametrize("overflow", ["block", "latest"])
def test_what_the_iterable_raises_comes_after_the_results_before_it(overflow: Any, estimator: posekit.PoseEstimator) -> None:
    stream = posekit.Stream(Camera(3, RuntimeError("the camera is gone")), estimator, overflow=overflow)
    seen = []
    with pytest.raises(RuntimeError, match="the camera is gone"):
        for one in stream:
            seen.append(one.index)
    assert seen[-1] == 2 and next(stream, None) is None


def test_a_latest_stream_that_is_left_early_ends_its_thread_and_lets_go_of_the_frames(estimator: posekit.PoseEstimator) -> None:
    before = threading.active_count()
    cameras = [Camera(1 << 60) for _ in range(3)]
    with posekit.Stream(cameras[0], estimator, overflow="latest") as stream:
        next(stream)
    assert threading.active_count() == before
    assert next(stream, None) is None
    with pytest.raises(RuntimeError, match="the caller's"), posekit.Stream(cameras[1], estimator, overflow="latest") as stream:
        for one in stream:
            del one
            raise RuntimeError("the caller's")
    dropped = posekit.Stream(cameras[2], estimator, overflow="latest")
    next(dropped)
    del dropped, stream
    gc.collect()
    assert threading.active_count() == before
    assert [camera.frames_alive() for camera in cameras] == [0, 0, 0]


def test_a_latest_stream_reads_nothing_before_it_is_asked(estimator: posekit.PoseEstimator) -> None:
    before = threading.active_count()
    camera = Camera(5)
    with posekit.Stream(camera, estimator, overflow="latest"):
        assert threading.active_count() == before
    assert camera.alive == []


def test_a_tracker_follows_the_frames_that_were_not_dropped(estimator: posekit.PoseEstimator) -> None:
    tracker = posekit.Tracker(estimator.keypoints)
    stream = posekit.Stream(Camera(50), estimator, overflow="latest", tracker=tracker)
    results = list(stream)
    assert stream.metrics().track.time.count == len(results)
    for one in results:
        assert one.result.track_ids is not None and one.result.error is None
    tracker.save()  # it is free again


def test_an_interpreter_ends_well_while_a_latest_stream_is_read(script: Script) -> None:
    out = script(
        """
        import itertools
        import numpy as np, posekit

        estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
        image = np.zeros((64, 64, 3), np.uint8)
        stream = posekit.Stream(((image, i / 30, [[0, 0, 60, 60]]) for i in itertools.count()), estimator, overflow="latest")
        next(stream)
        print("end")
        """
    )
    assert out == "end"


def test_an_early_end_stops_and_lets_go_of_the_frames(estimator: posekit.PoseEstimator) -> None:
    taken = []
    alive: list[weakref.ref[Pixels]] = []

    def frames() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i in range(1000):
            taken.append(i)
            pixels = np.zeros((64, 64, 3), np.uint8)
            alive.append(weakref.ref(pixels))
            yield pixels, i / 10, [[0, 0, 60, 60]]
            del pixels

    before = threading.active_count()
    with posekit.Stream(frames(), estimator, queue_frames=4) as stream:
        next(stream)
    assert len(taken) == 4
    assert next(stream, None) is None
    dropped = posekit.Stream(frames(), estimator, queue_frames=4)
    next(dropped)
    del dropped, stream
    gc.collect()
    assert not [one for one in alive if one() is not None]
    assert threading.active_count() == before


def test_the_frame_timeout_is_each_frames(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    results = list(posekit.Stream([(photo, 0.0, [BOX])] * 3, estimator, frame_timeout=1e-6))
    assert [type(one.result.error) for one in results] == [posekit.DeadlineExceededError] * 3


def test_streams_share_models_from_several_threads(photos: list[Pixels], estimator: posekit.PoseEstimator, detector: posekit.PersonDetector) -> None:
    expected = [one.result for one in posekit.Stream(photos, estimator, detector)]
    results: list[list[posekit.StreamResult]] = [[], []]
    threads = [threading.Thread(target=lambda mine=mine: mine.extend(posekit.Stream(photos, estimator, detector))) for mine in results]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in results:
        assert len(mine) == len(photos)
        for one, same in zip(mine, expected):
            assert_same(one.result, same)


def test_invalid_options_are_refused(photo: Pixels, estimator: posekit.PoseEstimator) -> None:
    with pytest.raises(posekit.InvalidArgumentError, match="refuse.*in C"):
        posekit.Stream([photo], estimator, overflow="refuse")  # type: ignore[arg-type]
    wrong: list[dict[str, Any]] = [
        {"rate": 0},
        {"overflow": "newest"},
        {"queue_frames": -1},
        {"batch_wait": -1},
        {"detect_every": 0},
        {"detect_calls": 65},
        {"frame_timeout": 0},
        {"format": "hsv"},
    ]
    for options in wrong:
        with pytest.raises(posekit.InvalidArgumentError) as caught:
            posekit.Stream([photo], estimator, **options)
        ((name, value),) = options.items()
        check_message_form(caught.value, name, str(value))


def test_ctrl_c_ends_the_wait_for_a_result(script: Script) -> None:
    out = script(
        """
        import os, signal, sys, threading
        import posekit

        image = posekit.read_image("examples/images/astronaut.jpg")
        estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
        BOX = [24.0, 8.0, 375.0, 511.0]
        stream = posekit.Stream(((image, i / 30, [BOX] * 2000) for i in range(100)), estimator, queue_frames=2)

        def interrupt():
            while sys._current_frames()[threading.main_thread().ident].f_code.co_name != "__next__":
                threading.Event().wait(0.01)
            threading.Event().wait(0.3)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            next(stream)
        except KeyboardInterrupt:
            stream.close()
            print("interrupted")
        """
    )
    assert out == "interrupted"


def test_an_interrupted_stream_can_be_asked_on(script: Script) -> None:
    out = script(
        """
        import os, signal, sys, threading
        import posekit

        photo = posekit.read_image("examples/images/astronaut.jpg")
        estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
        frames = [(photo[: 500 - i], i / 8, [[24.0, 8.0, 375.0, 490.0]] * 3) for i in range(30)]
        stream = posekit.Stream(frames, estimator, queue_frames=len(frames))
        seen = [next(stream)]  # all frames are submitted: from now on the stream only takes results

        def interrupt(signal, frame):
            # Elsewhere it would be the loop below that loses a result.
            if frame.f_code.co_name == "__next__":
                raise KeyboardInterrupt

        def interrupt_often():
            while not done.wait(0.005):
                if sys._current_frames()[threading.main_thread().ident].f_code.co_name == "__next__":
                    os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, interrupt)
        done = threading.Event()
        thread = threading.Thread(target=interrupt_often)
        thread.start()
        interrupts = 0
        while True:
            try:
                seen.append(next(stream))
            except KeyboardInterrupt:
                interrupts += 1
            except StopIteration:
                break
        done.set()
        thread.join()
        assert interrupts > 0
        assert [one.index for one in seen] == list(range(len(frames)))
        for one, (image, time_s, boxes) in zip(seen, frames):
            assert one.image is image and one.time_s == time_s
            assert one.result.error is None and len(one.result) == len(boxes)
            assert one.result.image_size == (image.shape[1], image.shape[0])
        print("all there")
        """
    )
    assert out == "all there"


@pytest.mark.parametrize("overflow", ["block", "latest"])
def test_a_forked_child_is_refused_and_may_let_go(overflow: str, script: Script) -> None:
    out = script(
        """
        import os, signal, sys
        import numpy as np, posekit

        posekit.set_torch_threads(1)
        image = np.zeros((64, 64, 3), np.uint8)
        estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
        tracker = posekit.Tracker(estimator.keypoints)
        stream = posekit.Stream(((image, i / 30, [[0, 0, 60, 60]]) for i in range(20)), estimator, overflow=sys.argv[1], tracker=tracker)
        next(stream)
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            refused = 0
            def use(call):
                global refused
                try:
                    call()
                except posekit.ForkedError:
                    refused += 1
            for call in (stream.__next__, stream.__next__, tracker.save, lambda: posekit.Stream([], estimator, tracker=tracker)):
                use(call)
            stream.close()
            use(tracker.reset)
            del stream
            use(tracker.save)
            os._exit(refused)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sum(1 for _ in stream) + stream.metrics().dropped)
        tracker.save()
        """,
        overflow,
    )
    assert out == "6 19"


def moving_dot(count: int) -> list[Pixels]:
    """Frames that differ: a bright square that moves to the right."""
    frames = []
    for i in range(count):
        frame = np.full((240, 320, 3), 30, np.uint8)
        frame[52:68, 12 + 6 * i : 28 + 6 * i] = 250
        frames.append(frame)
    return frames


@pytest.mark.parametrize("overflow", ["block", "latest"])
@pytest.mark.parametrize("buffers", [1, 3])
def test_an_iterable_may_fill_one_array_again_and_again(overflow: str, buffers: int, estimator: posekit.PoseEstimator) -> None:
    frames = moving_dot(40)
    memory = np.empty((buffers, *frames[0].shape), np.uint8)
    box = [[0, 0, 320, 240]]

    def camera() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i, frame in enumerate(frames):
            memory[i % buffers] = frame
            yield memory[i % buffers], i / 20, box
            if overflow == "latest":
                time.sleep(0.02)

    with posekit.Stream(camera(), estimator, overflow=overflow, queue_frames=8) as stream:  # type: ignore[arg-type]
        found = list(stream)
    assert overflow == "latest" or len(found) == len(frames)
    for one in found:
        assert one.result.error is None
        assert_same(one.result, estimator.estimate(frames[one.index], box))
        assert np.array_equal(np.asarray(one.image), frames[one.index])


def test_frames_may_change_in_any_way_after_they_were_given(estimator: posekit.PoseEstimator) -> None:
    frames = moving_dot(30)
    box = [[0, 0, 320, 240]]
    right = [estimator.estimate(frame, box) for frame in frames]
    ring = np.empty((10, *frames[0].shape), np.uint8)

    def late_ring() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i, frame in enumerate(frames):
            if i < 10:
                yield frame.copy(), i / 20, box
            else:
                ring[i % 3] = frame
                yield ring[i % 3], i / 20, box

    def wiped() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        last = np.empty(1)
        for i, frame in enumerate(frames):
            last[:] = 0
            last = frame.copy()
            yield last, i / 20, box

    def filled_ahead() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i in range(len(frames)):
            ring[(i + 3) % 10] = frames[min(i + 3, 29)]
            yield (ring[i % 10] if i >= 3 else frames[i]), i / 20, box

    def mirrored() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i, frame in enumerate(frames):
            ring[0] = frame[:, ::-1]
            yield ring[0][:, ::-1], i / 20, box

    def drawn_on() -> Iterator[tuple[Pixels, float, list[list[float]]]]:
        for i, frame in enumerate(frames):
            mine = frame.copy()
            yield mine, i / 20, box
            mine[:] = 255

    for source in (late_ring, wiped, filled_ahead, mirrored, drawn_on):
        found = list(posekit.Stream(source(), estimator, queue_frames=8))
        assert len(found) == len(frames)
        for one in found:
            assert one.result.error is None
            assert_same(one.result, right[one.index])
            assert np.array_equal(np.asarray(one.image), frames[one.index]), (source, one.index)
