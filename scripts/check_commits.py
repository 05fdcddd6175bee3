#!/usr/bin/env python3
"""Checks commit messages: `scope: imperative` in at most 70 characters, an empty line, a body that says why.

    check_commits.py [RANGE]    RANGE defaults to origin/main..HEAD, or to the last commit where that is empty; merges are left out
    ln -s ../../scripts/check_commits.py .git/hooks/commit-msg    then git checks each message as it is written

Prints what is wrong, one line each, and exits with 1.
"""

import pathlib
import re
import subprocess
import sys

LONGEST_SUBJECT = 70
FEWEST_WORDS = 8  # of a body: fewer say no reason
SCOPES = re.compile(r"[a-z0-9_.+-]+(, [a-z0-9_.+-]+)*: ")
TRAILER = re.compile(r"[A-Z][a-z]+(-[a-z]+)+: \S")  # Reviewed-by: and the like
# "Added", "adding" and "adds" are not imperatives. These words end like them and are.
PAST = re.compile(r"[a-z]{2,}(ed|ing)")
IMPERATIVES = {"bring", "embed", "exceed", "feed", "need", "ping", "proceed", "seed", "shed", "spring", "string", "succeed", "swing", "wed"}
THIRD_PERSON = {"adds", "changes", "fixes", "gives", "lets", "makes", "moves", "removes", "renames", "takes", "tests", "updates", "uses"}


def problems_of(message):
    """What is wrong with a message: a list of sentences."""
    lines = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines or not lines[0]:
        return ["there is no subject"]
    subject, problems = lines[0], []
    if len(subject) > LONGEST_SUBJECT:
        problems.append(f"the subject has {len(subject)} characters, at most {LONGEST_SUBJECT} are expected")
    scopes = SCOPES.match(subject)
    if not scopes:
        problems.append("the subject does not begin with its scope, as in 'lib: say which file is missing'")
    else:
        first = subject[scopes.end() :].partition(" ")[0].lower()
        if first in THIRD_PERSON or (PAST.fullmatch(first) and first not in IMPERATIVES):
            problems.append(f"'{first}' is not an imperative, as in 'lib: say which file is missing'")
    if subject.endswith("."):
        problems.append("the subject ends with a full stop")
    if len(lines) > 1 and lines[1]:
        problems.append("the line below the subject is not empty")
    words = " ".join(line for line in lines[1:] if not TRAILER.match(line)).split()
    if len(words) < FEWEST_WORDS:
        problems.append(f"the body has {len(words)} words: it says why, and how it was tested, in at least {FEWEST_WORDS}")
    return problems


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def default_range():
    counted = git("rev-list", "--count", "origin/main..HEAD")
    return "origin/main..HEAD" if counted.returncode == 0 and int(counted.stdout) > 0 else "-1"


def messages_of(commits):
    log = git("log", "--no-merges", "--format=%h%x00%B%x01", commits, "--")
    if log.returncode != 0:
        sys.exit(f"check_commits: {log.stderr.strip()}")
    entries = [entry.strip().partition("\0") for entry in log.stdout.split("\x01") if entry.strip()]
    return [(name, message) for name, _, message in entries]


def main():
    if pathlib.Path(sys.argv[0]).name == "commit-msg":
        text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
        messages = [("this message", text.partition("# ------------------------ >8")[0])]
    else:
        messages = messages_of(sys.argv[1] if len(sys.argv) > 1 else default_range())
    wrong = [f"{name}: {problem}" for name, message in messages for problem in problems_of(message)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(messages)} commit messages are as CONTRIBUTING.md asks")


if __name__ == "__main__":
    main()
