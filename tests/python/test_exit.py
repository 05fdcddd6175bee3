"""An interpreter that ends while models run ends with the exit code that was asked for, and prints nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import ROOT

ROUNDS = int(os.environ.get("POSEKIT_ROUNDS", "3"))

PRELUDE = """
import sys, threading, numpy as np, posekit
lite = posekit.shipped_model("pose_landmark_lite.pt")
image, box = np.zeros((480, 640, 3), np.uint8), [[20, 10, 375, 470]]
estimator = posekit.PoseEstimator(lite)
begun = threading.Event()

def frames():
    while True:
        yield image, next(times), box

times = iter(range(10**9))

def repeat(call):
    while True:
        call()
        begun.set()

def in_background(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()
"""

WAYS = {
    "a daemon thread estimates": "in_background(repeat, lambda: estimator.estimate(image, box))",
    "four daemon threads estimate": "for _ in range(4): in_background(repeat, lambda: estimator.estimate(image, box * 3))",
    "a daemon thread estimates with replicas": """
replicas = posekit.PoseEstimator(posekit.Model(lite, device="cpu,cpu"))
in_background(repeat, lambda: replicas.estimate(image, box * 3))""",
    "a daemon thread loads models": "in_background(repeat, lambda: posekit.PoseEstimator(lite))",
    "a stream is left unread": "stream = posekit.Stream(frames(), estimator); next(stream); begun.set()",
    "a stream of the latest frames is left unread": 'stream = posekit.Stream(frames(), estimator, overflow="latest"); next(stream); begun.set()',
    "a daemon thread reads a stream": """
def read():
    for _ in posekit.Stream(frames(), estimator):
        begun.set()
in_background(read)""",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_interpreter_ends_with_its_exit_code_though(way: str) -> None:
    program = PRELUDE + WAYS[way] + "\nbegun.wait()\nsys.exit(4)\n"
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
        assert (done.returncode, done.stdout, done.stderr) == (4, "", "")
