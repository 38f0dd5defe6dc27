#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# Every assumption about real hardware that the code marks is in the README,
# file by file, and the README names no other.
cd "$RW_SRCDIR/emu" || exit 99
marked=$(grep -o 'Assumption:' ./*.c ./*.h | sed 's|^\./||; s/:.*//' | sort | uniq -c)
listed=$(sed -n '/^## Assumptions/,/^## Where/s/^- \([a-z]*\.[ch]\): .*/\1/p' README.md | sort | uniq -c)
echo "1..1"
if [ -n "$marked" ] && [ "$marked" = "$listed" ]; then
	echo "ok 1 - README.md lists the assumptions that the code marks"
else
	echo "not ok 1 - README.md lists the assumptions that the code marks"
	echo "$marked" | sed 's/^/# marked /'
	echo "$listed" | sed 's/^/# listed /'
fi
