#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib_rw_bw on a host without RDMA devices."""
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from rwcase import (DEVICE, NAME, OK, USAGE, alone, case, client, eq, main, new_port, refused,
                    true)


for a_device in None, "rxe0":
    def _(device=a_device):
        run = client(new_port(), device=device)
        refused(run, DEVICE, "no RDMA device on this host", "rdma link add rxe0 type rxe")
        eq(run.report, None, "a report")
    case(f"a client, -d {a_device or 'not given'}")(_)


@case("a server")
def _():
    run = alone("-p", new_port())
    refused(run, DEVICE, "no RDMA device on this host")
    eq(run.out, "", "standard output")


@case("usage comes before devices")
def _():
    refused(client(new_port(), "--sges=0"), USAGE, "--sges")


@case("-h and -V need no device")
def _():
    for option in "-h", "--help", "-V", "--version":
        run = alone(option)
        eq((run.status, run.err), (OK, ""), option)
        true(NAME in run.out, f"the program's name in the answer to {option}")
    for option in "--mr_pool", "--on_exhaustion", "--tx-depth", "--verify":
        true(option in alone("--help").out, option)


main(topology="none")
