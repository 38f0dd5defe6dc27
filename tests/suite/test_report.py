#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite report: a page made of runs on the emulated ConnectX agrees with their raw rows.

In a browser, where there is one: nothing complains, tables sort, values are copied.
"""
import csv
import html.parser
import io
import json
import math
import os
import re
import shutil
import subprocess
from statistics import fmean

import browser
from suitecase import PYTHON, lines_of, on_the_bed, path, refused, suite, write_lines, write_plan
from rwproc import Skipped, eq, true
from rwtap import case, run_cases

PLAN = """
repetitions = 3
[options]
contexts = 8
[[part]]
name = "paths"
options = { iters = 200 }
[part.axes]
op = ["read", "write"]
size = ["16K", "64K"]
sges = [1, 8, 40]
path = [["direct", "mr"]]
[[part]]
name = "pool"
options = { iters = 200, size = "64K", sges = 16, path = ["mr"] }
[part.axes]
pool = [2, 4, 8]
[[part]]
name = "lat"
program = "ib_rw_lat"
options = { iters = 300 }
[part.axes]
path = [["direct", "mr"]]
sges = [2]
[[part]]
name = "long"
options = { duration = 1, interval_ms = 100, size = "64K" }
[part.axes]
path = "direct"
"""


class Page(html.parser.HTMLParser):
    """The tables of a page: {id: (titles, rows of (raw, text))}; and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.loads, self.ids, self._table, self._cell = {}, [], [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        for name in "src", "href":
            if attrs.get(name) and not attrs[name].startswith("#"):
                self.loads.append(attrs[name])
        if tag == "table" and attrs.get("id"):
            self._table = self.tables[attrs["id"]] = ([], [])
        elif self._table and tag == "tr":
            self._table[1].append([])
        elif self._table and tag in ("td", "th"):
            self._cell = [tag, attrs.get("data-v"), ""]

    def handle_endtag(self, tag):
        if self._cell and tag == self._cell[0]:
            _, raw, text = self._cell
            if tag == "th":
                self._table[0].append(text)
            else:
                self._table[1][-1].append((text if raw is None else raw, text))
            self._cell = None
        elif tag == "table":
            self._table = None

    def handle_data(self, data):
        if self._cell:
            self._cell[2] += data

    def find(self, prefix, **wanted):
        """The rows of tables whose ids begin with @prefix, with these values in these columns."""
        found = []
        for name, (titles, lines) in self.tables.items():
            if name.startswith(prefix):
                for line in lines:
                    cells = dict(zip(titles, line))
                    if line and all(cells.get(key, ("",))[0] == str(value)
                                    for key, value in wanted.items()):
                        found.append(cells)
        return found


_made = {}


def made():
    """(page, its text, its path, raw lines): made once for all cases."""
    if not _made:
        results, page = path("set"), path("page.html")
        suite("sweep", write_plan("plan.toml", PLAN), results)
        suite("report", results, "-o", page)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        _made.update(text=text, page=Page(text), path=page, lines=lines_of(results),
                     results=results)
    return _made


def raw(lines, part, **wanted):
    """Rows of the reports of @part."""
    return [row for line in lines if line["part"] == part for row in line["report"]["results"]
            if all(row[key] == value for key, value in wanted.items())]


def near(cell, value, what):
    """The copied value is exactly it, and the shown one its rounding."""
    got, text = cell
    true(math.isclose(float(got), value, rel_tol=1e-9), f"{what}: {got} instead of {value}")
    digits = len(text.partition(".")[2])
    true(abs(float(text) - value) <= 0.51 * 10 ** -digits, f"{what}: shown as {text}, is {value}")


@case("seven figures, recomputed from the raw lines, are those of the page")
def _():
    page, lines = made()["page"], made()["lines"]
    chosen = {"op": "write", "MsgSize": 65536, "sges": 40}
    mr, direct = (raw(lines, "paths", path=name, **chosen) for name in ("mr", "direct"))
    eq((len(mr), len(direct)), (3, 3), "repetitions")
    cells = page.find("segments-2", **{"sizebytes": 65536, "segments": 40, "path": "mr"})
    eq(len(cells), 1, "rows of the table")
    cells = cells[0]
    rates = [row["n_iterations"] * 1e9 / row["elapsed_ns"] for row in mr]
    near(cells["bandwidthMiB/s"], fmean(rates) * 65536 / 2 ** 20, "bandwidth")
    near(cells["CPUns/op"], fmean(row["cpu_thread_ns_per_operation"] for row in mr), "CPU")
    of_direct = [row["n_iterations"] * 1e9 / row["elapsed_ns"] for row in direct]
    ratio = math.exp(fmean(math.log(a / b) for a, b in zip(rates, of_direct)))
    near(cells["over directratio"], ratio, "ratio")
    found = page.find("ratio-2", **{"sizebytes": 65536, "segments": 40})[0]
    near(found["mr / direct"], ratio, "ratio of the map")
    pool = raw(lines, "pool", mr_pool=4)
    cells = page.find("pool", **{"poolMRs": 4, "path": "mr"})[0]
    eq(cells["exhaustions"][0], str(sum(row["exhaustions"] for row in pool)), "exhaustions")
    near(cells["share%"], 100 * fmean(row["exhaustion_share"] for row in pool), "share")
    latency = raw(lines, "lat", path="mr")
    cells = page.find("latency", path="mr")[0]
    middle = sorted(row["percentiles_ns"]["99"] for row in latency)[1]
    near(cells["p99us"], middle / 1e3, "p99")
    long = raw(lines, "long")[0]["intervals"]["operations"]
    shown = [cells["operations"][0] for cells in page.find("series-1")]
    eq(shown, list(map(str, long)), "operations of each interval of a long run")


@case("the page needs nothing but itself, and says what its bed cannot show")
def _():
    page, text = made()["page"], made()["text"]
    eq(page.loads, [], "what it would load")
    true("@import" not in text and not re.search(r"url\((?!#)", text), "nothing in its style")
    eq(len(page.ids), len(set(page.ids)), "each id is there once")
    true(text.index("none of these figures says anything about hardware") <
         text.index("Path against segment count"), "the banner comes first")
    for words in ("not reported", "20.35.1012", "max_sge 30", "--sges=40", "--keep_serving"):
        true(words in text, f"{words} is told")
    again = path("again.html")
    suite("report", made()["results"], "-o", again)
    with open(again, encoding="utf-8") as file:
        true(file.read() == text, "the same set gives the same page")


@case("chapters without data are named as such; a set of a hostile peer cannot run anything")
def _():
    lines = [json.loads(json.dumps(line)) for line in made()["lines"] if line["part"] == "lat"]
    for line in lines:
        line["report"]["test_info"]["host"]["hostname"] = "<script>alert(1)</script>"
        line["part"] = "\"><img src=x onerror=alert(2)>"
    one = write_lines(path("hostile"), lines)
    suite("report", one, "-o", path("hostile.html"))
    with open(path("hostile.html"), encoding="utf-8") as file:
        text = file.read()
    true("<script>alert" not in text and "<img" not in text, "marks are text")
    true("Not measured here" in text and 'id="pool"' not in text, "the pool's chapter is left out")
    for line in lines:
        line.update(status=1, error="no", report=None)
    refused(1, "report", write_lines(path("failed"), lines), words=["no run succeeded"])
    refused(2, "report", path("nowhere"), words=["runs.jsonl"])
    kept = write_lines(path("kept"), made()["lines"][:4])
    for name in "runs.jsonl", "plan.toml":
        refused(2, "report", kept, "-o", f"{kept}/{name}", words=["what was measured"])
    eq(len(lines_of(kept)), 4, "runs that are still there")
    refused(2, "report", kept, "-o", kept, words=["name a file"])
    eq([name for name in os.listdir(os.path.dirname(kept)) if name.startswith(".")], [], "left aside")


@case("a set of two set-ups is warned of")
def _():
    lines = json.loads(json.dumps(made()["lines"]))
    true("different set-ups" not in made()["text"], "one set-up")
    lines[0]["report"]["test_info"]["device"]["firmware"] = "1.2.3"
    suite("report", write_lines(path("two"), lines), "-o", path("two.html"))
    with open(path("two.html"), encoding="utf-8") as file:
        true("come from 2 different set-ups" in file.read(), "two set-ups")


@case("a browser: no complaints, tables sort by key, values are copied as CSV, 400 pixels are enough")
def _():
    if not browser.program():
        raise Skipped("no chromium here; scripts/packages --install browser")
    with browser.Browser() as window:
        window.open(made()["path"])
        table = "document.getElementById('segments-1')"
        values = f"[...{table}.tBodies[0].rows].map(r => r.cells[5].dataset.v)"
        window.run(f"{table}.tHead.rows[0].cells[5].querySelector('button').focus()")
        window.key("Enter", "\r")
        found = list(map(float, window.run(values)))
        eq(found, sorted(found), "bandwidths after Enter on their head")
        eq(window.run(f"{table}.tHead.rows[0].cells[5].getAttribute('aria-sort')"), "ascending",
           "what is told of it")
        window.key("Enter", "\r")
        eq(list(map(float, window.run(values))), sorted(found, reverse=True), "after another")
        window.run("navigator.clipboard.writeText = text => { window.copied = text; "
                   "return Promise.resolve(); }")
        window.run("document.querySelector('.copy[data-table=segments-1]').click()")
        lines = list(csv.reader(io.StringIO(window.run("window.copied"))))
        eq(lines[0][:4], ["size [bytes]", "segments", "contexts", "path"], "the head that is copied")
        eq([float(line[5]) for line in lines[1:]], sorted(found, reverse=True), "what is copied")
        true("rows copied" in window.run("document.getElementById('said').textContent"), "told")
        for width in 1280, 400:
            window.resize(width)
            true(window.run("document.documentElement.scrollWidth <= innerWidth"),
                 f"{width} pixels: the page scrolls sideways")
            true(window.run("[...document.querySelectorAll('figure svg')].every(one => "
                            "one.getBoundingClientRect().width > 250)"), f"{width}: plots are seen")
        eq(window.problems, [], "what the browser complained of")


@case("the PDF has the banner on each page, and the markers of its plots")
def _():
    if not shutil.which("pdftotext") or subprocess.run(
            [PYTHON, "-c", "import weasyprint"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skipped("no weasyprint or pdftotext here; scripts/packages --install browser")
    lines = [line for line in made()["lines"] if line["part"] == "pool"]
    out = path("small.pdf")
    suite("report", write_lines(path("small"), lines), "-o", path("small.html"), "--pdf", out)
    text = subprocess.run(["pdftotext", out, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    true(len(pages) >= 2, f"{len(pages)} pages")
    for number, page in enumerate(pages):
        true("none of these figures says anything about hardware" in page, f"banner of page {number + 1}")
    true("How often the pool is empty" in text and "MRs of a pool" in text, "chapter, axis of a plot")


if on_the_bed("rich", "jinja2", "matplotlib", "markupsafe"):
    run_cases()
