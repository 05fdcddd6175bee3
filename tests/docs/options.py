#!/usr/bin/env python3
"""Makes the tables of docs/cli.md from the program's --help, so that the page lists the options that the program has.

    options.py write ROOT PROGRAM    writes the tables
    options.py check ROOT PROGRAM    shows where the page differs from --help, and fails then

A table stands between two comments, which name its command:

    <!-- options of estimate -->
    <!-- end of options -->
"""
import difflib
import pathlib
import re
import subprocess
import sys

PAGE = "docs/cli.md"
TABLE = re.compile(r"(<!-- options of (\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)
SECTION = re.compile(r"^(Positionals|Options|Subcommands):\n((?:  .*\n)*)", re.MULTILINE)
NAMES = r"(?:-\w, )?--[\w-]+(?:, --[\w-]+)*(?: \S+)?|[A-Z]+(?:\.\.\.)?|[a-z]+"  # an option and its value, an argument, a command
ENTRY = re.compile(rf"^  ({NAMES})(?: {{2,}}|\n {{20,}})(\S.*(?:\n {{20,}}\S.*)*)\n", re.MULTILINE)


def entries(program, *arguments):
    """What --help lists: a name and a text for each command, argument and option."""
    shown = subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=True).stdout
    listed = "".join(section for _, section in SECTION.findall(shown))
    found = ENTRY.findall(listed)
    if not found or ENTRY.sub("", listed):
        sys.exit(f"--help has lines that are no entry of a list:\n{ENTRY.sub('', listed) or shown}")
    return [(name, " ".join(text.split())) for name, text in found]


def markup(text):
    """Options as code, names of pages as links."""
    code = re.sub(r"(?<![\w-])--?[a-z][\w-]*", r"`\g<0>`", text.replace("|", r"\|"))
    return re.sub(r"docs/(\w+\.md)", r"[\1](\1)", code)


def table(program, command):
    rows = ["| option | meaning |", "|---|---|"]
    for name, text in entries(program, command):
        if name != "-h, --help":
            names = "`, `".join(name.split(", "))
            rows.append(f"| `{names}` | {markup(text)} |")
    return "\n".join(rows) + "\n"


def page_from_help(page, program):
    commands = [name for name, _ in entries(program) if not name.startswith("-")]
    if sorted(commands) != sorted(command for _, command, _ in TABLE.findall(page)):
        sys.exit(f"{PAGE}: a pair of comments is expected for each of the commands {', '.join(commands)}")
    return TABLE.sub(lambda match: f"{match[1]}\n{table(program, match[2])}\n{match[3]}", page)


def main(what, root, program):
    path = pathlib.Path(root) / PAGE
    page = path.read_text()
    real = page_from_help(page, program)
    if what == "write":
        path.write_text(real)
    elif page != real:
        lines = difflib.unified_diff(page.splitlines(), real.splitlines(), PAGE, "--help", n=0, lineterm="")
        print(*lines, f"{PAGE} is stale: run tests/docs/options.py write . build/release/bin/posekit", sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
