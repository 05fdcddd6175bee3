"""Results as tables: Arrow, pandas, polars."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from ._errors import InvalidArgumentError
from ._extras import optional_module
from ._results import PoseResult, native_result
from ._stream import StreamResult

FORMAT = "posekit-table/1"
_BATCH_ROWS = 1 << 16
"""Rows that are gathered before they become a part of the table: Arrow is slow with small parts."""

_TEXT, _NAME, _WHOLE, _INDEX, _REAL, _SCORE = "string", "dictionary", "int64", "int32", "float64", "float32"
COLUMNS = {
    "result": _WHOLE,
    "path": _NAME,
    "frame": _WHOLE,
    "time_s": _REAL,
    "width": _INDEX,
    "height": _INDEX,
    "box_index": _WHOLE,
    "track_id": _WHOLE,
    "x1": _REAL,
    "y1": _REAL,
    "x2": _REAL,
    "y2": _REAL,
    "box_score": _SCORE,
    "keypoint_index": _INDEX,
    "keypoint": _NAME,
    "x": _SCORE,
    "y": _SCORE,
    "score": _SCORE,
    "error_code": _NAME,
    "error": _TEXT,
}
"""The columns and their Arrow types, in order: docs/results.md has their meanings."""


def results_table(results: Iterable[PoseResult | StreamResult]) -> Any:
    """The results as one pyarrow.Table, with the same columns always: a row for each keypoint of each person.

    results: of any images, models and streams, for example the iterator of posekit.estimate; one after the other, none is kept.

    An error is a row too: of a box with its box_index, of an image without one. A result with neither people nor errors is one row without
    them, so that each result has rows. The column `result` counts the results from 0. Coordinates are pixels of the image, (0, 0) at the centre
    of the top-left one. docs/results.md has the columns; the schema's metadata name their format, posekit-table/1.

    Raises ImportError without pyarrow (``pip install "posekit[tables]"``), InvalidArgumentError if a result's arrays were changed and do not
    fit together, and what `results` raises.
    """
    arrow = optional_module("pyarrow", "tables")
    schema = table_schema()
    table = arrow.Table.from_batches(_batches(arrow, schema, results), schema)
    return table.unify_dictionaries().combine_chunks()


def data_frame(table: Any, kind: Literal["pandas", "polars"] | None) -> Any:
    """The table as a data frame. kind: None = pandas if it is there, else polars."""
    if kind not in (None, "pandas", "polars"):
        raise InvalidArgumentError(f'kind {kind!r} was given, "pandas", "polars" or None is expected')
    if kind is None:
        kind = "polars" if importlib.util.find_spec("pandas") is None and importlib.util.find_spec("polars") is not None else "pandas"
    library = optional_module(kind, "tables" if kind == "pandas" else "polars")
    if kind == "polars":
        return library.from_arrow(table)
    arrow = optional_module("pyarrow", "tables")
    whole = {arrow.int64(): library.Int64Dtype(), arrow.int32(): library.Int32Dtype()}  # else a missing value makes floats of the others
    return table.to_pandas(types_mapper=whole.get)


def table_schema() -> Any:
    """The schema of posekit-table/1."""
    arrow = optional_module("pyarrow", "tables")
    types = {name: arrow.dictionary(arrow.int32(), arrow.string()) if kind == _NAME else getattr(arrow, kind)() for name, kind in COLUMNS.items()}
    return arrow.schema(list(types.items()), metadata={"format": FORMAT})


def _batches(arrow: Any, schema: Any, results: Iterable[PoseResult | StreamResult]) -> Iterator[Any]:
    rows: list[dict[str, Any]] = []
    count = 0
    for number, one in enumerate(results):
        for part in _parts(number, one.result if isinstance(one, StreamResult) else one):
            rows.append(part)
            count += part["rows"]
        if count >= _BATCH_ROWS:
            yield _batch(arrow, schema, rows)
            rows, count = [], 0
    if rows:
        yield _batch(arrow, schema, rows)


def _batch(arrow: Any, schema: Any, parts: list[dict[str, Any]]) -> Any:
    """The parts below each other. A column that a part lacks is null there; a single value counts for all its rows."""
    counts = [part["rows"] for part in parts]

    def column(field: Any) -> Any:
        values = [part.get(field.name) for part in parts]
        if not arrow.types.is_dictionary(field.type) and field.type != arrow.string():
            missing = np.repeat([value is None for value in values], counts)
            spread = [np.broadcast_to(0 if value is None else value, count) for value, count in zip(values, counts)]
            return arrow.array(np.concatenate(spread), field.type, mask=missing)
        texts: list[str | None] = []
        for value, count in zip(values, counts):
            texts += value if isinstance(value, list) else [value] * count
        found = arrow.array(texts, arrow.string())
        return found.dictionary_encode() if arrow.types.is_dictionary(field.type) else found

    return arrow.record_batch([column(field) for field in schema], schema)


def _parts(number: int, result: PoseResult) -> Iterator[dict[str, Any]]:
    """A result's rows in parts: of its people, the image's own error, each bad box; or that there is nothing."""
    native_result(result)  # raises where the arrays don't fit together
    width, height = result.image_size
    image = {
        "result": number,
        "path": None if result.path is None else _text(result.path),
        "frame": result.frame,
        "time_s": result.time_s,
        "width": width,
        "height": height,
    }
    people, count = result.scores.shape
    if people:
        yield image | _columns_of_people(result, people, count)
    if result.error is not None:
        yield image | {"rows": 1, "error_code": result.error.code.name.lower(), "error": _text(str(result.error))}
    for bad in result.box_errors:
        yield image | {"rows": 1, "box_index": bad.box_index, "error_code": bad.code.name.lower(), "error": _text(bad.message)}
    if not people and result.error is None and not result.box_errors:
        yield image | {"rows": 1}


def _columns_of_people(result: PoseResult, people: int, count: int) -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.repeat(result.boxes[:, i], count) for i, name in enumerate(("x1", "y1", "x2", "y2"))}
    return columns | {
        "rows": people * count,
        "box_index": np.repeat(result.box_indices, count),
        "track_id": None if result.track_ids is None else np.repeat(result.track_ids, count),
        "box_score": np.repeat(result.box_scores, count),
        "keypoint_index": np.tile(np.arange(count), people),
        "keypoint": result.keypoint_names * people,
        "x": result.keypoints[..., 0].ravel(),
        "y": result.keypoints[..., 1].ravel(),
        "score": result.scores.ravel(),
    }


def _text(text: str) -> str:
    """A path or message as UTF-8: bytes that are none are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
