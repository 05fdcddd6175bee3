"""What the tests of the exporters share: tiny networks as people hold them, and the command line run in this process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from posekit.export.__main__ import main

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


def need(package: str) -> None:
    """Skips the module without a package of .venv-exporters; in CI that is a failure."""
    if importlib.util.find_spec(package) is None:
        reason = f"{package} is not installed: ./bootstrap.sh setup --exporters"
        if os.environ.get("CI") == "true":
            raise RuntimeError(reason)
        pytest.skip(reason, allow_module_level=True)


def need_shared(folder: Path) -> Path:
    """Reference data that is not part of a clone."""
    if not folder.is_dir():
        pytest.skip(f"no {folder}, which is not part of a clone", allow_module_level=True)
    return folder


_kept: list[Any] = []
"""A library of torch's lasts as long as its object."""


def make_torchvision_importable() -> None:
    """PyPI's torchvision beside a CPU build of torch: its operators don't load, so its import fails. Processors need only the part in Python, which
    runs once the operators' names are declared. To be called before transformers is imported."""
    spec = importlib.util.find_spec("torchvision")
    assert spec and spec.submodule_search_locations
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        text = Path(spec.submodule_search_locations[0], "_meta_registrations.py").read_text()
        library = torch.library.Library("torchvision", "FRAGMENT")
        _kept.append(library)
        for name in sorted(set(re.findall(r"torchvision::(\w+)", text)) | set(re.findall(r'register_meta\("(\w+)"', text))):
            library.define(f"{name}(Tensor any) -> Tensor")
        importlib.import_module("torchvision")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


Export = Callable[..., str]


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Export:
    """Runs the command line; returns what it printed. code: the exit code that is expected."""

    def run(*words: str | Path, code: int = 0) -> str:
        found = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert found == code, printed.err
        return printed.err if code else printed.out

    return run


def listing(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
