"""One cell of the hang matrix: children of one kind work beside their parent. Prints what each of them got.

    processes.py fork|spawn|forkserver|threads  serial|pool  used|fresh

used: the parent has estimated, and run Torch's own parallel work, before it starts the children, and they take its estimator along;
fresh: it has not, and each child makes an estimator of its own.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import posekit
import torch

BOX = [24.0, 8.0, 375.0, 511.0]
CHILDREN = 2
LIMIT = 60.0  # seconds


def make_estimator(executor: str) -> posekit.PoseEstimator:
    pool = posekit.ThreadPool(2) if executor == "pool" else posekit.SerialExecutor()
    return posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"), executor=pool)


def work(estimator: posekit.PoseEstimator | None, executor: str, image: np.ndarray) -> str:
    """The keypoints, or the error's class and text."""
    try:
        estimator = make_estimator(executor) if estimator is None else estimator
        return estimator.estimate(image, [BOX]).keypoints.tobytes().hex()
    except posekit.Error as error:
        return f"{type(error).__name__}: {error}"


def child(connection: Connection, *arguments: Any) -> None:
    connection.send(work(*arguments))


def in_processes(method: str, *arguments: Any) -> list[str]:
    context: Any = multiprocessing.get_context(method)
    running = []
    for _ in range(CHILDREN):
        ours, theirs = context.Pipe()
        process = context.Process(target=child, args=(theirs, *arguments))
        process.start()
        theirs.close()
        running.append((process, ours))
    answers = []
    for process, connection in running:
        answers.append(connection.recv() if connection.poll(LIMIT) else "hung")
        if answers[-1] == "hung":
            process.kill()
        process.join()
    return answers


def in_threads(*arguments: Any) -> list[str]:
    answers: list[str] = []
    run: Callable[[], None] = lambda: answers.append(work(*arguments))
    threads = [threading.Thread(target=run) for _ in range(CHILDREN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main(kind: str, executor: str, state: str) -> None:
    image = posekit.read_image("examples/images/astronaut.jpg")
    estimator = expected = None
    if state == "used":
        estimator = make_estimator(executor)
        expected = work(estimator, executor, image)
        torch.ones(512, 512) @ torch.ones(512, 512)
    arguments = (estimator, executor, image)
    answers = in_threads(*arguments) if kind == "threads" else in_processes(kind, *arguments)
    expected = expected or work(None, executor, image)
    assert posekit.torch_threads() == 2, "with one Torch thread nothing would hang"
    print(*["as the parent" if answer == expected else answer[:300] for answer in answers], sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
