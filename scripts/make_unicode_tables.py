#!/usr/bin/env python3
"""Writes lib/results/unicode_tables.cc from the Unicode data of this Python: make_unicode_tables.py

The tables say into which two characters a character decomposes (canonically, one step), and which combining class a character has.
"""
import pathlib
import unicodedata

COLUMNS = 140


def wrapped(items):
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > COLUMNS:
            lines.append(line)
            line = " "
        line += f" {item},"
    return "\n".join([*lines, line])


def decompositions():
    for code in range(0x110000):
        mapping = unicodedata.decomposition(chr(code))
        if mapping and not mapping.startswith("<"):
            first, second = [*mapping.split(), "0"][:2]
            yield f"{{0x{code:x}, 0x{int(first, 16):x}, 0x{int(second, 16):x}}}"


def combining_classes():
    ranges = []
    for code in range(0x110000):
        value = unicodedata.combining(chr(code))
        if not value:
            continue
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == value:
            ranges[-1][1] = code
        else:
            ranges.append([code, code, value])
    return [f"{{0x{first:x}, 0x{last:x}, {value}}}" for first, last, value in ranges]


def main():
    steps, classes = list(decompositions()), combining_classes()
    text = f"""/// What Unicode {unicodedata.unidata_version} says of characters. Made by scripts/make_unicode_tables.py.
#include "results/unicode_tables.h"

namespace posekit::inline v0 {{

// clang-format off
constexpr std::array<Decomposition, {len(steps)}> decomposition_table{{{{
{wrapped(steps)}
}}}};

constexpr std::array<CombiningClass, {len(classes)}> combining_class_table{{{{
{wrapped(classes)}
}}}};
// clang-format on

std::span<const Decomposition> decompositions() noexcept {{ return decomposition_table; }}
std::span<const CombiningClass> combining_classes() noexcept {{ return combining_class_table; }}

}}  // namespace posekit::inline v0
"""
    (pathlib.Path(__file__).resolve().parent.parent / "lib/results/unicode_tables.cc").write_text(text, encoding="utf-8")


main()
