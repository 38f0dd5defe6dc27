// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"use strict";
(() => {
  const raw = (cell) => cell.dataset.v ?? cell.textContent;

  // Numbers as numbers, texts as texts, what is missing at the end either way.
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };

  const sort = (th) => {
    const table = th.closest("table"), body = table.tBodies[0], column = th.cellIndex;
    const down = th.getAttribute("aria-sort") === "ascending";
    for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const of = (row) => raw(row.cells[column]);
    [...body.rows].sort((r, s) => {
      const missing = of(r) === "" || of(s) === "";
      return compare(of(r), of(s)) * (down && !missing ? -1 : 1);
    }).forEach((row) => body.append(row));
    say(`sorted by ${th.querySelector("button").textContent}, ${th.getAttribute("aria-sort")}`);
  };

  const quote = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const title = (th) => th.querySelector("button").textContent + (th.dataset.unit ? ` [${th.dataset.unit}]` : "");
  const csv = (table) => [
    [...table.tHead.rows[0].cells].map(title),
    ...[...table.tBodies[0].rows].map((row) => [...row.cells].map(raw)),
  ].map((line) => line.map(quote).join(",")).join("\n") + "\n";

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // no permission, or a page from a file
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) throw new Error("the browser refused");
    }
  };

  const said = document.getElementById("said");
  let timer;
  const say = (text) => {
    said.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { said.textContent = ""; }, 4000);
  };

  for (const button of document.querySelectorAll(".data th button"))
    button.addEventListener("click", () => sort(button.parentNode));
  for (const button of document.querySelectorAll(".copy"))
    button.addEventListener("click", async () => {
      const table = document.getElementById(button.dataset.table);
      try {
        await copy(csv(table));
        say(`${table.tBodies[0].rows.length} rows copied as CSV`);
      } catch (error) {
        say(`not copied: ${error.message}`);
      } finally {
        button.focus();
      }
    });
})();
