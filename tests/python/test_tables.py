"""Tables: one schema for all results, the same values as the documents of JSON, read back by the libraries that they are for."""

from __future__ import annotations

import importlib.util
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import posekit
import pytest
from conftest import COCO, made
from message_form import check_message_form
from posekit import _extras

pyarrow = pytest.importorskip("pyarrow")
TWO = posekit.subset(COCO, [9, 0])


def rows_of(number: int, result: posekit.PoseResult) -> list[dict[str, Any]]:
    """What the table should have, made of the JSON document by the words of docs/results.md."""
    document = result.to_dict()
    taken = {name: document["image"].get(name) for name in ("frame", "time_s")}
    image = {"result": number, "path": result.path, **taken, "width": 640, "height": 480}
    nothing = dict.fromkeys(
        ("box_index", "track_id", "x1", "y1", "x2", "y2", "box_score", "keypoint_index", "keypoint", "x", "y", "score", "error_code", "error")
    )
    rows = []
    for person in document["instance_info"]:
        corners = dict(zip(("x1", "y1", "x2", "y2"), person["bbox"]))
        whole = {"box_index": person["box_index"], "box_score": person["bbox_score"], "track_id": person.get("track_id"), **corners}
        for index, name in enumerate(document["meta_info"]["keypoint_names"]):
            x, y = person["keypoints"][index]
            point = {"keypoint_index": index, "keypoint": name, "x": x, "y": y, "score": person["keypoint_scores"][index]}
            rows.append(image | nothing | whole | point)
    for error in document.get("errors", []):
        rows.append(image | nothing | {"box_index": error.get("box_index"), "error_code": error["code"], "error": error["message"]})
    return rows or [image | nothing]


BAD_BOX = posekit.BoxError(3, posekit.ErrorCode.INVALID_ARGUMENT, "box 3: made up")
RESULTS = {
    "nobody": lambda: made(0),
    "one": lambda: made(1, path="a.jpg"),
    "several, of a video": lambda: made(3, path="é.mp4", frame=7, time_s=0.25, track_ids=np.array([4, 1, 9])),
    "another set": lambda: made(2, TWO),
    "a bad box": lambda: made(1, box_errors=[BAD_BOX]),
    "only a bad box": lambda: made(0, box_errors=[BAD_BOX]),
    "a bad image": lambda: made(0, path="b.jpg", error=posekit.IoError("b.jpg is broken")),
    "a passed timeout": lambda: made(1, box_errors=[BAD_BOX], error=posekit.DeadlineExceededError("late")),
}


def assert_same(table: Any, rows: list[dict[str, Any]]) -> None:
    """Numbers of JSON are the shortest that read back as the same float32."""
    assert table.num_rows == len(rows) and table.column_names == list(rows[0])
    for row, wanted in zip(table.to_pylist(), rows):
        for name, value in wanted.items():
            found = np.float32(row[name]) if table.schema.field(name).type == pyarrow.float32() and value is not None else row[name]
            assert found == (np.float32(value) if isinstance(found, np.float32) else value), name


@pytest.mark.parametrize("kind", RESULTS)
def test_a_results_table_has_the_values_of_its_document(kind: str) -> None:
    result = RESULTS[kind]()
    assert_same(result.to_arrow(), rows_of(0, result))


def test_a_table_of_many_results_is_theirs_in_order_whatever_they_are() -> None:
    results = [make() for make in RESULTS.values()]
    table = posekit.results_table(iter(results))
    assert_same(table, [row for number, result in enumerate(results) for row in rows_of(number, result)])
    assert table.schema.metadata == {b"format": b"posekit-table/1"}
    for part in (posekit.results_table([]), *(result.to_arrow() for result in results)):
        assert part.schema.equals(table.schema, check_metadata=True)
    assert pyarrow.concat_tables(result.to_arrow() for result in results).num_rows == table.num_rows
    assert posekit.results_table([]).num_rows == 0


def test_a_table_of_more_rows_than_a_part_holds_lacks_none() -> None:
    count = 70_000 // len(COCO)
    table = posekit.results_table(made(1) for _ in range(count))
    assert table.num_rows == count * len(COCO)
    assert table["result"].to_pylist() == [number for number in range(count) for _ in range(len(COCO))]
    assert set(table["keypoint"].to_pylist()) == set(COCO.names)


def test_results_that_are_made_into_a_table_are_not_kept() -> None:
    """A result with large arrays leaves no more than its rows behind."""

    def results() -> Iterator[posekit.PoseResult]:
        for _ in range(60):
            one = made(0, box_errors=[BAD_BOX])
            one.keypoint_ballast = np.ones(1_000_000, np.uint8)  # type: ignore[attr-defined]
            yield one

    tracemalloc.start()
    try:
        posekit.results_table(results())
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_streams_results_have_their_frames(estimator: posekit.PoseEstimator, photo: Any) -> None:
    frames = [(photo, 0.5 * i, [[24, 8, 375, 511]]) for i in range(3)]
    table = posekit.results_table(posekit.Stream(frames, estimator))
    assert list(dict.fromkeys(zip(table["frame"].to_pylist(), table["time_s"].to_pylist()))) == [(0, 0.0), (1, 0.5), (2, 1.0)]


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    result = made(2)
    result.scores = result.scores[:, :5]
    with pytest.raises(posekit.InvalidArgumentError, match="don't fit together"):
        result.to_arrow()


def test_names_that_are_not_utf_8_are_in_the_table() -> None:
    result = made(0, path="caf\udce9.jpg", error=posekit.IoError("caf\udce9.jpg is broken"))
    (row,) = result.to_arrow().to_pylist()
    assert row["path"] == "caf\ufffd.jpg" and row["error"] == "caf\ufffd.jpg is broken"


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_data_frames_have_the_rows_and_missing_values_of_the_table(kind: Any) -> None:
    library = pytest.importorskip(kind)
    for make in RESULTS.values():
        result = make()
        frame = result.to_df(kind)
        assert isinstance(frame, library.DataFrame)
        back = pyarrow.Table.from_pandas(frame, preserve_index=False) if kind == "pandas" else frame.to_arrow()
        table = result.to_arrow()
        for name in table.column_names:
            assert back[name].to_pylist() == table[name].to_pylist(), name
    frame = made(3).to_df(kind)
    assert len(frame[frame.keypoint == "nose"] if kind == "pandas" else frame.filter(library.col("keypoint") == "nose")) == 3


@pytest.mark.parametrize(
    ("there", "expected"), [(("pandas", "polars"), "pandas"), (("polars",), "polars"), (("pandas",), "pandas")], ids=str
)
def test_a_data_frame_is_of_the_library_that_is_there(there: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    pytest.importorskip(expected)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: find(name) if name in there else None)
    assert type(made(1).to_df()).__module__.startswith(expected)


@pytest.mark.parametrize("people", [0, 1, 3])
def test_supervision_reads_the_people(people: int) -> None:
    supervision = pytest.importorskip("supervision")
    result = made(people)
    found = result.to_supervision()
    assert isinstance(found, supervision.KeyPoints) and len(found) == people
    for number, (xy, confidence, _, _) in enumerate(found):
        assert np.array_equal(xy, result.keypoints[number]) and np.array_equal(confidence, result.scores[number])
    assert np.array_equal(found.detection_confidence, result.box_scores)
    scene = np.zeros((480, 640, 3), np.uint8)
    edges = [(a + 1, b + 1) for a, b in result.skeleton_links]
    assert supervision.EdgeAnnotator(edges=edges).annotate(scene, found).any() == (people > 0)
    found.xy[...] = -1  # it has arrays of its own
    assert (result.keypoints >= 0).all()


@pytest.mark.parametrize("people", [0, 2])
def test_fiftyones_dictionary_has_the_form_of_its_documentation(people: int) -> None:
    """docs.voxel51.com, Keypoints: a label's list of points in [0, 1] x [0, 1] and a confidence for each."""
    result = made(people, track_ids=np.array([7, 0])[:people])
    document = json.loads(json.dumps(result.to_fiftyone()))
    assert document.keys() == {"_cls", "keypoints"} and document["_cls"] == "Keypoints" and len(document["keypoints"]) == people
    for number, one in enumerate(document["keypoints"]):
        assert one["_cls"] == "Keypoint" and one["label"] == "person" and one.get("index") == (7, None)[number]
        back = np.array(one["points"]) * (640, 480) - 0.5
        assert np.allclose(back, result.keypoints[number], atol=1e-3)
        assert np.array_equal(np.float32(one["confidence"]), result.scores[number])


@pytest.mark.parametrize(
    ("missing", "extra", "use"),
    [
        ("supervision", "supervision", lambda: made(1).to_supervision()),
        ("pyarrow", "tables", lambda: made(1).to_arrow()),
        ("pyarrow", "tables", lambda: posekit.results_table([])),
        ("pandas", "tables", lambda: made(1).to_df("pandas")),
        ("polars", "polars", lambda: made(1).to_df("polars")),
    ],
)
def test_a_missing_package_is_named_with_its_extra(missing: str, extra: str, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load = _extras.importlib.import_module

    def load_others(name: str) -> Any:
        if name == missing:
            raise ImportError(f"No module named '{name}'")
        return load(name)

    monkeypatch.setattr("importlib.import_module", load_others)
    with pytest.raises(ImportError, match=f'pip install "posekit\\[{extra}\\]"') as caught:
        use()
    check_message_form(caught.value, missing)


def test_a_data_frame_of_another_kind_is_refused() -> None:
    with pytest.raises(posekit.InvalidArgumentError, match='"pandas", "polars"') as caught:
        made(1).to_df("arrow")  # type: ignore[arg-type]
    check_message_form(caught.value, "kind", "'arrow'")
