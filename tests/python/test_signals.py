"""Ctrl-C and other signals reach Python while a call works."""

from __future__ import annotations

import pytest
from conftest import Script

# Watches from a second thread until the main thread is in the native call, then sends the signal.
PRELUDE = """
import os, signal, sys, threading, time
import numpy as np, posekit

BOX = [24.0, 8.0, 375.0, 511.0]
image = posekit.read_image("examples/images/astronaut.jpg")
executor = {"serial": None, "pool": posekit.ThreadPool(2)}[sys.argv[1]]
estimator = posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt"), executor=executor, max_batch=4)
detector = posekit.PersonDetector(executor=executor)
predictor = posekit.Predictor(estimator, detector)
expected = estimator.estimate(image, [BOX])
start = time.monotonic()
estimator.estimate(image, [BOX] * 4)
batch = time.monotonic() - start
sent = []

def interrupt(number):
    main = threading.main_thread().ident
    looks = 0
    while looks < 10:  # ten looks in a row: _run's own lines are passed in microseconds
        frame = sys._current_frames()[main]
        looks = looks + 1 if frame.f_code.co_name == "_run" else 0
        threading.Event().wait(0.01)
    sent.append(time.monotonic())
    os.kill(os.getpid(), number)

def interrupt_soon(number=signal.SIGINT):
    thread = threading.Thread(target=interrupt, args=[number])
    thread.start()
    return thread
"""

CALLS = {
    "estimate": "estimator.estimate(image, [BOX] * 100000)",
    "estimate_batch": "estimator.estimate_batch([image] * 1000, [[BOX] * 100] * 1000)",
    "detect_batch": "detector.detect_batch([image] * 20000)",
    "predict": "predictor.predict(image, [BOX] * 100000)",
    "predict_batch": "predictor.predict_batch([image] * 20000)",
}


@pytest.mark.parametrize("executor", ["serial", "pool"])
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_a_long_call_within_half_a_second_and_a_batch(call: str, executor: str, script: Script) -> None:
    out = script(
        PRELUDE
        + f"""
thread = interrupt_soon()
try:
    {CALLS[call]}
except KeyboardInterrupt:
    took = time.monotonic() - sent[0]
    thread.join()
    assert took < 10 * (0.5 + batch), (took, batch)  # the promise is half a second and the batch; a busy machine may be late
    assert np.array_equal(estimator.estimate(image, [BOX]).keypoints, expected.keypoints)
    print("interrupted")
""",
        executor,
    )
    assert out == "interrupted"


@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_ctrl_c_in_one_call_leaves_other_threads_calls_alone(executor: str, script: Script) -> None:
    out = script(
        PRELUDE
        + """
results = []
other = threading.Thread(target=lambda: results.extend(estimator.estimate_batch([image] * 30, [[BOX] * 5] * 30)))
other.start()
thread = interrupt_soon()
try:
    estimator.estimate(image, [BOX] * 100000)
except KeyboardInterrupt:
    other.join()
    thread.join()
    same = all(np.array_equal(result.keypoints, np.repeat(expected.keypoints, 5, axis=0)) and result.error is None for result in results)
    print(len(results), same)
""",
        executor,
    )
    assert out == "30 True"


def test_ctrl_c_ends_the_iterator_over_a_source_and_its_threads(script: Script) -> None:
    """From another process, while the loop waits for a result of a source without end."""
    out = script(
        """
import itertools, os, signal, subprocess, sys, time
import posekit

predictor = posekit.Predictor(posekit.PoseEstimator(posekit.shipped_model("pose_landmark_lite.pt")), posekit.PersonDetector())
photo = "examples/images/astronaut.jpg"
expected = predictor.estimate(photo)
threads = len(os.listdir("/proc/self/task"))
results = predictor.estimate(itertools.repeat(photo))
got = [next(results)]
start = time.monotonic()
killer = subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({os.getpid()}, {int(signal.SIGINT)})"])
try:
    for result in results:
        got.append(result)
except KeyboardInterrupt:
    took = time.monotonic() - start
killer.wait()
deadline = time.monotonic() + 30
while len(os.listdir("/proc/self/task")) > threads and time.monotonic() < deadline:
    time.sleep(0.01)
assert len(os.listdir("/proc/self/task")) <= threads
assert took < 30 and len(got) > 1 and all(result.error is None for result in got), (took, len(got))
assert next(results, None) is None  # it has ended
assert (predictor.estimate(photo).keypoints == expected.keypoints).all()
print("interrupted")
"""
    )
    assert out == "interrupted"


def test_a_handler_that_raises_nothing_runs_during_the_call_and_may_itself_estimate(script: Script) -> None:
    out = script(
        PRELUDE
        + """
inside = []
def handle(number, frame):
    inside.append((frame.f_code.co_name, np.array_equal(estimator.estimate(image, [BOX]).keypoints, expected.keypoints)))
signal.signal(signal.SIGUSR1, handle)
thread = interrupt_soon(signal.SIGUSR1)
result = estimator.estimate_batch([image], [[BOX] * 100000], timeout=3)[0]
thread.join()
print(inside, type(result.error).__name__, np.array_equal(result.keypoints[:1], expected.keypoints))
""",
        "pool",
    )
    assert out == "[('_run', True)] DeadlineExceededError True"


def test_what_a_handler_raises_comes_out_of_the_call(script: Script) -> None:
    out = script(
        PRELUDE
        + """
def handle(number, frame):
    raise LookupError("from the handler")
signal.signal(signal.SIGTERM, handle)
thread = interrupt_soon(signal.SIGTERM)
try:
    estimator.estimate(image, [BOX] * 100000)
except LookupError as error:
    thread.join()
    print(error, error.__traceback__.tb_next is not None)
""",
        "serial",
    )
    assert out == "from the handler True"


def test_a_handler_may_use_an_object_that_is_being_loaded(script: Script) -> None:
    """An unpickled estimator loads at its first use, and the handler runs as soon as that returns to Python."""
    out = script(
        PRELUDE
        + """
import pickle

late = pickle.loads(pickle.dumps(estimator))
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(len(late.estimate(image, [BOX]))))
make = type(late)._make

def interrupted(self, **options):
    made = make(self, **options)
    if not sent:
        sent.append(0)
        signal.raise_signal(signal.SIGUSR1)
    return made

type(late)._make = interrupted
assert len(late.estimate(image, [BOX])) == 1 and handled == [1]
print("both")
""",
        "serial",
    )
    assert "both" in out
