"""posekit estimate --format parquet: the program writes its table, which becomes a Parquet file."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ._extras import optional_module
from ._tables import table_schema

_ROW_GROUP = 10_000
"""Rows of a row group, which is what readers skip or take as a whole."""


def is_wanted(arguments: Sequence[str]) -> bool:
    """Whether the program's arguments ask for Parquet."""
    return arguments[:1] == ["estimate"] and _parsed(arguments)[0].format == "parquet"


def run(program: Path, arguments: Sequence[str]) -> int:
    """Runs the program, and makes `results.parquet` of its `results.csv`. Returns the exit code."""
    options, others = _parsed(arguments)
    if options.output == "-":
        return _failed(2, "Parquet is a file and can't be on standard output: pass -o FOLDER")
    table, csv = (Path(options.output) / f"results.{kind}" for kind in ("parquet", "csv"))
    if csv.exists():
        return _failed(2, f'"{csv}" is there, and Parquet is made by way of this name: move it, or choose another folder with -o')
    if table.exists() and not options.overwrite:
        return _failed(2, f'"{table}" already exists: add --overwrite or choose another folder with -o')
    try:
        optional_module("pyarrow", "tables")
    except ImportError as error:
        return _failed(1, str(error))
    overwrite = ["--overwrite"] if options.overwrite else []
    command, *inputs = others  # what follows -- is no option
    code = _call([str(program), command, "--format", "csv", "-o", options.output, *overwrite, *inputs])
    if not csv.exists():  # a run that was not ended: the program has said why
        return code
    try:
        _convert(csv, table, options.overwrite)
    except FileExistsError:
        return _failed(1, f'"{table}" is there now, another run has written it: run again with --overwrite or another folder with -o')
    except OSError as error:
        return _failed(1, f'"{table}" can\'t be written ({error.strerror}): check the disk')
    finally:
        csv.unlink()
    return code


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--format")
    parser.add_argument("-o", "--output", default="posekit-out")
    parser.add_argument("--overwrite", action="store_true")
    try:
        return parser.parse_known_args(arguments)
    except argparse.ArgumentError:  # an option without its value: the program says so
        return argparse.Namespace(format=None), []


def _failed(code: int, message: str) -> int:
    print(f"posekit: {message}", file=sys.stderr)
    return code


def _call(command: Sequence[str]) -> int:
    """Runs a command. It is in a session of its own: it gets each signal once, from here."""
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _: Any) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    numbers = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN]  # nohup ignores one
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        process = subprocess.Popen(command, start_new_session=True)
        for number in early:
            process.send_signal(number)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _convert(csv: Path, table: Path, overwrite: bool) -> None:
    """Block by block, into a temporary file beside the table, which then gets its name. Raises FileExistsError if that is taken meanwhile."""
    parquet = optional_module("pyarrow.parquet", "tables")
    number, name = tempfile.mkstemp(prefix=".posekit-", suffix=".parquet", dir=table.parent)
    try:
        with os.fdopen(number, "wb") as file:
            with parquet.ParquetWriter(file, table_schema()) as writer:
                for group in _groups(csv):
                    writer.write_table(group, row_group_size=_ROW_GROUP)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, csv.stat().st_mode)
        if table.exists() and not overwrite:
            raise FileExistsError(table)
        os.replace(name, table)
    except BaseException:
        os.unlink(name)
        raise


def _groups(csv: Path) -> Iterator[Any]:
    """The rows of the file, one row group at a time."""
    arrow, reader = (optional_module(name, "tables") for name in ("pyarrow", "pyarrow.csv"))
    schema = table_schema()
    plain = {field.name: field.type.value_type if arrow.types.is_dictionary(field.type) else field.type for field in schema}
    options = reader.ConvertOptions(column_types=plain, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False)
    with reader.open_csv(csv, parse_options=reader.ParseOptions(newlines_in_values=True), convert_options=options) as blocks:
        rest = arrow.schema(list(plain.items())).empty_table()
        for block in blocks:
            rest = arrow.concat_tables([rest, arrow.Table.from_batches([block])])
            while rest.num_rows >= _ROW_GROUP:
                yield rest.slice(0, _ROW_GROUP).cast(schema)
                rest = rest.slice(_ROW_GROUP)
        if rest.num_rows:
            yield rest.cast(schema)
