#!/usr/bin/env python3
"""The table of names in docs/versioning.md is true and complete: names.py ROOT

A cell names what a surface has, in backticks: `Class`, `Class::member`, `posekit_function`, `posekit_struct.member`, `function(argument)`,
`--option`; `*` at the end stands for any rest. A cell without such a name is "no: " and the reason. Each name must exist on its
surface, and each public name of a surface must be in the table. An option that C++, C and Python call alike needs no row.
"""

import ast
import pathlib
import re
import sys

SURFACES = ("C++", "C", "Python", "program")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)


def body_at(text, brace):
    """What is between a brace and its partner, without inner blocks."""
    depth, body = 0, []
    for c in text[brace:]:
        depth -= c == "}"
        if depth == 1 and c not in "{}":
            body.append(c)
        depth += c == "{"
        if depth == 0:
            break
    return "".join(body)


def members(body):
    """The names that declarations in a struct's body give."""
    names = set()
    for declaration in body.split(";"):
        declared = re.sub(r"(=|\{).*", "", declaration, flags=re.DOTALL).strip()
        if "(" not in declared:
            names.update(re.findall(r"(\w+)\s*(?:\[\w+\])?$", declared))
    return names


def cpp_names(root):
    names = set()
    for header in sorted((root / "include/posekit").glob("*.h")):
        text = without_comments(header.read_text(encoding="utf-8"))
        for match in re.finditer(r"^(class|struct|enum class) (?:POSEKIT_API )?([A-Z]\w+)[^;{]*\{", text, re.MULTILINE):
            kind, name = match[1], match[2]
            names.add(name)
            body = body_at(text, match.end() - 1)
            if kind == "struct" and re.search("Options$|Metrics$|^MemoryReport$|^ImageView$", name):
                names.update(f"{name}::{member}" for member in members(body))
            elif kind == "class":
                public = re.split(r"\b(?:private|protected):", body)[0]
                functions = set(re.findall(r"[\w>&*] ([a-z]\w*)\(", public))
                names.update(f"{name}::{function}" for function in functions)
        names.update(re.findall(r"^(?:\[\[nodiscard\]\] )?POSEKIT_API [^;(]*?(\w+)\(", text, re.MULTILINE))
    return {name for name in names - {"to_string", "ModelBackend"} if not name.startswith("TaskRef")}


def c_names(root):
    text = without_comments((root / "capi/include/posekit_c.h").read_text(encoding="utf-8"))
    names = set(re.findall(r"POSEKIT_C_API[^;]*?(posekit_\w+)\s*\(", text))
    for match in re.finditer(r"struct (posekit_\w+) \{", text):
        if re.search("_options$|metrics$|^posekit_memory_report$|^posekit_image$", match[1]):
            kept = members(body_at(text, match.end() - 1)) - {"struct_size", "reserved", "set"}
            names.update(f"{match[1]}.{member}" for member in kept)
    return names


def python_names(root):
    names, public = set(), set()
    package = root / "python/posekit"
    for file in [*sorted(package.glob("*.py")), *sorted(package.glob("*.pyi"))]:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                names.add(node.name)
                names.update(f"{node.name}({argument.arg})" for argument in node.args.args + node.args.kwonlyargs)
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                public = set(ast.literal_eval(node.value))
            elif isinstance(node, ast.Assign):
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.ClassDef) and node.name not in names:  # not the native class behind it
                names.add(node.name)
                for member in node.body:
                    if isinstance(member, ast.FunctionDef):
                        names.add(f"{node.name}.{member.name}")
                        if member.name == "__init__":
                            names.update(f"{node.name}({argument.arg})" for argument in member.args.args + member.args.kwonlyargs)
                    elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                        names.add(f"{node.name}.{member.target.id}")
    return names, public


def program_names(root):
    text = "".join(file.read_text(encoding="utf-8") for file in sorted((root / "examples/cli").glob("*.cc")))
    options = re.findall(r'"(?:-\w,)?(--[a-z][a-z0-9-]*)(?:,!--[a-z-]+)?"', text)
    commands = re.findall(r'add_subcommand\("(\w+)"', text)
    return {*options, *(f"posekit {command}" for command in commands)}


def alike(there):
    """The options that are called alike on every surface that has them, as each surface writes them."""
    kinds = {"Model": "Model", "Estimator": "PoseEstimator", "Detector": "PersonDetector", "Tracker": "Tracker"}
    found = {surface: set() for surface in SURFACES}
    for kind, python in kinds.items():
        for name in there["C++"]:
            option = name.removeprefix(f"{kind}Options::")
            forms = {"C++": name, "C": f"posekit_{kind.lower()}_options.{option}", "Python": f"{python}({option})"}
            if option != name and all(form in there[surface] for surface, form in forms.items()):
                for surface, form in {**forms, "program": "--" + option.replace("_", "-")}.items():
                    found[surface].add(form)
    return found


def table(root):
    """The table's rows as one set of names a surface, with the problems of its form."""
    rows, problems = {surface: [] for surface in SURFACES}, []
    head = "| concept | " + " | ".join(SURFACES) + " |"
    lines = iter((root / "docs/versioning.md").read_text(encoding="utf-8").splitlines())
    if head not in lines:
        return rows, [f"docs/versioning.md has no table that begins with {head}"]
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != len(SURFACES) + 1:
            problems.append(f"a row of {len(cells)} cells: {line}")
            continue
        for surface, cell in zip(SURFACES, cells[1:]):
            gap = re.match(r"no: [\w`]", cell)
            found = [] if gap else re.findall(r"`([^`]+)`", cell)
            rows[surface] += found
            if not found and not gap:
                problems.append(f'"{cells[0]}" has neither a name nor "no: " and a reason for {surface}')
    return rows, problems


def main():
    root = pathlib.Path(sys.argv[1])
    there = {"C++": cpp_names(root), "C": c_names(root), "program": program_names(root)}
    there["Python"], public = python_names(root)
    wanted = {**there, "Python": public}
    wanted = {surface: wanted[surface] - same for surface, same in alike(there).items()}
    rows, problems = table(root)
    for surface in SURFACES:
        patterns = [name for name in rows[surface] if name.endswith("*")]
        for name in rows[surface]:
            matches = [one for one in there[surface] if one.startswith(name[:-1])] if name.endswith("*") else name in there[surface]
            if not matches:
                problems.append(f"{surface} does not have {name}, which the table names")
        for name in sorted(wanted[surface]):
            if name not in rows[surface] and not any(name.startswith(pattern[:-1]) for pattern in patterns):
                problems.append(f"the table lacks {name} of {surface}")
    if problems:
        sys.exit("\n".join(problems))
    print(", ".join(f"{len(rows[surface])} names of {surface}" for surface in SURFACES))


if __name__ == "__main__":
    main()
