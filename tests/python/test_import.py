"""Importing: beside torch and cv2 in any order, without torch, OpenCV or image codecs, and with another torch than it has a library for."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import posekit
import pytest
import torch
from conftest import IMAGES, PROGRAM, Script
from message_form import problem_of_form

PACKAGE = Path(posekit.__file__).parent

WORK = """
import sys
{imports}
import hashlib, numpy, posekit, torch
image = posekit.read_image("examples/images/astronaut.jpg")
if "cv2" in sys.modules:
    import cv2
    turned = cv2.warpAffine(image, numpy.float32([[0.9, 0.1, 3], [-0.1, 0.9, 5]]), (300, 300))
    assert cv2.imdecode(cv2.imencode(".png", turned)[1], 1).tobytes() == turned.tobytes()
result = posekit.PoseEstimator().estimate(image, posekit.PersonDetector().detect(image))
drawn = posekit.draw_poses(image, result)
if "cv2" in sys.modules:
    assert numpy.array_equal(turned, cv2.warpAffine(image, numpy.float32([[0.9, 0.1, 3], [-0.1, 0.9, 5]]), (300, 300)))
print(hashlib.sha256(result.keypoints.tobytes() + drawn.tobytes()).hexdigest())
"""


def test_every_order_of_torch_cv2_and_posekit_gives_the_same(script: Script) -> None:
    orders = [("posekit",), *itertools.permutations(["torch", "cv2", "posekit"])]
    results = {script(WORK.format(imports="\n".join(f"import {name}" for name in order))) for order in orders}
    assert len(results) == 1


def test_torch_is_loaded_with_the_first_model_and_opencv_with_the_first_video(script: Script, tmp_path: Path) -> None:
    out = script(
        """
        import sys
        import numpy as np, posekit
        def loaded(): print(*(any(name in line for line in open("/proc/self/maps")) for name in ("libtorch", "libopencv")), "torch" in sys.modules)
        image = posekit.read_image("examples/images/people.jpg")
        posekit.write_image(sys.argv[1] + "/a.png", image)
        loaded()
        posekit.PoseEstimator().estimate(image, posekit.PersonDetector().detect(image))
        loaded()
        try:
            posekit.open_video(sys.argv[1] + "/a.png")
        except posekit.IoError:
            loaded()
        import cv2
        writer = cv2.VideoWriter(sys.argv[1] + "/a.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
        writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
        posekit.open_video(sys.argv[1] + "/a.avi")
        loaded()
        """,
        str(tmp_path),
    )
    assert out.splitlines() == ["False False False", "True False True", "True False True", "True True True"]


def test_the_native_modules_name_neither_torch_nor_opencv() -> None:
    for module in PACKAGE.glob("_*.so"):
        dynamic = subprocess.run(["readelf", "-d", str(module)], capture_output=True, text=True, check=True).stdout
        assert "libposekit" in dynamic and not [name for name in ("torch", "c10", "opencv") if f"[lib{name}" in dynamic], module


def test_without_codecs_reading_says_what_is_missing_and_the_rest_works(script: Script, tmp_path: Path) -> None:
    """A package whose _io asks for a library that does not exist."""
    copy = tmp_path / "packages/posekit"
    copy.mkdir(parents=True)
    for file in PACKAGE.iterdir():
        if file.name.startswith("_io."):
            continue
        (copy / file.name).symlink_to(file.resolve())
    module = next(PACKAGE.glob("_io.*.so"))
    data, needed = module.read_bytes(), b"libposekit_io"
    assert needed in data
    (copy / module.name).write_bytes(data.replace(needed, needed[:-1] + b"X"))
    out = script(
        """
        import numpy as np, posekit
        posekit.PersonDetector().detect(np.zeros((90, 90, 3), np.uint8))
        try:
            posekit.read_image("examples/images/people.jpg")
        except ImportError as error:
            print(error)
        """,
        PYTHONPATH=str(copy.parent),
    )
    reason = out.partition("built with (")[2].partition("): ")[0]  # the dynamic linker's own words
    assert "apt-get install" in out and reason and not problem_of_form(out, "system's image codecs", reason), out


def library(name: str) -> Path:
    """A library of posekit's that this process has loaded."""
    posekit.torch_versions()
    posekit.read_image(IMAGES / "people.jpg")
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(Path(line.split()[-1]) for line in lines if Path(line.split()[-1]).name.startswith(name))


OPEN_A_VIDEO = """
import sys
import numpy as np, posekit
{before}
try:
    frames = list(posekit.open_video(sys.argv[1]))
except posekit.Error as error:
    print(type(error).__name__, error)
else:
    print([(frame.index, frame.time_s, frame.image.shape, int(frame.image.astype(int).sum() / 1000)) for frame in frames])
"""


def test_without_the_systems_opencv_videos_are_read_by_cv2_or_av_or_the_error_says_what_to_install(script: Script, tmp_path: Path) -> None:
    """posekit's libraries without the one for videos."""
    import cv2

    video = tmp_path / "turned.mp4"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for i in range(6):
        writer.write(np.full((48, 64, 3), 30 * i, np.uint8))
    writer.release()
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for name in ("libposekit.so", "libposekit_io.so"):
        original = library(name)
        soname = ".".join(original.name.split(".")[:4])
        shutil.copy(original, libraries / soname)

    own = script(OPEN_A_VIDEO.format(before=""), str(video))
    other = script(OPEN_A_VIDEO.format(before=""), str(video), LD_LIBRARY_PATH=str(libraries))
    assert own == other and own.count("(64, 48") + own.count("(48, 64") == 6

    third = script(OPEN_A_VIDEO.format(before="sys.modules['cv2'] = None"), str(video), LD_LIBRARY_PATH=str(libraries))
    assert third == own
    neither = script(OPEN_A_VIDEO.format(before="sys.modules['cv2'] = sys.modules['av'] = None"), str(video), LD_LIBRARY_PATH=str(libraries))
    kind, _, text = neither.partition(" ")
    assert kind == "NotFoundError" and "pip install opencv-python-headless, or av" in text
    assert not problem_of_form(text, "library for videos", str(libraries)), text
    missing = script(OPEN_A_VIDEO.format(before=""), "none.mp4", LD_LIBRARY_PATH=str(libraries))
    assert missing.startswith("NotFoundError") and "cv2" not in missing


def test_a_torch_without_a_library_of_posekits_is_refused_with_all_versions(script: Script, tmp_path: Path) -> None:
    """The library for this torch, as if it were for another."""
    shutil.copy(library("libposekit_torch-"), tmp_path / "libposekit_torch-2.99.so")
    original = library("libposekit.so")
    shutil.copy(original, tmp_path / ".".join(original.name.split(".")[:4]))
    text = script(
        """
        import posekit
        try:
            posekit.PoseEstimator()
        except posekit.InternalError as error:
            print(error)
        """,
        LD_LIBRARY_PATH=str(tmp_path),
    )
    running = ".".join(torch.__version__.split(".")[:2])
    for word in (f"Torch {running}", "2.99", posekit.__version__):
        assert not problem_of_form(text, "Torch", word), text


def test_without_torch_the_first_model_says_what_to_install(script: Script) -> None:
    out = script("""
        import sys
        sys.modules["torch"] = None
        import posekit
        posekit.read_image("examples/images/people.jpg")
        for call in (posekit.PoseEstimator, posekit.torch_versions, lambda: posekit.inspect_model(posekit.shipped_model())):
            try:
                call()
            except ImportError as error:
                print(error)
        """)
    lines = out.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert "pip install torch" in line and not problem_of_form(line, "torch"), line


def test_the_torch_it_was_built_for_is_the_librarys() -> None:
    version = torch.__version__.split("+")[0]
    assert posekit.torch_versions() == (version, version)
    assert posekit.__version__ == posekit.version()


def test_the_report_says_what_decides_the_number_of_cpus() -> None:
    report = posekit.cpu_report()
    assert report.affinity == len(os.sched_getaffinity(0))
    assert (report.posekit_cpus, report.decided_by) == (int(os.environ["POSEKIT_CPUS"]), "posekit_cpus")
    assert report.usable == posekit.usable_cpus() == report.posekit_cpus


def test_posekit_cpus_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSEKIT_CPUS", "many")
    with pytest.raises(posekit.InvalidArgumentError, match="POSEKIT_CPUS"):
        posekit.ThreadPool()
    monkeypatch.delenv("POSEKIT_CPUS")
    assert posekit.cpu_report().omp_num_threads == int(os.environ["OMP_NUM_THREADS"])


def test_python_m_posekit_is_the_program(tmp_path: Path) -> None:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    module = [sys.executable, "-m", "posekit"]
    for arguments in (["--help"], ["--version"], ["estimate"], ["inspect", str(tmp_path / "none.pt")]):
        direct, through = run(str(PROGRAM), *arguments), run(*module, *arguments)
        assert (through.returncode, through.stdout, through.stderr) == (direct.returncode, direct.stdout, direct.stderr)
    done = run(*module, "estimate", str(IMAGES / "astronaut.jpg"), "--quiet")
    assert done.returncode == 0 and os.listdir(tmp_path / "posekit-out") == ["astronaut.jpg.json"]


def test_python_m_posekit_takes_the_programs_place_signals_included(tmp_path: Path) -> None:
    """It is the same process, and a signal that Python ignores has its usual meaning again."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([sys.executable, "-m", "posekit", "--help"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    direct_reader, direct_writer = os.pipe()
    os.close(direct_reader)
    direct = subprocess.Popen([str(PROGRAM), "--help"], stdout=direct_writer, stderr=subprocess.PIPE)
    os.close(direct_writer)
    process.communicate(timeout=60)
    direct.communicate(timeout=60)
    assert process.returncode == direct.returncode != 0
