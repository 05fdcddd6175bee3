"""The wheel: what is in it, that it installs beside a torch that is there, runs, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from conftest import IMAGES, ROOT

BUILD = os.environ.get("POSEKIT_WHEEL_BUILD")
pytestmark = pytest.mark.skipif(not BUILD, reason="POSEKIT_WHEEL_BUILD names no folder to build in")


def run(*command: object, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=ROOT, env=clean | environment)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-5000:]}{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by this interpreter's pip, without build isolation, in the build folder, as users build it: so ccache has most of it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        ".",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        folder,
        "-C",
        f"build-dir={BUILD}",
        *(("-C", "cmake.define.POSEKIT_WERROR=ON") if os.environ.get("POSEKIT_WHEEL_WERROR") == "ON" else ()),
    )
    return next(folder.glob("posekit-*.whl"))


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment that sees this one's packages, torch among them, with the wheel installed."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "others.pth").write_text(sysconfig.get_path("platlib") + "\n")
    run(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    return folder


def test_the_wheel_holds_the_package_the_program_and_the_models_and_no_foreign_library(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    package = ROOT / "python/posekit"
    source = {f"posekit/{path.relative_to(package)}" for path in package.rglob("*.*") if path.suffix in (".py", ".pyi", ".typed")}
    models = {
        f"posekit/share/posekit/models/{name}"
        for name in ("person_detector.pt", "pose_landmark_full.pt", "pose_landmark_lite.pt", "PROVENANCE.md", "LICENSE.ssdlite")
    }
    info = {name for name in names if re.match(r"posekit-[\d.]+\.dist-info/", name)}
    version = re.search(r"project\(posekit VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert version
    so, minor = (".".join(text.split(".")[:2]) for text in (version[1], torch.__version__))
    libraries = {f"posekit/lib/libposekit{name}" for name in (f".so.{so}", f"_io.so.{so}", f"_torch-{minor}.so", "_video.so")}
    expected = source | models | libraries | {f"posekit/_core{suffix}", f"posekit/_io{suffix}", "posekit/bin/posekit"}
    assert set(names) - info == expected
    assert f"\nVersion: {version[1]}\n" in metadata
    assert {
        line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line
    } == {"numpy<3,>=1.26", "torch"}
    print(f"{wheel.name}: {wheel.stat().st_size} bytes")


def test_the_source_distribution_holds_what_is_built_from_and_nothing_that_was_built(tmp_path: Path) -> None:
    run(sys.executable, "-c", f"from scikit_build_core.build import build_sdist; build_sdist({str(tmp_path)!r})")
    with tarfile.open(next(tmp_path.glob("posekit-*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = [
        path for folder in ("cmake", "include", "lib", "python", "examples/cli") for path in (ROOT / folder).rglob("*.*") if path.is_file()
    ]
    assert {str(path.relative_to(ROOT)) for path in needed if "__pycache__" not in path.parts} <= names
    assert {"CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "examples/models/person_detector.pt"} <= names
    assert not [name for name in names if re.match(r"build|\.venv|tests|posekit-out", name) or name.endswith((".so", ".o", ".pyc"))]


def test_each_part_finds_the_others_and_only_two_libraries_ask_for_torch_and_opencv(venv: Path) -> None:
    package = next(venv.glob("lib/python3*/site-packages/posekit"))
    parts = [*package.glob("*.so"), *package.glob("lib/*"), package / "bin/posekit"]
    assert len(parts) == 7
    for part in parts:
        dynamic = run("readelf", "-d", part)
        paths = re.findall(r"\(RUNPATH\).*\[(.*)\]", dynamic)
        needed = set(re.findall(r"\(NEEDED\).*\[lib(posekit|torch|c10|opencv)", dynamic))
        if part.name.startswith("libposekit_torch"):
            assert paths == ["$ORIGIN:$ORIGIN/../../torch/lib"] and needed == {"posekit", "torch", "c10"}, part
        elif part.name == "libposekit_video.so":
            assert paths == ["$ORIGIN"] and needed == {"opencv"}, part
        else:
            assert paths == [{"lib": "$ORIGIN", "bin": "$ORIGIN/../lib"}.get(part.parent.name, "$ORIGIN/lib")], part
            assert needed <= {"posekit"}, part
    symbols = run("nm", "-D", "--defined-only", next(package.glob("_core*.so"))).split()[2::3]
    assert symbols == ["PyInit__core"]


def test_the_installed_package_estimates_reads_and_draws(venv: Path) -> None:
    code = f"""
import posekit, pathlib
assert pathlib.Path(posekit.__file__).is_relative_to({str(venv)!r})
image = posekit.read_image({str(IMAGES / "people.jpg")!r})
result = posekit.PoseEstimator().estimate(image, posekit.PersonDetector().detect(image))
print(len(result), posekit.draw_poses(image, result).shape == image.shape)
"""
    people, drawn = run(venv / "bin/python", "-c", code).split()
    assert int(people) > 0 and drawn == "True"


@pytest.mark.parametrize("start", [["bin/python", "-m", "posekit"], ["bin/posekit"]], ids=["module", "script"])
def test_the_installed_program_runs_with_the_shipped_models(start: list[str], venv: Path, tmp_path: Path) -> None:
    program = [venv / start[0], *start[1:]]
    assert "estimate" in run(*program, "--help")
    run(*program, "estimate", IMAGES / "astronaut.jpg", "-o", tmp_path, "--draw", "--quiet", POSEKIT_MODELS="")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["astronaut.jpg.json", "astronaut.jpg.pose.jpg"]


def test_uninstalling_leaves_nothing_behind(venv: Path) -> None:
    run(sys.executable, "-m", "pip", "--python", venv / "bin/python", "uninstall", "--yes", "posekit")
    left = list(venv.rglob("*posekit*"))
    assert left == []
