# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What of a report describes the set-up: facts that must be the same in all runs of a set."""

# Chosen anew by each run, or for it.
_OF_A_RUN = {"placement"}


def facts(report):
    """{"client host kernel": value, ...} of both sides."""
    info = report["test_info"]
    found = {"version of rwperf": info["version"]}
    peer = info.get("peer") or {}
    for side, of_side in (("client", info), ("server", peer)):
        for what in "host", "device":
            for key, value in (of_side.get(what) or {}).items():
                if key not in _OF_A_RUN:
                    found[f"{side} {what} {key}"] = value
    connection = info.get("connection") or {}
    if "clock" in connection:
        found["client clock"] = connection["clock"]["name"]
    return found


def values(runs):
    """{fact: [each value that it has in @runs]}."""
    seen = {}
    for run in runs:
        if run["report"]:
            for name, value in facts(run["report"]).items():
                if value not in seen.setdefault(name, []):
                    seen[name].append(value)
    return seen


def differences(before, after):
    """[(fact, values there, values here)] where two result sets differ."""
    first, second = values(before), values(after)
    return [(name, first.get(name, []), second.get(name, []))
            for name in dict.fromkeys([*first, *second])
            if sorted(map(str, first.get(name, []))) != sorted(map(str, second.get(name, [])))]
