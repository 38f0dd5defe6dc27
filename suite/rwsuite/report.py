# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite report: result sets as one page that needs no network, and as PDF."""
import os
import shlex
from pathlib import Path

import jinja2
from markupsafe import Markup

from . import VERSION, hosts, plots
from .chapters import CHAPTERS
from .errors import OK, USAGE, SuiteError
from .store import PLAN, RUNS, open_set, rows, write_whole

TEMPLATES = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "templates")


def arguments(parser):
    parser.add_argument("results", nargs="+", metavar="RESULTS", help="result sets of a sweep")
    parser.add_argument("-o", "--output", metavar="FILE", default="report.html",
                        help="the page (default: report.html)")
    parser.add_argument("--pdf", metavar="FILE",
                        help="the same as PDF (needs weasyprint)")
    parser.add_argument("--title", metavar="TEXT", help="what stands above")


def run(args):
    sets = [open_set(path) for path in args.results]
    if not any(True for one in sets for _ in rows(one)):
        raise SuiteError(f"{', '.join(args.results)}: no run succeeded, so there is nothing to "
                         "report; their lines in runs.jsonl have the errors")
    page = render(sets, args.title)
    write(args.output, page.encode())
    print(f"report: {args.output}, {len(page.encode()) / 1024:.0f} KiB")
    if args.pdf:
        data, pages = pdf_of(page)
        write(args.pdf, data)
        print(f"report: {args.pdf}, {pages} pages")
    return OK


def render(sets, title=None, first=(), drawn=None):
    """The page of @sets. @first: (module, id, exhibits) of chapters that come before the others, which
    draw the sets @drawn, or all."""
    names = _names(sets)
    every = [dict(row, set=name) for name, one in zip(names, sets)
             if drawn is None or one in drawn for row in rows(one)]
    plots.restart()
    chapters = [(module, module.__name__.rsplit(".", 1)[-1], module.exhibits(every))
                for module in CHAPTERS]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True,
                                     undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html.j2").render(
        title=title or "Scattered RDMA: direct SGEs against memory registration",
        style=_asset("report.css"), script=_asset("report.js"), version=VERSION,
        banners=hosts.banners(_beds(run for one in sets for run in one)),
        sets=[_facts(name, one) for name, one in zip(names, sets)],
        chapters=[*first, *(chapter for chapter in chapters if chapter[2])],
        absent=[chapter for chapter in chapters if not chapter[2]])


def _names(sets):
    """A name for each set, apart even if two directories are called the same."""
    names = [one.name for one in sets]
    return [name if names.count(name) == 1 else one.path for name, one in zip(names, sets)]


def _beds(runs):
    """Kinds of device; a run that failed early does not know its own."""
    return sorted({run["bed"] for run in runs if run["bed"]}) or ["unknown"]


def _facts(name, one):
    runs = list(one)
    commands = {}
    for each in runs:
        for side in ("server_command", "command"):
            if each.get(side):
                line = shlex.join(each[side])
                commands[line] = commands.get(line, 0) + 1
    return {"name": name, "plan": one.plan_text, "runs": len(runs), "commands": commands,
            "failed": [each for each in runs if each["status"]],
            "beds": _beds(runs), "setups": hosts.setups(runs),
            "from": min((each["started"] for each in runs if each.get("started")), default=None),
            "to": max((each["started"] for each in runs if each.get("started")), default=None),
            "seconds": sum(each.get("seconds") or 0 for each in runs)}


def _asset(name):
    with open(os.path.join(TEMPLATES, name), encoding="utf-8") as file:
        return Markup(file.read())


def write(path, data):
    path = Path(path)
    if path.name in (RUNS, PLAN):
        raise SuiteError(f"{path} would be a page: that is the name of what was measured", USAGE)
    try:
        write_whole(path, data)
    except OSError as error:
        raise SuiteError(f"{path}: {error.strerror}: name a file in a directory that can be "
                         "written, and has room", USAGE) from None


def pdf_of(page):
    """@page as PDF and how many pages it has.

    By weasyprint: it prints the very page, with its drawings as vectors, and takes a megabyte;
    a browser takes 280, and matplotlib's own PDF pages would be a second layout with neither text
    nor tables.
    """
    import weasyprint  # pylint: disable=import-outside-toplevel
    document = weasyprint.HTML(string=page, base_url="report:/").render()
    return document.write_pdf(), len(document.pages)
