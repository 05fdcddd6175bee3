"""Prints how the Python package uses threads, as a table and, with --json, as JSON.

    PYTHONPATH=build/release/python python_threads.py [--seconds S] [--json]

throughput: persons a second of 1, 2, 4, 8 Python threads that share one estimator, at one Torch thread.
counter: the speed of a Python loop beside ONE thread that estimates all the time, relative to its speed alone, and relative to its speed
beside a PROCESS that does the same: 1 = the GIL is free. The second shows it on a busy machine too.
On a machine with n CPUs throughput can grow up to n threads. Warm-up rounds are not counted; the best of three rounds is.
"""

import argparse
import json
import multiprocessing
import os
import platform
import threading
import time

import posekit

BOX = [24.0, 8.0, 375.0, 511.0]


def throughput(estimator, image, threads, seconds):
    """Persons a second."""
    counts = [0] * threads
    barrier = threading.Barrier(threads + 1)

    def work(index):
        barrier.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            estimator.estimate(image, [BOX])
            counts[index] += 1

    running = [threading.Thread(target=work, args=[index]) for index in range(threads)]
    for thread in running:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in running:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def count(seconds):
    """Turns a second of a loop in Python."""
    turns = 0
    start = time.perf_counter()
    end = start + seconds
    while time.perf_counter() < end:
        for _ in range(1000):
            turns += 1
    return turns / (time.perf_counter() - start)


def estimate_until(done, ready, estimator, image):
    while not done.is_set():
        estimator.estimate(image, [BOX] * 8)
        ready.set()


def count_beside(kind, estimator, image, seconds):
    """kind: threading, or a context of multiprocessing."""
    done, ready = kind.Event(), kind.Event()
    other = (kind.Thread if kind is threading else kind.Process)(target=estimate_until, args=[done, ready, estimator, image])
    other.start()
    ready.wait()
    speed = count(seconds)
    done.set()
    other.join()
    return speed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    posekit.set_torch_threads(1)
    estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"))
    image = posekit.read_image(os.path.join(os.path.dirname(__file__), "../../examples/images/astronaut.jpg"))
    for _ in range(10):
        estimator.estimate(image, [BOX])

    best = {}
    for threads in (1, 2, 4, 8):
        best[threads] = max(throughput(estimator, image, threads, arguments.seconds) for _ in range(3))
    # By turns, so that another load on the machine meets all of them.
    spawn = multiprocessing.get_context("spawn")
    rounds = [
        (
            count(arguments.seconds),
            count_beside(threading, estimator, image, arguments.seconds),
            count_beside(spawn, estimator, image, arguments.seconds),
        )
        for _ in range(3)
    ]
    alone, thread, process = (max(values) for values in zip(*rounds))
    result = {
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "posekit": posekit.version(),
        "torch": posekit.torch_versions()[1],
        "model": estimator.info.name,
        "persons_per_second": best,
        "counter_relative_to_alone": thread / alone,
        "counter_relative_to_process": thread / process,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['model']}, {result['cpus']} CPUs, Python {result['python']}, torch {result['torch']}, one Torch thread")
    for threads, speed in best.items():
        print(f"{threads} threads: {speed:7.1f} persons/s, {speed / best[1]:.2f} times one thread")
    print(
        f"counter beside one estimating thread: {thread / alone:.0%} of its speed alone, {thread / process:.0%} of its speed beside such a process"
    )


if __name__ == "__main__":
    main()
