"""Threads: one estimator serves many, and Python goes on while it works."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import posekit
import pytest
from conftest import BOX, PHOTOS, Script


@pytest.mark.parametrize("executor", [posekit.SerialExecutor(), posekit.ThreadPool(2), posekit.ThreadPool(4)], ids=str)
def test_eight_threads_on_one_estimator_get_what_one_gets(executor: posekit.Executor) -> None:
    estimator = posekit.PoseEstimator(executor=executor)
    detector = posekit.PersonDetector(executor=executor)
    images = [posekit.read_image(path) for path in PHOTOS] * 8

    def work(image: np.ndarray) -> tuple[bytes, bytes]:
        result = estimator.estimate(image, detector.detect(image))
        return result.keypoints.tobytes(), result.scores.tobytes()

    alone = [work(image) for image in images]
    start = threading.Barrier(8)
    with ThreadPoolExecutor(8, initializer=start.wait) as threads:
        assert list(threads.map(work, images)) == alone


def longest_pause(action: Callable[[], object]) -> float:
    """The longest time that a second thread of Python code stood still while `action` ran, relative to the action's duration."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # so that little is passed on between two native calls
    stop = threading.Event()
    turns: list[float] = []
    running = threading.Barrier(2)

    def turn() -> None:
        running.wait()
        while not stop.is_set():
            turns.append(time.perf_counter())

    other = threading.Thread(target=turn)
    other.start()
    running.wait()
    start = time.perf_counter()
    action()
    end = time.perf_counter()
    stop.set()
    other.join()
    sys.setswitchinterval(interval)
    times = [start, *(moment for moment in turns if start < moment < end), end]
    return max(after - before for before, after in itertools.pairwise(times)) / (end - start)


MANY = 1000  # threads, which take a while to start and to join
MODEL_BYTES = posekit.shipped_model().read_bytes()
MADE: dict[str, Callable[[], object]] = {
    "a model": lambda: posekit.Model(posekit.shipped_model()),
    "a model of bytes": lambda: posekit.Model(MODEL_BYTES),
    "a detector": posekit.PersonDetector,
    "an estimator": posekit.PoseEstimator,
}


@pytest.mark.parametrize("executor", [posekit.SerialExecutor(), posekit.ThreadPool(2)], ids=str)
def test_python_goes_on_while_a_call_works(executor: posekit.Executor, photo: np.ndarray) -> None:
    estimator = posekit.PoseEstimator(executor=executor)
    detector = posekit.PersonDetector(executor=executor)
    assert any(longest_pause(lambda: estimator.estimate(photo, [BOX] * 20)) < 0.4 for _ in range(5))
    assert any(longest_pause(lambda: detector.detect_batch([photo] * 20)) < 0.4 for _ in range(5))


@pytest.mark.parametrize("what", MADE)
def test_python_goes_on_while_an_object_is_made(what: str) -> None:
    """With the GIL held the other thread would stand still all the time. On a busy machine it may be kept waiting, but not each time."""
    assert any(longest_pause(MADE[what]) < 0.4 for _ in range(5))


@pytest.mark.parametrize("what", ["a pool", "an estimator"])
def test_python_goes_on_while_an_object_is_freed(what: str) -> None:
    """The estimator is the last to hold its pool, so that freeing it joins the pool's threads."""

    def pause() -> float:
        pool = posekit.ThreadPool(MANY)
        objects = [pool if what == "a pool" else posekit.PoseEstimator(executor=pool)]
        del pool
        return longest_pause(objects.clear)

    assert any(pause() < 0.4 for _ in range(5))


def test_serial_work_on_one_torch_thread_makes_no_thread(script: Script) -> None:
    out = script("""
        import os, posekit
        posekit.set_torch_threads(1)
        before = len(os.listdir("/proc/self/task"))
        image = posekit.read_image("examples/images/people.jpg")
        for executor in (None, posekit.SerialExecutor(), posekit.ThreadPool(1)):
            boxes = posekit.PersonDetector(executor=executor).detect(image)
            result = posekit.PoseEstimator(executor=executor).estimate(image, boxes)
            posekit.draw_poses(image, result)
        print(len(os.listdir("/proc/self/task")) - before, posekit.torch_threads())
        """)
    assert out == "0 1"


def test_an_executor_says_how_many_work() -> None:
    assert (posekit.SerialExecutor().slots, posekit.ThreadPool(1).slots, posekit.ThreadPool(3).slots) == (1, 1, 3)
    assert posekit.ThreadPool().slots >= 1
    assert (repr(posekit.SerialExecutor()), repr(posekit.ThreadPool(3))) == ("SerialExecutor()", "ThreadPool(3)")


def test_tf32_is_off_unless_it_is_set(script: Script) -> None:
    out = script("""
        import posekit
        before = posekit.torch_tf32()
        posekit.set_torch_tf32(True)
        during = posekit.torch_tf32()
        posekit.set_torch_tf32(False)
        print(before, during, posekit.torch_tf32())
        """)
    assert out == "False True False"
