"""Notes: what an exporter assumed, for the person to read."""

from __future__ import annotations

import warnings


class ExportNote(UserWarning):
    """Something that an exporter assumed and that the caller may know better."""


def note(text: str) -> None:
    """Issues an ExportNote; the command line prints it."""
    warnings.warn(text, ExportNote, stacklevel=3)
