"""Threads: one estimator serves many, and Python goes on while it works."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import posekit
import pytest
from conftest import BOX, PHOTOS, Script


@pytest.mark.parametrize("executor", [posekit.Serial(), posekit.ThreadPool(2), posekit.ThreadPool(4)], ids=str)
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


def test_python_goes_on_while_a_call_works(estimator: posekit.PoseEstimator, photo: np.ndarray) -> None:
    """With the GIL held this thread would see nothing of the call until its end."""
    results: list[posekit.PoseResult] = []
    worker = threading.Thread(target=lambda: results.extend(estimator.estimate_batch([photo], [[BOX] * 1000000], timeout=2)))
    worker.start()
    seen = 0
    while worker.is_alive():
        frame = sys._current_frames().get(worker.ident or 0)
        seen += frame is not None and frame.f_code.co_name == "_run"
    worker.join()
    assert isinstance(results[0].error, posekit.DeadlineExceededError) and len(results[0]) > 0
    assert seen > 1000


def test_loading_and_freeing_let_python_go_on(script: Script) -> None:
    """A pool's destructor joins its threads, and one of them waits for the GIL to deliver a note: with the GIL held this would never end."""
    out = script("""
        import threading, posekit
        done = threading.Event()
        def load():
            for _ in range(3):
                pool = posekit.ThreadPool(8)
                objects = [posekit.PoseEstimator(executor=pool), posekit.PersonDetector(executor=pool)]
                del pool, objects
            done.set()
        worker = threading.Thread(target=load)
        worker.start()
        turns = 0
        while not done.is_set():
            turns += 1
        worker.join()
        print(turns > 1000)
        """)
    assert out == "True"


def test_serial_work_on_one_torch_thread_makes_no_thread(script: Script) -> None:
    out = script("""
        import os, posekit
        posekit.set_torch_threads(1)
        before = len(os.listdir("/proc/self/task"))
        image = posekit.read_image("examples/images/people.jpg")
        for executor in (None, posekit.Serial(), posekit.ThreadPool(1)):
            boxes = posekit.PersonDetector(executor=executor).detect(image)
            result = posekit.PoseEstimator(executor=executor).estimate(image, boxes)
            posekit.draw_poses(image, result)
        print(len(os.listdir("/proc/self/task")) - before, posekit.torch_threads())
        """)
    assert out == "0 1"


def test_an_executor_says_how_many_work() -> None:
    assert (posekit.Serial().slots, posekit.ThreadPool(1).slots, posekit.ThreadPool(3).slots) == (1, 1, 3)
    assert posekit.ThreadPool().slots >= 1
    assert (repr(posekit.Serial()), repr(posekit.ThreadPool(3))) == ("Serial()", "ThreadPool(3)")
