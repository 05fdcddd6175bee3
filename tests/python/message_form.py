"""The form of an error message, as tests/support/message_form.h has it for C++: it names the thing and the value, and says what is expected or what to do."""

from __future__ import annotations

import re

LONGEST = 240
"""Characters of a message, without quoted paths and values."""
FOREIGN = re.compile(
    r"\b(told|tells?|whoever|vouches|stands|lies|goes|anew|dear|mend|young|so many|became of|hands out|is out|save for|but for)\b", re.IGNORECASE
)
REMEDY = re.compile(
    r"\b(expected|allowed|must)\b|[:,;(] (?:or )?(add|allow|call|check|choose|close|connect|convert|copy|correct|derive|export|fetch|fill|flatten|"
    r"free|give|install|keep|leave|load|lower|make|name|open|pass|process|raise|record|report|resize|restart|run|scale|see|set|split|start|submit|"
    r"turn|use|write)\b"
)


def problem_of_form(message: str, thing: str, value: str = "") -> str:
    """What is wrong with a message's form; empty where nothing is."""
    for part in (thing, value):
        if part not in message:
            return f"{part!r} is not in it"
    own = re.sub(r'"[^"]*"', "", message.replace(value, "", 1) if value else message)
    if not REMEDY.search(own):
        return "it says neither what is expected nor what to do"
    if found := FOREIGN.search(own):
        return f"it has the word {found.group()!r}"
    return "" if len(own) <= LONGEST else f"it has {len(own)} characters of its own"


def check_message_form(error: BaseException, thing: str, value: str = "") -> None:
    """Expects the message of an error to have the form."""
    problem = problem_of_form(str(error), thing, value)
    assert not problem, f"{problem}: {error}"
