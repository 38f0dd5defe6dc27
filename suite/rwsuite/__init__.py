# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""rw_suite: from measurements of ib_rw_bw and ib_rw_lat to decisions.

store, stats and figures lie below everything; each verb is a module above them
(see cli), and no verb sees another.
"""
VERSION = "0.1.0"  # as in configure.ac; tests/suite checks it
