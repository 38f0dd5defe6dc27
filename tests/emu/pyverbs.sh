#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# rdma-core's own tests, as Debian's packages have them: keys (list,
# interleaved, remote invalidation), raw WQEs, CQs, QPs, MRs, fork.
if [ "$RW_TESTS" = fast ]; then
	echo "1..0 # SKIP RW_TESTS=fast leaves programs out that are not ours"
	exit 0
fi
emu=$RW_SRCDIR/emu/rw_emu
src=/usr/share/doc/rdma-core/tests
python=/usr/bin/python3
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# In each module so many pass (the rest asks for what this device has not, and
# skips): fewer means that something which worked does not.
modules="mlx5_mkey:6 mlx5_raw_wqe:1 cq:3 cqex:3 cq_events:1 qp:9 qpex:7 mr:5 pd:4 fork:1 mlx5_uar:1"

if ! "$python" -c 'import pyverbs.device' 2>/dev/null || [ ! -e $src/run_tests.py ]; then
	echo "1..0 # SKIP no pyverbs, or no tests of rdma-core"
	exit 0
fi
mkdir "$tmp/tests" && cp $src/* "$tmp/tests" && gunzip -f "$tmp"/tests/*.gz
set -- $modules
echo "1..$#"
n=0
# Its QPs of 1000 large WRs need a device with longer queues.
RW_EMU_MAX_QP_WR=32768
export RW_EMU_MAX_QP_WR
for m in $modules; do
	n=$((n + 1))
	(cd "$tmp" && timeout -k 1 60 "$emu" "$python" tests/run_tests.py --dev mlx5_0 -v \
		"tests.test_${m%:*}") >"$tmp/out" 2>&1 </dev/null
	rc=$?
	passed=$(grep -c 'ok$' "$tmp/out")
	if [ $rc = 0 ] && [ "$passed" -ge "${m#*:}" ]; then
		echo "ok $n - tests.test_${m%:*} ($passed pass)"
	else
		echo "not ok $n - tests.test_${m%:*} ($passed pass, status $rc)"
		tail -n 20 "$tmp/out" | sed 's/^/# /'
	fi
done
