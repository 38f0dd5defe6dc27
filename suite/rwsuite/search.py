# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Finds the segment count from which on one path is better, by as few noisy measurements as it takes.

Bisection on counts: each is measured again and again until an interval says which path is better
there, or until it has had so many measurements that "not told apart" is the answer. It rests on
one assumption: where path mr is better, it is better with more segments too. Pure: who measures
asks wants() and tells add().
"""
import functools
import math
from statistics import fmean, stdev
from typing import NamedTuple

from .stats import t_quantile

LOOKS = (4, 6, 9, 13, 18)  # a count is looked at when it has so many measurements
BETTER, WORSE, UNCLEAR = 1, -1, 0  # path mr, at a count


_quantile = functools.lru_cache(maxsize=None)(t_quantile)  # the same few, again and again


class Verdict(NamedTuple):
    """The first count at which mr is better lies in low to high, both included.

    @kind: "crossover"; "always": also at the least count; "none": not even at the largest;
    "undecided": more measurements are needed to say even that.
    """

    kind: str
    low: int
    high: int
    runs: int
    certain: bool  # False: the budget ended the search; it might become narrower

    @property
    def text(self):
        if self.kind == "none":
            return f"no crossover up to {self.high} segments"
        if self.kind == "always":
            return f"mr is better from {self.high} segment{'s' * (self.high > 1)} on"
        if self.kind == "undecided":
            return "not decided, more runs needed"
        more = "" if self.certain else " so far: more runs needed"
        if self.low == self.high:
            return f"mr is better from {self.high} segments on"
        return f"mr is better from a count in {self.low} to {self.high} on{more}"


class Search:
    """One search among @counts, ascending. @confidence is of the whole verdict."""

    def __init__(self, counts, confidence=0.95, budget=400):
        self.counts = list(counts)
        self.budget = budget
        self.samples = {}
        self.runs = 0
        # The chance of error is dealt to the decisions of a bisection and to their looks.
        decisions = 2 + math.ceil(math.log2(max(2, len(self.counts))))
        self._level = 1 - (1 - confidence) / decisions / len(LOOKS)
        self._said = {}  # count: BETTER, WORSE or UNCLEAR

    def add(self, count, log_ratio):
        """A measurement at @count: the logarithm of how much better mr was than direct."""
        values = self.samples.setdefault(count, [])
        values.append(log_ratio)
        self.runs += 1
        if count in self._said or len(values) not in LOOKS:
            return
        low, high = self.interval(count, self._level)
        if low > 0 or high < 0:
            self._said[count] = BETTER if low > 0 else WORSE
        elif len(values) >= LOOKS[-1]:
            self._said[count] = UNCLEAR

    def interval(self, count, confidence=0.95):
        """Of the logarithm at @count."""
        values = self.samples[count]
        if len(values) < 2:
            return -math.inf, math.inf
        half = _quantile(confidence, len(values) - 1) * stdev(values) / math.sqrt(len(values))
        return fmean(values) - half, fmean(values) + half

    def wants(self):
        """The count to measure next, or None: the verdict is there, or the budget used up."""
        return None if self.runs >= self.budget else self._next()

    def _next(self):
        first, last = self.counts[0], self.counts[-1]
        if self._said.get(last, BETTER) != BETTER:
            return None
        for count in (last, first):
            if count not in self._said:
                return count
        if self._said[first] == BETTER:
            return None
        worse, better = self._bounds()
        between = [count for count in self.counts if worse < count < better]
        unclear = [count for count in between if self._said.get(count) == UNCLEAR]
        if not unclear:
            return _middle(between)
        # What is not told apart has two edges, and each is searched.
        return (_middle([count for count in between if count < min(unclear)]) or
                _middle([count for count in between if count > max(unclear)]))

    def _bounds(self):
        """The largest count at which mr is worse (0: none), below the least at which it is better."""
        better = min(count for count, said in self._said.items() if said == BETTER)
        return max((count for count, said in self._said.items()
                    if said == WORSE and count < better), default=0), better

    def contradicts(self):
        """Counts at which mr is worse although it is better at a smaller one."""
        better = [count for count, said in self._said.items() if said == BETTER]
        return sorted(count for count, said in self._said.items()
                      if said == WORSE and better and count > min(better))

    def verdict(self):
        """What is known now."""
        first, last = self.counts[0], self.counts[-1]
        if self._said.get(last) == WORSE:
            return Verdict("none", last, last, self.runs, True)
        if self._said.get(last) != BETTER:
            return Verdict("undecided", first, last, self.runs, False)
        if self._said.get(first) == BETTER:
            return Verdict("always", first, first, self.runs, True)
        worse, better = self._bounds()
        low = min(count for count in self.counts if count > worse)
        return Verdict("crossover", low, better, self.runs, self._next() is None)


def _middle(counts):
    """The one nearest to the geometric middle, since crossovers are looked for on all scales."""
    if not counts:
        return None
    aim = math.sqrt(counts[0] * counts[-1])
    return min(counts, key=lambda count: abs(math.log(count / aim)))
