#!/usr/bin/env python3
"""Parses the page that `posekit estimate --report` writes: HTML, names for assistive technology, no way out of the folder, the results' figures.

    report_page.py POSEKIT ROOT
"""
import html.parser
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# As bytes: a name need not be UTF-8, and a folder may bring the slash of an end tag.
NAMES = [b"plain.jpg", b"<script>alert(1)<", b"no\xff\xfeutf \xe2\x80\xa8.jpg", b"100%25 & #?\"'.jpg", "\u5199\u771f.jpg".encode()]


class Page(html.parser.HTMLParser):
    """The elements of a page as (tag, attributes, parents, text); any fault in nesting is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self._open, self.declaration = [], [], None
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {[element['tag'] for element in self._open]}"

    def handle_decl(self, decl):
        self.declaration = decl

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data!r}")

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>: {names}"
        element = {"tag": tag, "attributes": dict(attrs), "parents": [parent["tag"] for parent in self._open], "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open and self._open[-1]["tag"] == tag, f"</{tag}> closes {self._open[-1]['tag'] if self._open else 'nothing'}"
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]

    def one(self, tag, **attributes):
        found = [e for e in self.all(tag) if all(e["attributes"].get(name) == value for name, value in attributes.items())]
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]


def check_form(page):
    """Well-formed, with the names and relations that a screen reader needs."""
    assert page.declaration == "DOCTYPE html"
    assert page.one("html")["attributes"]["lang"] == "en"
    assert page.one("title")["text"].strip() and page.one("h1")["text"].strip() and page.one("main")
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids)), f"an id twice: {ids}"
    for element in page.elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
            for reference in element["attributes"].get(name, "").split():
                assert reference in ids, f"{name}={reference} leads nowhere"
    labelled = {label["attributes"]["for"] for label in page.all("label")}
    for element in page.all("select") + page.all("input"):
        assert element["attributes"]["id"] in labelled, element
    for button in page.all("button"):
        assert button["attributes"]["type"] == "button" and button["text"].strip(), button
    assert page.one("table") and page.one("caption")["text"].strip()
    headings = page.all("th")
    assert len(headings) >= 5 and all(th["attributes"]["scope"] == "col" and th["text"].strip() for th in headings)
    assert [th["attributes"]["aria-sort"] for th in headings if "aria-sort" in th["attributes"]] == ["ascending"]
    for nav in page.all("nav"):
        assert nav["attributes"]["aria-label"]
    levels = [int(e["tag"][1]) for e in page.elements if e["tag"] in ("h1", "h2", "h3")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))


def check_confinement(page):
    """Nothing is loaded but thumbnails, and no script runs but the page's own."""
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.split(maxsplit=1) for rule in policy["attributes"]["content"].split("; "))
    nonce = rules["script-src"].removeprefix("'nonce-").removesuffix("'")
    assert len(nonce) >= 22 and nonce.isalnum()
    assert rules == {"default-src": "'none'", "img-src": "'self' file:", "style-src": f"'nonce-{nonce}'", "script-src": f"'nonce-{nonce}'",
                     "base-uri": "'none'", "form-action": "'none'"}
    for element in page.elements:
        for name in element["attributes"]:
            assert not name.startswith("on") and name not in ("style", "src", "href", "srcset", "action", "data", "background"), element
        assert element["tag"] not in ("link", "iframe", "object", "embed", "base", "form", "img")
    styles, scripts = page.all("style"), page.all("script")
    assert [style["attributes"] for style in styles] == [{"nonce": nonce}]
    assert [script["attributes"] for script in scripts] == [{"type": "application/json", "id": "data"}, {"nonce": nonce}]
    assert page.elements.index(policy) < page.elements.index(styles[0])
    assert "url(" not in styles[0]["text"] and "@import" not in styles[0]["text"]
    for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "http:", "https:"):
        assert word not in scripts[1]["text"], word


def url_of(row, kind):
    """A file of a row, which is named by its end where it begins as the input's name does."""
    return row["name"] + row[kind] if row[kind].startswith(".") else row[kind]


def file_of(url, page_folder, out):
    """The file that a URL of the page leads to: one that exists, in the folder of the results."""
    assert ":" not in url and not url.startswith("/"), url
    file = pathlib.Path(os.path.normpath(os.path.join(os.fsencode(page_folder), urllib.parse.unquote_to_bytes(url))).decode(errors="surrogateescape"))
    assert file.is_relative_to(out) and file.is_file(), file
    return file


def check_rows(page, out, inputs):
    """The rows are the results' own figures, in the order of the inputs, and the counts are the rows'."""
    rows = json.loads(page.one("script", id="data")["text"])
    assert [row["input"] for row in rows] == [os.fsencode(path).decode(errors="replace") for path in inputs]
    for row in rows:
        if row["state"] == "failed":
            assert row["messages"] and all(": " in message for message in row["messages"])
            continue
        result = file_of("../" + url_of(row, "result"), out / "report", out)
        documents = [json.loads(line) for line in result.read_bytes().splitlines()]
        assert row["people"] == sum(len(document["instance_info"]) for document in documents)
        assert (row["width"], row["height"]) == (documents[0]["image"]["width"], documents[0]["image"]["height"])
        assert abs(row["ms"] - sum(sum(document["timings_ms"].values()) for document in documents)) <= 0.0501
        assert row["input"] == documents[0]["image"]["path"]
        assert file_of("../" + url_of(row, "drawing"), out / "report", out)
        thumbnail = file_of("thumbnails/" + url_of(row, "thumbnail"), out / "report", out)
        assert thumbnail.stat().st_size <= 20000 and thumbnail.read_bytes().startswith(b"\xff\xd8\xff")
    counts = {name: int(page.one("dd", id=f"count-{name}")["text"]) for name in ("inputs", "done", "failed", "before", "people")}
    states = [row["state"] for row in rows]
    assert counts == {"inputs": len(rows), "done": states.count("done"), "failed": states.count("failed"), "before": states.count("done before"),
                      "people": sum(row.get("people", 0) for row in rows)}
    without_script = [element["text"] for element in page.all("li") if "noscript" in element["parents"]]
    assert without_script == [f"{row['input']}: {message}" for row in rows for message in row.get("messages", [])]
    return states


def make_inputs(folder, photo):
    """Photos of strange names, and a broken file beside each. Returns their paths in the order of the run."""
    for name in NAMES:
        target = os.path.join(os.fsencode(folder), b"in", name)
        if not name.endswith(b".jpg"):
            target = os.path.join(target, b"script>.jpg")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        pathlib.Path(os.fsdecode(target)).write_bytes(photo)
        pathlib.Path(os.fsdecode(target + b".broken.png")).write_bytes(b"<b>no image")
    return sorted((os.path.relpath(file, folder) for file in (folder / "in").rglob("*") if file.is_file()), key=os.fsencode)


def main(posekit, root):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        inputs = make_inputs(folder, (root / "examples/images/people.jpg").read_bytes())
        for expected in ({"done", "failed"}, {"done before", "failed"}):
            run = subprocess.run([posekit, "estimate", "in", "-o", "out", "--report", "--draw", "--quiet"], cwd=folder, check=False)
            assert run.returncode == 1
            page = Page((folder / "out/report/index.html").read_text(encoding="utf-8"))
            check_form(page)
            check_confinement(page)
            assert set(check_rows(page, folder / "out", inputs)) == expected


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
