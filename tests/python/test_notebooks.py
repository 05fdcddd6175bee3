"""The notebooks of examples/notebooks: they run as they are, and their outputs are not in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
for module in ("ipykernel", "cv2", "matplotlib", "pandas", "PIL", "pyarrow", "pycocotools"):
    pytest.importorskip(module)

NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))
PICTURES = {"first_minutes": 3, "video_and_tracking": 2, "your_model_and_its_ap": 1}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(PICTURES)


def test_outputs_are_cleared(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, cell.source


def outputs_of(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_a_notebook_runs_without_a_warning_and_shows_its_pictures(path: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = outputs_of(notebook)
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == PICTURES[path.stem] and all(len(picture.data["image/png"]) > 5000 for picture in pictures)


def test_a_notebook_that_fails_is_found(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("assert False")])
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
