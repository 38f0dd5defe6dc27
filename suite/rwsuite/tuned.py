# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tune found, in words and numbers. No measuring here."""
import math
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from .exhibits import size_text
from .hosts import BEDS, UNKNOWN_BED


class Line(NamedTuple):
    """A search that has ended."""

    op: str
    size: int
    metric: str
    search: object
    verdict: object


class Pool(NamedTuple):
    """@foretold: by the loss model, None if it names none; @size: that kept to the share."""

    op: str
    bytes: int
    contexts: int
    foretold: int
    size: int
    share: float
    model: str


def recommended(verdict):
    """(lowest, highest) max_sgl_rd that the verdict allows, the second as advice; None if none.

    Above it READs are registered, so that it is one less than the first count at which mr is
    better. 0 switches registering off.
    """
    if verdict.kind == "undecided":
        return None
    if verdict.kind == "none":
        return 0, 0
    return max(1, verdict.low - 1), max(1, verdict.high - 1)


def changed(search, present):
    """Counts whose path another max_sgl_rd would change."""
    advice = recommended(search.verdict())
    if not advice or present is None:
        return []
    last = search.counts[-1]
    ends = sorted(value or last for value in (advice[1], present))
    return [count for count in search.counts if ends[0] < count <= ends[1]]


def effect(search, present):
    """What following the advice changes: (count, ratio, low, high) of the measured counts.

    The ratio is of the path that the advice takes to the one that the present value takes:
    above 1 it is better.
    """
    advice = recommended(search.verdict())
    found = []
    for count in changed(search, present):
        if len(search.samples.get(count, [])) < 2:
            continue
        to_mr = bool(advice[1]) and count > advice[1]
        sign = 1 if to_mr else -1
        low, high = (sign * bound for bound in search.interval(count))
        value = sign * fmean(search.samples[count])
        found.append((count, math.exp(value), *sorted((math.exp(low), math.exp(high)))))
    return found


def _effect_text(line, present):
    if present is None:
        return "the device's present max_sgl_rd is not known"
    if not changed(line.search, present):
        return "the present value is right"
    measured = effect(line.search, present)
    if not measured:
        return "what it would change was not measured"
    best = max(measured, key=lambda one: abs(math.log(one[1])))
    gains = [one for one in measured if one[2] > 1]
    word = "gains" if gains else "changes nothing that is shown"
    return (f"{word}: at {best[0]} segments the other path is {best[1]:.2f} times as good "
            f"({best[2]:.2f} to {best[3]:.2f}), of {len(measured)} counts measured")


@dataclass
class Tuned:
    """All that a tune found."""

    info: dict    # test_info of one run
    lines: list
    present: int  # the firmware's max_sgl_rd, or None
    pools: list
    target: float
    runs: int

    def _advice(self, line):
        advice = recommended(line.verdict)
        if not advice:
            return "-"
        low, high = advice
        if not high:
            return "0 (off)"
        return str(high) if low == high else f"{low} to {high}"

    def text(self):
        bed = (self.info.get("device") or {}).get("class")
        source = self.info["connection"].get("max_sgl_rd_source", "")
        out = [f"NOTE: {BEDS.get(bed, UNKNOWN_BED)[0]}",
               f"max_sgl_rd at present: {self.present} ({source}); {self.runs} runs", "",
               f"{'op':6}{'size':>9}  {'metric':10}{'runs':>5}  {'max_sgl_rd':11} verdict"]
        for line in self.lines:
            out.append(f"{line.op:6}{size_text(line.size):>9}  {line.metric:10}"
                       f"{line.verdict.runs:5}  {self._advice(line):11} {line.verdict.text}")
            odd = line.search.contradicts()
            if odd:
                out.append(f"{'':34}but worse again at {', '.join(map(str, odd))} segments: there "
                           "is more than one crossover")
            if line.op == "read" and recommended(line.verdict):
                out.append(f"{'':34}following it {_effect_text(line, self.present)}"
                           if changed(line.search, self.present) else
                           f"{'':34}{_effect_text(line, self.present)}")
        if any(line.op == "write" for line in self.lines):
            out.append("The kernel's max_sgl_rd counts for READs; WRITEs go direct whatever it is.")
        return "\n".join(out + self._pool_text())

    def _pool_text(self):
        out = []
        for pool in self.pools:
            what = f"{pool.op} {size_text(pool.bytes)}, {pool.contexts} in flight: "
            if pool.size is None:
                out.append(what + "the loss model names no pool for this load and share")
            elif pool.share > self.target:
                out.append(what + f"not decided: {pool.size} MRs were still empty for "
                           f"{pool.share:.2%} of operations")
            else:
                out.append(what + f"a pool of {pool.size} MRs ({pool.foretold} foretold by "
                           f"{pool.model or 'the model'}) was empty for {pool.share:.3%}, "
                           f"wished at most {self.target:.3%}")
        return [""] + out if out else []

    def as_json(self):
        return {"format": 1, "max_sgl_rd": self.present, "runs": self.runs, "crossovers": [
            {"op": line.op, "size": line.size, "metric": line.metric, "verdict": line.verdict.kind,
             "low": line.verdict.low, "high": line.verdict.high, "runs": line.verdict.runs,
             "certain": line.verdict.certain, "recommended_max_sgl_rd": recommended(line.verdict),
             "effect": [dict(zip(("sges", "ratio", "low", "high"), one))
                        for one in effect(line.search, self.present)]} for line in self.lines],
            "pools": [{**pool._asdict(), "target": self.target} for pool in self.pools]}
