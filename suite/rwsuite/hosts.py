# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The set-up tables of a report, and what each bed can and cannot show."""
import json

MISSING = "not reported"

BEDS = {
    "emulated": (
        "Emulated device: none of these figures says anything about hardware",
        "The devices are software in the programs' own processes. The sets show that the method works, "
        "counts (WRs, WQE bytes, exhaustions against pool and concurrency), and how costs relate that "
        "were set in the emulator. They cannot show any time, bandwidth, rate, CPU cost or crossover of a "
        "real device; nor PCIe, cache, translation, loss or congestion."),
    "rxe": (
        "Soft-RoCE (rxe): none of these figures says anything about hardware",
        "The devices are a kernel driver over Ethernet. The sets show that the method works over a real "
        "kernel and network stack, and counts. They cannot show any time, bandwidth or CPU cost of an "
        "RDMA device; MRs are made by system calls here, which no device with UMRs needs."),
    "siw": (
        "Soft-iWARP (siw): none of these figures says anything about hardware",
        "The devices are a kernel driver over TCP. The sets show that the method works under iWARP's rules, "
        "and counts. They cannot show any time, bandwidth or CPU cost of an RDMA device."),
    "hardware": (
        "Hardware: these figures hold for this set-up",
        "Another firmware, kernel, PCIe slot, BIOS setting or load may give others. No engine is the "
        "kernel's fast registration: what path mr costs here is not what a kernel user pays."),
}
UNKNOWN_BED = ("Unknown bed: take these figures for nothing about hardware",
               "The set does not say on what kind of device it was measured.")


def _bytes(value):
    return f"{value / (1 << 30):.1f} GiB" if isinstance(value, (int, float)) else value


def _limit(value):
    return f"{value / (1 << 20):g} MiB" if isinstance(value, (int, float)) else value


def _joined(*keys, form="{}"):
    """A text of several values, or None if one is missing."""
    def make(facts):
        values = [_at(facts, key) for key in keys]
        return None if None in values else form.format(*values)
    return make


def _iommu(facts):
    kind = _at(facts, "device.iommu_group_type")
    return {"identity": "passthrough (identity): nothing coalesces"}.get(kind, kind)


def _at(facts, path):
    for key in path.split("."):
        facts = facts.get(key) if isinstance(facts, dict) else None
    return facts


# What it is, and where it is in a side's facts; or what makes it of them.
FACTS = (
    ("Host", "host.hostname"), ("Server", "host.product"), ("CPU", "host.cpu_model"),
    ("Packages, cores, threads",
     _joined("host.packages", "host.cores", "host.threads", form="{}, {}, {}")),
    ("CPU governor", "host.governor"),
    ("Memory", lambda facts: _bytes(_at(facts, "host.memory_bytes"))),
    ("NUMA nodes", "host.numa_nodes"), ("Kernel", "host.kernel"),
    ("Kernel's boot line", "host.kernel_command_line"),
    ("Locked memory, at most", lambda facts: _limit(_at(facts, "host.memlock_bytes"))),
    ("Placement", "host.placement.text"),
    ("Warnings", lambda facts: "; ".join(map(str, _at(facts, "host.placement.warnings") or []))
     if _at(facts, "host.placement.warnings") is not None else None),
    ("Device", _joined("device.name", "device.class", "device.port", form="{} ({}), port {}")),
    ("Part", _joined("device.vendor_id", "device.vendor_part_id", form="vendor {}, part {}")),
    ("Board", "device.board_id"), ("Firmware", "device.firmware"),
    ("Link", _joined("device.link_layer", "device.rate", form="{}, {}")),
    ("Active MTU", "device.active_mtu"), ("GID", _joined("device.gid", "device.gid_type",
                                                         form="{} ({})")),
    ("PCIe", _joined("device.pcie_speed", "device.pcie_width", form="{} x{}")),
    ("PCIe relaxed ordering", "device.relaxed_ordering"),
    ("NUMA node of the device", "device.numa_node"), ("IOMMU", _iommu),
    ("rdma-core", "device.libibverbs"),
    ("Limits", _joined("device.max_sge", "device.max_sge_rd", "device.max_qp_wr",
                       "device.max_qp_rd_atom",
                       form="max_sge {}, max_sge_rd {}, max_qp_wr {}, max_qp_rd_atom {}")),
    ("Buffers", _joined("memory.bytes", "memory.kind", "memory.page_bytes",
                        form="{} bytes of kind {}, pages of {}")),
)
# Of a run rather than of a side: they may be different without the set-up being another.
OF_A_RUN = {"Placement", "Buffers", "Warnings"}

CONNECTION = (
    ("Path MTU", "connection.mtu"), ("Outstanding READs of a QP", "connection.outstanding_reads"),
    ("max_sgl_rd", _joined("connection.max_sgl_rd", "connection.max_sgl_rd_source",
                           form="{} ({})")),
    ("Clock", "connection.clock.name"), ("Version of rwperf", "version"),
)


def _text(fact, facts):
    value = fact(facts) if callable(fact) else _at(facts, fact)
    if value is None:
        return MISSING
    return str(value) if str(value) else "none"


def _facts_of(info):
    client = {name: _text(fact, info) for name, fact in FACTS}
    server = {name: _text(fact, info.get("peer") or {}) for name, fact in FACTS}
    common = {name: _text(fact, info) for name, fact in CONNECTION}
    return client, server, common


def setups(runs):
    """[{"rows": [(fact, client, server)], "common": [(fact, value)], "runs": how many}]

    One for each set-up among @runs, apart from what belongs to a run. More than one is worth a
    warning.
    """
    found = {}
    for run in runs:
        if not run.get("report"):
            continue
        client, server, common = _facts_of(run["report"]["test_info"])
        key = json.dumps([{name: value for name, value in side.items() if name not in OF_A_RUN}
                          for side in (client, server)])
        entry = found.setdefault(key, {"rows": [(name, client[name], server[name])
                                                for name, _ in FACTS],
                                       "common": list(common.items()), "runs": 0})
        entry["runs"] += 1
    return list(found.values())


def banners(beds):
    """(bed, headline, text) of each of @beds, those without hardware first."""
    return [(bed, *BEDS.get(bed, UNKNOWN_BED))
            for bed in sorted(set(beds), key=lambda bed: (bed == "hardware", bed))]
