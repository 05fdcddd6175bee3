#!/usr/bin/env python3
"""Plants commit messages with one fault each and expects scripts/check_commits.py to report it, and no other; by hook and by range too."""

import os
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/check_commits.py"
sys.path.insert(0, str(SCRIPT.parent))
import check_commits

BODY = "\n\nReaders looked for the name in vain.\nTested: the new test fails without it.\n"
SOUND = [
    "lib: say which file is missing" + BODY,
    "lib, capi: need a name for each model" + BODY,
    "cli: " + "a" * 65 + BODY,
    "docs: bring the table up to date" + BODY + "\nReviewed-by: someone\n",
    "# a comment of git's\nlib: say which file is missing" + BODY,
]
FAULTY = {  # the message: a part of what is reported
    "": "no subject",
    "lib: " + "a" * 66 + BODY: "71 characters",
    "Say which file is missing" + BODY: "scope",
    "Lib: say which file is missing" + BODY: "scope",
    "lib:say which file is missing" + BODY: "scope",
    "lib: added a name" + BODY: "'added'",
    "lib: adding a name" + BODY: "'adding'",
    "lib: adds a name" + BODY: "'adds'",
    "lib: say which file is missing." + BODY: "full stop",
    "lib: say which file is missing" + BODY[1:]: "not empty",
    "lib: say which file is missing": "0 words",
    "lib: say which file is missing\n\nIt was missing.\n": "3 words",
    "lib: say which file is missing\n\nReviewed-by: one two three four five six seven eight\n": "0 words",
    "lib: say which file is missing\n\n# one two three four five six seven eight nine\n": "0 words",
}


def check(condition, claim):
    if not condition:
        sys.exit(f"failed: {claim}")


def run(folder, *command):
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    me = {f"GIT_{role}_{key}": "nobody@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={**outside, **alone, **me})


def commit(folder, message):
    return run(folder, "git", "commit", "--allow-empty", "-q", "-m", message)


def main():
    for message in SOUND:
        check(not check_commits.problems_of(message), f"{message!r} is sound, got {check_commits.problems_of(message)}")
    for message, part in FAULTY.items():
        problems = check_commits.problems_of(message)
        check(len(problems) == 1 and part in problems[0], f"{message!r}: expected one problem with {part!r}, got {problems}")

    with tempfile.TemporaryDirectory() as folder:
        run(folder, "git", "init", "-q")
        for message in ("old", "worse", SOUND[0]):
            check(commit(folder, message).returncode == 0, "git commits")
        last = run(folder, sys.executable, SCRIPT)
        check(last.returncode == 0 and last.stdout.startswith("1 commit"), f"the last commit alone is checked, got {last}")
        run(folder, "git", "update-ref", "refs/remotes/origin/main", "HEAD~2")
        since = run(folder, sys.executable, SCRIPT)
        check(since.returncode == 1 and "scope" in since.stderr, f"what origin/main lacks is checked, got {since}")
        named = run(folder, sys.executable, SCRIPT, "HEAD~1..HEAD")
        check(named.returncode == 0, f"a range can be named, got {named}")
        check(run(folder, sys.executable, SCRIPT, "none..HEAD").returncode == 1, "a range that is not there is an error")

        (pathlib.Path(folder) / ".git/hooks/commit-msg").symlink_to(SCRIPT)
        refused = commit(folder, "lib: added a name" + BODY)
        check(refused.returncode != 0 and "'added'" in refused.stderr, f"the hook refuses, got {refused}")
        check(commit(folder, SOUND[1]).returncode == 0, "the hook lets a sound message pass")
    print(f"{len(FAULTY)} faults were found")


if __name__ == "__main__":
    main()
