"""What the tests share: photos, shipped models, the program, and scripts in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "examples/images"
PHOTOS = sorted(IMAGES.glob("*.jpg"))
PROGRAM = Path(posekit.__file__).parent / "bin/posekit"

Script = Callable[..., str]


@pytest.fixture(scope="session")
def lite() -> Path:
    return posekit.shipped_model("pose_landmark_lite.pt")


@pytest.fixture(scope="session")
def estimator(lite: Path) -> posekit.PoseEstimator:
    return posekit.PoseEstimator(lite)


@pytest.fixture(scope="session")
def detector() -> posekit.PersonDetector:
    return posekit.PersonDetector()


@pytest.fixture(scope="session")
def photo() -> npt.NDArray[np.uint8]:
    """One person, and her box is BOX."""
    return posekit.read_image(IMAGES / "astronaut.jpg")


BOX = [24.0, 8.0, 375.0, 511.0]


COCO = posekit.builtin_keypoint_set("coco17")


def made(people: int, keypoint_set: posekit.KeypointSet = COCO, **more: Any) -> posekit.PoseResult:
    """A result with numbers that all differ."""
    count, random = len(keypoint_set), np.random.default_rng(people)
    return posekit.PoseResult(
        keypoints=random.uniform(0, 500, (people, count, 2)).astype(np.float32),
        scores=random.uniform(0, 1, (people, count)).astype(np.float32),
        boxes=random.uniform(0, 500, (people, 4)),
        box_scores=random.uniform(0, 1, people).astype(np.float32),
        box_indices=np.arange(people) * 2,
        keypoint_set=keypoint_set,
        model_name="made",
        **{"image_size": (640, 480), **more},
    )


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs Python code in a process of its own. It must end well within the time; what it printed is returned."""

    def run(code: str, *arguments: str, timeout: float = 60, **environment: str) -> str:
        file = tmp_path / "script.py"
        file.write_text(textwrap.dedent(code))
        done = subprocess.run(
            [sys.executable, str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=ROOT,
            env=os.environ | environment,
        )
        assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    return run
