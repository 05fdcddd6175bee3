"""Imports torch, and refuses another minor version than posekit was built for: its C++ interface changes between minor versions."""

from ._build import TORCH_VERSION


def _minor(version: str) -> str:
    return ".".join(version.split("+")[0].split(".")[:2])


def check(found: str, built_for: str = TORCH_VERSION) -> None:
    """Raises ImportError that says what to do if the two have different minor versions."""
    if _minor(found) != _minor(built_for):
        wanted = _minor(built_for)
        raise ImportError(
            f"posekit was built for torch {wanted}, but torch {found} is installed: install torch {wanted} (pip install 'torch=={wanted}.*'), "
            "or build posekit for torch {found} (pip install --force-reinstall --no-deps --no-cache-dir . in its source folder)"
        )


try:
    import torch
except ImportError as error:
    raise ImportError(
        f"posekit needs torch {_minor(TORCH_VERSION)}, which can't be imported ({error}): install it (pip install 'torch=={_minor(TORCH_VERSION)}.*')"
    ) from error

check(torch.__version__)
