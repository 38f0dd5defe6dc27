# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Which hosts of a cluster measure with which. Pure."""
import itertools
import re
from typing import NamedTuple

from .errors import USAGE, SuiteError

# What launchers, shells and paths of result sets take as one word.
NAME = re.compile(r"[\w.+@][\w.+@-]*")
SHAPES = {
    "pairs": "the first host with the second, the third with the fourth, and so on",
    "ring": "each with the next, the last with the first: each is in two pairs",
    "all": "each with each",
    "incast": "all others at once with the first, which is their server",
}


class Pair(NamedTuple):
    server: str
    client: str

    @property
    def name(self):
        """Of its result set."""
        return f"{self.server}-{self.client}"

    @property
    def hosts(self):
        return {self.server, self.client}


def of_shape(shape, hosts):
    """The Pairs that @hosts make."""
    if len(hosts) < 2:
        raise SuiteError(f"{len(hosts) or 'no'} host{'' if hosts else 's'}: two or more are needed; "
                         "name them by --hosts, or take an allocation of Slurm", USAGE)
    if shape == "incast":
        return [Pair(hosts[0], client) for client in hosts[1:]]
    if shape == "all":
        return [Pair(*both) for both in itertools.combinations(hosts, 2)]
    if shape == "ring" and len(hosts) > 2:
        return [Pair(*both) for both in zip(hosts, hosts[1:] + hosts[:1])]
    if len(hosts) % 2:
        raise SuiteError(f"{len(hosts)} hosts make no pairs: leave one out, or say --shape=ring",
                         USAGE)
    return [Pair(*both) for both in zip(hosts[::2], hosts[1::2])]


def parse_hosts(text):
    """Names out of a list with commas, or out of a host file of MPI: a line each, its first word."""
    names = []
    for line in text.replace(",", "\n").splitlines():
        words = line.split("#")[0].split()
        if words:
            names.append(words[0].split(":")[0])
    return checked(names)


def checked(names):
    """@names, if they are such of hosts, with a user before them at the most, and each once."""
    for name in names:
        if not NAME.fullmatch(name):
            raise SuiteError(f"{name!r}: no name of a host: give it as host or user@host", USAGE)
        if names.count(name) > 1:
            raise SuiteError(f"host {name} is named twice", USAGE)
    return names
