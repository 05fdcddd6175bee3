"""Importing: beside torch and cv2 in any order, without OpenCV, and with another torch than the one it was built for."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import posekit
import pytest
from conftest import IMAGES, PROGRAM, Script
from message_form import problem_of_form
from posekit import _torch
from posekit._build import TORCH_VERSION

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


def test_importing_and_estimating_load_no_opencv_and_reading_an_image_does(script: Script) -> None:
    out = script("""
        import numpy as np, posekit
        def opencv(): return sum("libopencv" in line for line in open("/proc/self/maps")) > 0
        print(opencv())
        image = np.zeros((300, 300, 3), np.uint8)
        posekit.PoseEstimator().estimate(image, posekit.PersonDetector().detect(image))
        print(opencv())
        posekit.read_image("examples/images/people.jpg")
        print(opencv())
        """)
    assert out.split() == ["False", "False", "True"]


def test_the_native_module_names_no_opencv() -> None:
    core = next(Path(posekit.__file__).parent.glob("_core*.so"))
    assert "opencv" not in subprocess.run(["readelf", "-d", str(core)], capture_output=True, text=True, check=True).stdout


def test_without_opencv_reading_says_what_is_missing_and_the_rest_works(script: Script, tmp_path: Path) -> None:
    """A package whose _io asks for a library that does not exist."""
    copy = tmp_path / "packages/posekit"
    copy.mkdir(parents=True)
    for file in Path(posekit.__file__).parent.iterdir():
        if file.name.startswith("_io."):
            continue
        (copy / file.name).symlink_to(file.resolve())
    module = next(Path(posekit.__file__).parent.glob("_io.*.so"))
    data = module.read_bytes()
    needed = b"libposekit_io" if b"libposekit_io.so" in data else b"libopencv_core"
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
    assert "apt-get install" in out and reason and not problem_of_form(out, "system's OpenCV", reason), out


@pytest.mark.parametrize("other", ["2.9.1+cpu", "3.0.0", "2.1.0.dev20260101"])
def test_another_torch_is_refused_before_the_native_module_is_loaded(other: str, script: Script) -> None:
    out = script(f"""
        import sys, torch
        torch.__version__ = "{other}"
        try:
            import posekit
        except ImportError as error:
            print("posekit._core" in sys.modules, error)
        """)
    loaded, _, text = out.partition(" ")
    built = ".".join(TORCH_VERSION.split(".")[:2])
    assert loaded == "False"
    for word in (f"built for torch {built}", other, f"torch=={built}.*", "pip install"):
        assert not problem_of_form(text, "torch", word), text


def test_another_patch_of_the_same_torch_is_taken() -> None:
    minor = ".".join(TORCH_VERSION.split(".")[:2])
    for version in (f"{minor}.9", f"{minor}.0+cu130", f"{minor}.0a0+git123"):
        _torch.check(version)


def test_without_torch_importing_says_what_to_install(script: Script) -> None:
    out = script("""
        import sys
        sys.modules["torch"] = None
        try:
            import posekit
        except ImportError as error:
            print(error)
        """)
    assert "pip install" in out and not problem_of_form(out, "posekit needs torch"), out


def test_the_torch_it_was_built_for_is_the_librarys() -> None:
    assert posekit.torch_versions() == (TORCH_VERSION, TORCH_VERSION)
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
