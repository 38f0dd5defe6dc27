# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Statistics of repetitions: intervals, differences, corrections for many rows. Pure.

Figures of benchmarks are compared by their ratio, so by the difference of their
logarithms, with Welch's t: the spreads of two sets need not be the same.
"""
import math
from statistics import fmean, median, stdev
from typing import NamedTuple


class Estimate(NamedTuple):
    """A value and its interval. With too few values low and high are infinite."""

    value: float
    low: float
    high: float
    n: int


class Contrast(NamedTuple):
    """How the second sample relates to the first: their ratio, its interval, and p of no difference."""

    ratio: float
    low: float
    high: float
    p: float


# ---- Student's t

def _beta_fraction(a, b, x):
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 300):
        for term in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                     -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            result *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return result


def _beta(a, b, x):
    """The regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) +
                     a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1 - x) / b


def t_two_sided(t, df):
    """The share of Student's t with @df degrees of freedom that is further from 0 than @t."""
    return _beta(df / 2, 0.5, df / (df + t * t))


def t_quantile(confidence, df):
    """The t that @confidence of the distribution is within, on both sides of 0."""
    low, high = 0.0, 1.0
    while t_two_sided(high, df) > 1 - confidence and high < 1e9:
        high *= 2
    for _ in range(45):  # to 1e-13
        middle = (low + high) / 2
        if t_two_sided(middle, df) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


# ---- intervals and differences

def mean_interval(values, confidence=0.95):
    """The mean of @values as an Estimate."""
    values = list(values)
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(mean, -math.inf, math.inf, len(values))
    half = t_quantile(confidence, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half, len(values))


def contrast(before, after, confidence=0.95):
    """after / before as a Contrast, of positive values; None if one has fewer than two."""
    if min(len(before), len(after)) < 2 or min(*before, *after) <= 0:
        return None
    first, second = ([math.log(value) for value in values] for values in (before, after))
    by = fmean(second) - fmean(first)
    shares = [stdev(values) ** 2 / len(values) for values in (first, second)]
    error = math.sqrt(sum(shares))
    if error <= 1e-15 * max(1.0, abs(by)):  # counts that repeat exactly
        return Contrast(math.exp(by), math.exp(by), math.exp(by), float(abs(by) <= 1e-12))
    df = sum(shares) ** 2 / (shares[0] ** 2 / (len(first) - 1) + shares[1] ** 2 / (len(second) - 1))
    half = t_quantile(confidence, df) * error
    return Contrast(math.exp(by), math.exp(by - half), math.exp(by + half),
                    t_two_sided(by / error, df))


def holm(ps):
    """Holm's adjusted p-values: a family is wrong anywhere with the chance of its level.

    It holds however rows depend on each other, which rows of one block do: a busy
    moment of the host meets many of them.
    """
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = worst
    return adjusted


# ---- what does not fit

def outliers(values, limit=5.0):
    """Indices of @values that are far from the others: by so many robust standard deviations.

    Fewer than five values tell nothing. 1.4826 makes the median of absolute deviations
    the standard deviation of a normal distribution; a floor of 1 % of the median keeps values
    that are practically the same from being strangers to each other.
    """
    if len(values) < 5:
        return []
    middle = median(values)
    spread = max(1.4826 * median(abs(value - middle) for value in values), 0.01 * abs(middle))
    return [i for i, value in enumerate(values) if spread and abs(value - middle) > limit * spread]
