#!/usr/bin/env python3
"""Takes the snippets out of README.md and of every page of docs/ and runs them, so that the documentation can't rot.

    snippets.py extract ROOT OUT             writes each C++ and C program to OUT (only if it changed), prints the names; '~' before one: not to be run
    snippets.py files ROOT                   prints the documents
    snippets.py run ROOT PROGRAM [ARG...]    runs a program in a folder of its own that has ROOT's examples in it
    snippets.py check ROOT WHAT POSEKIT      checks snippets of one kind: sh, json, python, cmake; or: links, keys, codes

A comment right before a block says what is special about it:

    <!-- not run: reason -->    is not run (Python is compiled all the same)
    <!-- compiled, not run: reason -->    a C++ program that is built only
    <!-- with: file -->         needs that file, which an earlier Python block of the document writes
    <!-- boxes file -->, <!-- keypoint set -->, <!-- result -->, <!-- coco -->    what a JSON block is, other than metadata
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77  # what ctest takes for skipped
BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Failure(Exception):
    """A snippet or statement that does not hold."""


def documents(root):
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")
    return [root / name for name in names] + sorted((root / "docs").rglob("*.md"))


def blocks(root, kind):
    """Yields (document, line, note, text) of each block of this kind."""
    for path in documents(root):
        text = path.read_text()
        for match in BLOCK.finditer(text):
            if match["kind"] == kind:
                yield path, text.count("\n", 0, match.start("text")) + 1, match["note"] or "", match["text"]


def place(path, line, root):
    return f"{path.relative_to(root)}:{line}"


def is_run(note):
    if note.startswith("not run") and not re.fullmatch(r"not run: \S.*", note):
        raise Failure(f"<!-- {note} -->: 'not run: ' and a reason are expected")
    return not note.startswith("not run")


class Workplace:
    """A folder to run things in: examples are there, posekit is in PATH, nothing is left behind."""

    def __init__(self, root, program=None):
        self.root = root
        self.program = program

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="posekit-docs-")
        self.path = pathlib.Path(self.folder.name)
        (self.path / "examples").symlink_to(self.root / "examples")
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, command, **more):
        environment = dict(os.environ)
        if self.program:
            environment["PATH"] = f"{self.program.parent}{os.pathsep}{environment['PATH']}"
        return subprocess.run(command, cwd=self.path, env=environment, check=False, **more)

    def posekit(self, *arguments):
        done = self.run([str(self.program), *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"posekit {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done


def extract(root, out):
    out.mkdir(parents=True, exist_ok=True)
    count = {}
    found = [(".cc", *block) for block in blocks(root, "cpp")] + [(".c", *block) for block in blocks(root, "c")]
    for suffix, path, line, note, text in found:
        only_built = note.startswith("compiled, not run: ")
        if not only_built and not is_run(note):
            continue
        stem = path.stem.lower() + ("_c" if suffix == ".c" else "")
        count[stem] = count.get(stem, 0) + 1
        name = f"{stem}_{count[stem]}"
        source = f'#line {line} "{path.relative_to(root)}"\n{text}'
        file = out / f"{name}{suffix}"
        if not file.exists() or file.read_text() != source:
            file.write_text(source)
        print(f"~{name}" if only_built else name)


def python_with_torch(root):
    for candidate in (root / ".venv/bin/python", sys.executable):
        if subprocess.run([str(candidate), "-c", "import torch"], capture_output=True, check=False).returncode == 0:
            return str(candidate)
    return None


def check_shell(root, program):
    """Runs each shell block; what a Python block of the same document writes is made before."""
    python = python_with_torch(root)
    for path, line, note, text in blocks(root, "sh"):
        if not is_run(note) or (note.startswith("with:") and python is None):
            continue
        with Workplace(root, program) as work:
            if note.startswith("with:"):
                file = note.removeprefix("with:").strip()
                writers = [code for other, _, mark, code in blocks(root, "python") if other == path and is_run(mark) and file in code]
                if not writers or work.run([python, "-c", writers[0]]).returncode != 0:
                    raise Failure(f"{place(path, line, root)}: no Python block of the document writes {file}")
            done = work.run(["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"{place(path, line, root)} ended with {done.returncode}:\n{text}\n{done.stderr}")
            print(f"{place(path, line, root)}: ran")


def missing_modules(python, text):
    """Of the modules that a snippet may go without being run, those that it imports and that are not there."""
    used = [name for name in ("posekit", "pandas", "pyarrow", "supervision", "PIL") if re.search(rf"^\s*(?:import|from) {name}\b", text, re.MULTILINE)]
    used += ["pycocotools"] if "posekit.evaluate" in text else []
    find = "import importlib.util, sys; print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name) is None))"
    return subprocess.run([python, "-c", find, *used], capture_output=True, text=True, check=True).stdout.split()


def check_python(root, _):
    """Each Python block compiles; those that are run need Torch."""
    python = python_with_torch(root)
    for path, line, note, text in blocks(root, "python"):
        compile(text, place(path, line, root), "exec")
        if not is_run(note) or python is None:
            continue
        missing = missing_modules(python, text)
        if missing:
            print(f"{place(path, line, root)}: skipped, {', '.join(missing)} not installed")
            continue
        with Workplace(root) as work:
            done = work.run([python, "-W", "ignore", "-c", text], capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"{place(path, line, root)} failed:\n{done.stderr}")
    if python is None:
        print("no Python with torch: the Python snippets were only compiled")
        sys.exit(SKIPPED)


def shape_of(value):
    """The keys of a document, nested; of lists the first element's."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value).__name__ if not isinstance(value, (int, float)) else "number"


def check_json_block(work, note, text):
    document = json.loads(text)
    file = work.path / "snippet.json"
    file.write_text(text)
    pose = "examples/models/pose_landmark_lite.pt"
    if note == "boxes file":
        done = work.posekit("estimate", "examples/images/astronaut.jpg", "--boxes", str(file), "--subset-of-boxes", "-o", "-", "-m", pose)
        if "no entry" in done.stderr or len(json.loads(done.stdout)["instance_info"]) != 1:
            raise Failure(f"one person expected from these boxes:\n{done.stderr}{done.stdout}")
    elif note == "keypoint set":
        metadata = {"format": "posekit-model/1", "task": "pose", "input": {"width": 8, "height": 8}, "output": {"codec": "regression"}}
        file.write_text(json.dumps(metadata | {"keypoints": document}))
        shown = work.posekit("inspect", pose, "--metadata", str(file)).stdout
        if f'{document["count"]} keypoints of "{document["name"]}"' not in shown:
            raise Failure(f"inspect does not show this set:\n{shown}")
    elif note == "result":
        boxes = {"a.jpg": [[24, 8, 375, 511], [1, 1, 1, 1]]}
        (work.path / "a.jpg").symlink_to(work.root / "examples/images/astronaut.jpg")
        file.write_text(json.dumps(boxes))
        done = work.run([str(work.program), "estimate", "a.jpg", "--boxes", str(file), "-o", "-", "-m", pose], capture_output=True, text=True)
        if shape_of(json.loads(done.stdout)) != shape_of(document):
            raise Failure(f"a real result has another shape:\n{done.stdout}")
    elif note == "coco":
        done = work.posekit("estimate", "examples/images/astronaut.jpg", "--format", "coco", "-o", "-", "-m", pose)
        if list(json.loads(done.stdout)[0]) != list(document[0]):
            raise Failure(f"a real result has other keys:\n{done.stdout}")
    elif isinstance(document, dict) and document.get("format") == "posekit-model/1":
        shown = work.posekit("inspect", pose, "--metadata", str(file)).stdout
        if "note:" in shown:
            raise Failure(f"metadata with keys that are not known:\n{shown}")
    else:
        raise Failure("a JSON block of no known kind: say which in a comment before it")


def check_json(root, program):
    for path, line, note, text in blocks(root, "json"):
        with Workplace(root, program) as work:
            try:
                check_json_block(work, note, text)
            except (Failure, ValueError) as error:
                raise Failure(f"{place(path, line, root)}: {error}") from error
        print(f"{place(path, line, root)}: holds")


def check_cmake(root, _):
    """Each line of a CMake block is a line of the example, which the install tests build."""
    example = (root / "examples/cpp/CMakeLists.txt").read_text().splitlines()
    for path, line, _, text in blocks(root, "cmake"):
        for statement in filter(None, text.splitlines()):
            if statement not in example:
                raise Failure(f"{place(path, line, root)}: '{statement}' is not in examples/cpp/CMakeLists.txt")


def anchors(path):
    """GitHub's anchors of a document's headings."""
    names = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in names}


def check_links(root, _):
    for path in documents(root):
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if re.match(r"\w+:", target):
                continue
            file, _, anchor = target.partition("#")
            other = (path.parent / file).resolve() if file else path
            if not other.exists():
                raise Failure(f"{path.relative_to(root)}: link to {target}, which is not there")
            if anchor and anchor not in anchors(other):
                raise Failure(f"{path.relative_to(root)}: link to {target}, but there is no such heading")


def check_keys(root, program):
    """docs/models.md names each key that the shipped models' metadata can have."""
    text = (root / "docs/models.md").read_text()
    for model in ("person_detector.pt", "pose_landmark_full.pt", "shape308.pt"):
        shown = subprocess.run([str(program), "inspect", str(root / "examples/models" / model)], capture_output=True, text=True, check=True).stdout
        keys = re.findall(r"^(\S+) .*\((?:archive|default)\)$", shown, re.MULTILINE)
        for key in keys:
            if f"`{key}`" not in text:
                raise Failure(f"docs/models.md does not name the key {key}")
        if len(keys) < 10:
            raise Failure(f"inspect {model} shows too few keys:\n{shown}")
    for name in [path.stem for folder in ("keypoints/sets", "model/presets") for path in (root / "lib" / folder).glob("*.json")]:
        if f"`{name}`" not in text:
            raise Failure(f"docs/models.md does not name {name}")


def check_codes(root, _):
    """docs/errors.md has each error code with its number."""
    real = re.findall(r"^  (\w+) = (\d+),", (root / "include/posekit/error.h").read_text(), re.MULTILINE)
    listed = re.findall(r"^\| `(\w+)` (\d+) \|", (root / "docs/errors.md").read_text(), re.MULTILINE)
    if real != listed or not real:
        raise Failure(f"error.h has {real}, docs/errors.md {listed}")


CHECKS = {"sh": check_shell, "json": check_json, "python": check_python, "cmake": check_cmake, "links": check_links, "keys": check_keys,
          "codes": check_codes}


def main(arguments):
    what, root = arguments[0], pathlib.Path(arguments[1]).resolve()
    if what == "extract":
        extract(root, pathlib.Path(arguments[2]))
    elif what == "files":
        print(*documents(root), sep="\n")
    elif what == "run":
        with Workplace(root) as work:
            return work.run([str(pathlib.Path(arguments[2]).resolve()), *arguments[3:]]).returncode
    elif what == "check":
        try:
            CHECKS[arguments[2]](root, pathlib.Path(arguments[3]).resolve())
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
