#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# Under valgrind, and instruction counts that repeat. Takes minutes: only with
# RW_TEST_LONG=1.
emu=$RW_SRCDIR/emu/rw_emu
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

if [ -z "$RW_TEST_LONG" ] || ! command -v valgrind >/dev/null || ! command -v ib_read_bw >/dev/null; then
	echo "1..0 # SKIP takes minutes (RW_TEST_LONG=1 runs it), needs valgrind and perftest"
	exit 0
fi
echo "1..4"
n=0
say() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out" | tail -n 30
	fi
}

for t in test_mkey test_rdma test_queue; do
	timeout -k 1 200 "$emu" valgrind -q --error-exitcode=9 \
		"$RW_BUILDDIR/tests/emu/$t.emu" >"$tmp/out" 2>&1 </dev/null &&
		! grep -q '^==' "$tmp/out"
	say $? "valgrind finds nothing in $t"
done

# With the background thread off only the polls drive the device, and the same
# program executes the same instructions.
count() {
	RW_EMU_TICK=0 timeout -k 1 100 "$emu" valgrind --tool=callgrind \
		--callgrind-out-file=/dev/null "$RW_BUILDDIR/tests/emu/cycles" 2>&1 |
		sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
a=$(count)
b=$(count)
echo "# $a and $b instructions" | tee "$tmp/out"
[ -n "$a" ] && [ "$(((a > b ? a - b : b - a) * 1000))" -le "$a" ]
say $? "instruction counts repeat within 0.1 %"
