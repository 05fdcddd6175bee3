"""The exceptions: one class for each error code, which also is what Python users expect (ValueError, FileNotFoundError, TimeoutError, …)."""

from __future__ import annotations

import enum


class ErrorCode(enum.IntEnum):
    """What kind of thing went wrong; names and numbers are those of C++ and C."""

    OK = 0
    INVALID_ARGUMENT = 1
    NOT_FOUND = 2
    UNSUPPORTED_MODEL = 3
    INVALID_MODEL = 4
    DEVICE_UNAVAILABLE = 5
    OUT_OF_MEMORY = 6
    IO = 7
    CANCELLED = 8
    DEADLINE_EXCEEDED = 9
    FORKED = 10
    CLOSED = 11
    INTERNAL = 12


class Error(RuntimeError):
    """Every exception of posekit's own. The text says what is wrong, which value, what was expected and what to do."""

    code: ErrorCode = ErrorCode.INTERNAL


class InvalidArgumentError(Error, ValueError):
    """A value of the caller's is outside what is allowed."""

    code = ErrorCode.INVALID_ARGUMENT


class NotFoundError(Error, FileNotFoundError):
    """A file, preset, keypoint set or keypoint of that name does not exist."""

    code = ErrorCode.NOT_FOUND


class UnsupportedModelError(Error):
    """A sound file of a kind posekit does not run."""

    code = ErrorCode.UNSUPPORTED_MODEL


class InvalidModelError(Error):
    """A broken model file, or metadata that contradicts it."""

    code = ErrorCode.INVALID_MODEL


class DeviceUnavailableError(Error):
    """The device asked for is not there, or is lost."""

    code = ErrorCode.DEVICE_UNAVAILABLE


class OutOfMemoryError(Error, MemoryError):
    """Host or device memory ran out."""

    code = ErrorCode.OUT_OF_MEMORY


class IoError(Error, OSError):
    """Reading or writing failed."""

    code = ErrorCode.IO


class CancelledError(Error):
    """The caller asked to stop."""

    code = ErrorCode.CANCELLED


class DeadlineExceededError(Error, TimeoutError):
    """The call's timeout has passed."""

    code = ErrorCode.DEADLINE_EXCEEDED


class ForkedError(Error):
    """The object was made before fork() and is used in the child, or Torch could hang in this child."""

    code = ErrorCode.FORKED


class ClosedError(Error):
    """The object takes no more work."""

    code = ErrorCode.CLOSED


class InternalError(Error):
    """A defect of posekit's own, or an error that Torch gives no better name."""

    code = ErrorCode.INTERNAL


_CLASSES = {kind.code: kind for kind in Error.__subclasses__()}


def error_of(code: int, message: str) -> Error:
    """The exception of a code."""
    return _CLASSES[ErrorCode(code)](message)
