"""Types: the package and a program that uses it are clean under mypy --strict, and the stubs are complete."""

from __future__ import annotations

import ast
import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import posekit
import pytest
from conftest import ROOT
from posekit import _core

PACKAGES = Path(posekit.__file__).parents[1]
SAMPLE = Path(__file__).with_name("usage_sample.py")


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=PACKAGES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy has learnt of numpy and torch, for all tests."""
    return str(tmp_path_factory.mktemp("mypy"))


def test_the_package_is_clean_under_mypy(cache: str) -> None:
    run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", cache, "-p", "posekit")


def test_a_program_that_uses_it_is_clean_under_mypy(cache: str) -> None:
    run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", cache, str(SAMPLE))


def test_a_wrong_use_is_found_by_mypy(tmp_path: Path, cache: str) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import posekit\nposekit.PoseEstimator('a.pt', precision='fp8')\nposekit.PoseEstimator('a.pt').estimate('b.jpg', [])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, str(wrong)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGES,
    )
    assert "wrong.py:2: error" in done.stdout and "wrong.py:3: error" in done.stdout


# What stubtest says of every pybind11 class, and of aliases that only types need.
EXPECTED = re.compile(
    r"posekit\.(_core|_io)\.(\w+ is inconsistent, metaclass differs|\w+\.__init__ is inconsistent, stub does not have \*args parameter \"args\"|"
    r"MetadataChoice is not present at runtime)"
)


def complaints(stubs: Path) -> list[str]:
    """What stubtest finds between these stubs and the native modules."""
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "posekit._core", "posekit._io"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PACKAGES, env=os.environ | {"MYPYPATH": str(stubs)})
    assert "posekit._core.KeypointSet is inconsistent, metaclass differs" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if not EXPECTED.match(line)]


def test_the_stubs_of_the_native_modules_are_complete() -> None:
    assert complaints(PACKAGES) == []


def test_a_name_that_a_stub_leaves_out_or_makes_up_is_found(tmp_path: Path) -> None:
    package = tmp_path / "posekit"
    package.mkdir()
    for file in (ROOT / "python/posekit").glob("*.py*"):
        text = file.read_text()
        if file.name == "_core.pyi":
            text = text.replace("def provenance(", "def origin_story(")
        (package / file.name).write_text(text)
    found = "\n".join(complaints(tmp_path))
    assert "KeypointSet.provenance is not present in stub" in found and "KeypointSet.origin_story is not present at runtime" in found


def test_the_typed_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(SAMPLE), run_name="__main__")


def text_of(name: str, thing: object) -> str:
    """The documentation without the signature that pybind11 writes before it, and that a dataclass makes up in its place."""
    text = thing.__doc__ or ""
    return (text.partition("\n")[2] if text.startswith(f"{name}(") else text).strip()


def test_every_public_name_is_there_and_documented() -> None:
    public = {name for name in vars(posekit) if not name.startswith("_")}
    assert public == set(posekit.__all__)
    for name in posekit.__all__:
        thing = getattr(posekit, name)
        assert text_of(name, thing), name
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert text_of(member, value), f"{name}.{member}"


def test_the_stubs_have_the_text_of_what_is_public() -> None:
    """Editors show the stub's text, help() the native module's: both begin with the same words."""

    def check(node: ast.ClassDef | ast.FunctionDef, thing: object, name: str) -> None:
        text = ast.get_docstring(node)
        assert text, name
        assert text_of(node.name, thing).split("\n\n")[0].split() == text.split("\n\n")[0].split(), name

    stub = ast.parse((ROOT / "python/posekit/_core.pyi").read_text())
    seen = set()
    for node in stub.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or getattr(posekit, node.name, None) is not getattr(_core, node.name):
            continue
        seen.add(node.name)
        check(node, getattr(_core, node.name), node.name)
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                check(member, getattr(getattr(_core, node.name), member.name), f"{node.name}.{member.name}")
    assert seen == {name for name in posekit.__all__ if getattr(posekit, name) is getattr(_core, name, None)}
    assert {"KeypointSet", "ModelInfo", "set_log_callback"} <= seen
