"""Optional packages: imported when they are first used, with a message that names the extra that brings them."""

from __future__ import annotations

import importlib
from typing import Any


def optional_module(name: str, extra: str) -> Any:
    """The module of a package that posekit does not need itself. extra: of pyproject.toml, has the package."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f'the package "{name}" can\'t be imported ({error}): install the extra {extra} (pip install "posekit[{extra}]")') from error
