#!/usr/bin/env python3
"""Opens the report of 10,000 images in headless Chromium: size, first paint, accessibility, keyboard, two widths, with and without JavaScript.

    report_browser.py POSEKIT ROOT [SCREENSHOTS]

It needs Chromium, and of Python `playwright` and `axe-playwright-python`, which brings axe-core; else it is skipped (exit code 77).
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
IMAGES = 10_000
ROWS_OF_PAGE = 200
MOST_BYTES = 5_000_000
MOST_SECONDS = 2.0
BROKEN = 97  # every 97th file is not an image
WITH_PEOPLE = 20  # every 20th image has a person: more would only take time
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (360, 740, "light"), (360, 740, "dark")]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def chromium():
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    return found or skip("Chromium is not installed: install Debian's package chromium")


def axe_source():
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or importlib.util.find_spec("playwright") is None:
        skip("Python has no playwright or axe-core: pip install playwright axe-playwright-python")
    return (pathlib.Path(package.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def make_report(posekit, root, folder):
    """A run over folders of links to one photo, with a broken file here and there. Returns the page."""
    photo = root / "examples/images/people.jpg"
    shutil.copy(photo, folder / "photo.jpg")
    boxes = {}
    for i in range(IMAGES):
        name = f"holiday 2026/day {i // 500:02}/DSC_{i:06}.jpg"
        file = folder / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if i % BROKEN == 5:
            file.write_bytes(b"no image")
        else:
            os.link(folder / "photo.jpg", file)
        boxes[f"in/{name}"] = [[0, 0, 512, 512]] if i % WITH_PEOPLE == 0 else []
    (folder / "boxes.json").write_text(json.dumps(boxes), encoding="utf-8")
    command = [posekit, "estimate", "in", "-m", root / "examples/models/pose_landmark_lite.pt", "--boxes", "boxes.json", "--report", "--no-sync"]
    run = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert run.returncode == 1, run.stderr[-2000:]
    return folder / "posekit-out/report/index.html"


class Session:
    """A page in a browser. Every error is recorded, and every request except those for the page's own files."""

    def __init__(self, browser, page_file, width, height, scheme, script=True):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=script)
        self.page = context.new_page()
        self.faults = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        folder = page_file.parent.as_uri() + "/"
        self.page.on("request", lambda request: None if request.url.startswith(folder) else self.faults.append(request.url))
        self.page.goto(page_file.as_uri())

    def focused(self):
        return self.page.evaluate("document.activeElement.dataset.key ?? document.activeElement.dataset.step ?? document.activeElement.id")

    def tab_to(self, name):
        """Presses Tab until an element has the focus, which must be seen."""
        for _ in range(1000):
            if self.focused() == name:
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outline")
                assert "solid 3px" in outline, (name, outline)
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {name}")

    def inputs(self):
        return self.page.eval_on_selector_all("tbody th", "all => all.map(th => (th.querySelector('a') ?? th.firstChild).textContent)")

    def position(self):
        return self.page.locator("#position").evaluate("output => output.value")

    def close(self):
        assert not self.faults, self.faults
        self.page.context.close()


def check_paint(browser, page_file):
    session = Session(browser, page_file, 1280, 900, "light")
    paint = session.page.evaluate("""() => new Promise(done => new PerformanceObserver(list => {
      for (const entry of list.getEntriesByName("first-contentful-paint")) done(entry.startTime);
    }).observe({ type: "paint", buffered: true }))""")
    ready = session.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    session.close()
    print(f"first contentful paint after {paint:.0f} ms, the table is there after {ready:.0f} ms")
    assert paint / 1000 <= MOST_SECONDS


def check_accessibility(browser, page_file, axe, screenshots):
    for width, height, scheme in VIEWS:
        session = Session(browser, page_file, width, height, scheme)
        page = session.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the screen"
        page.evaluate(axe)
        for state in ("", "failed"):
            page.locator("#state").select_option(state)
            found = page.evaluate("axe.run()")
            faults = [(v["impact"], v["id"], len(v["nodes"]), v["nodes"][0]["html"][:200]) for v in found["violations"]]
            print(f"axe-core {found['testEngine']['version']}, {width} px, {scheme}, {state or 'all'}: {len(found['passes'])} rules pass, faults: {faults}")
            assert not [fault for fault in faults if fault[0] in ("serious", "critical")]
            if screenshots:
                page.screenshot(path=screenshots / f"{width}-{scheme}-{state or 'all'}.png")
        session.close()


def check_keyboard(browser, page_file, rows):
    session = Session(browser, page_file, 1280, 900, "light")
    page = session.page
    assert session.position() == f"Rows 1 to {ROWS_OF_PAGE} of {IMAGES}, page 1 of {IMAGES // ROWS_OF_PAGE}"
    session.tab_to("next")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert session.position().startswith(f"Rows {2 * ROWS_OF_PAGE + 1} to {3 * ROWS_OF_PAGE} of")
    assert session.inputs() == [row["input"] for row in rows[2 * ROWS_OF_PAGE:3 * ROWS_OF_PAGE]]
    session.tab_to("last")
    page.keyboard.press("Enter")
    assert session.inputs() == [row["input"] for row in rows[-ROWS_OF_PAGE:]]
    assert page.eval_on_selector_all("[aria-disabled=true]", "all => all.map(b => b.dataset.step)") == ["next", "last"] * 2
    session.tab_to("people")
    page.keyboard.press("Enter")
    rising = sorted(rows, key=lambda row: (row.get("people", 1e9), row["position"]))
    assert session.inputs() == [row["input"] for row in rising[:ROWS_OF_PAGE]]
    page.keyboard.press("Enter")
    falling = sorted(rows, key=lambda row: (-row.get("people", -1e9), row["position"]))
    assert session.inputs() == [row["input"] for row in falling[:ROWS_OF_PAGE]]
    assert page.eval_on_selector_all("[aria-sort]", "all => all.map(th => [th.textContent, th.ariaSort])") == [["People", "descending"]]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert session.focused() == "input"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert session.inputs() == [row["input"] for row in rows[::-1][:ROWS_OF_PAGE]]
    page.locator("#show-failed").focus()
    page.keyboard.press("Enter")
    failed = [row["input"] for row in rows[::-1] if row["state"] == "failed"]
    assert session.inputs() == failed and session.focused() == "inputs-title"
    assert page.locator("tbody p.error").count() == len(failed)
    session.close()


def check_without_script(browser, page_file, rows):
    session = Session(browser, page_file, 1280, 900, "light", script=False)
    text = session.page.inner_text("body")
    assert str(IMAGES) in text and "needs JavaScript" in text and "Rows 1" not in text
    failed = [row for row in rows if row["state"] == "failed"]
    assert all(f"{row['input']}: {row['messages'][0]}" in text for row in failed)
    session.close()


def main(posekit, root, screenshots):
    browser_path, axe = chromium(), axe_source()
    from playwright.sync_api import sync_playwright
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = make_report(posekit, root, pathlib.Path(folder))
        text = page_file.read_text(encoding="utf-8")
        thumbnails = [file.stat().st_size for file in (page_file.parent / "thumbnails").rglob("*.jpg")]
        print(f"{page_file.stat().st_size / 1e6:.2f} MB, {len(thumbnails)} thumbnails of {sum(thumbnails) / len(thumbnails) / 1e3:.1f} kB")
        assert page_file.stat().st_size <= MOST_BYTES and max(thumbnails) <= 20_000
        rows = json.loads(text.split('id="data">')[1].split("</script>")[0])
        rows = [{**row, "position": i} for i, row in enumerate(rows)]
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        check_paint(browser, page_file)
        check_accessibility(browser, page_file, axe, screenshots)
        check_keyboard(browser, page_file, rows)
        check_without_script(browser, page_file, rows)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None)
