#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The table of perftest's options: is each in it, and README.md as the program says?
set -u

: "${RW_BUILDDIR:?}" "${RW_SRCDIR:?}"
export LC_ALL=C # sort and comm agree
program=$RW_BUILDDIR/ib_rw_bw
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

# result STATUS NAME: what stands in $dir/why is shown if it failed
result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$dir/why" | head -n 40
	fi
}

# all_in FILE: is each line of it in the table? A letter may be missing in FILE.
all_in() {
	[ -s "$1" ] || echo "no option found" >"$dir/why"
	[ -s "$1" ] || return 1
	sort -u "$1" | comm -23 - "$dir/table" >"$dir/why"
	[ ! -s "$dir/why" ]
}

# As perftest_options.txt: "letter name". In lines of the table only its first cell counts.
timeout 20 "$program" --perftest >"$dir/markdown" 2>"$dir/why"
# shellcheck disable=SC2016 # awk's, and Markdown's
awk -F'|' '{ print /^\|/ ? $2 : $0 }' "$dir/markdown" | grep -oE '`(-. )?--[A-Za-z0-9_=-]+`' |
	tr -d '`' | sed -E 's/^-(.) --/\1 /; s/^--/- /' | sort -u >"$dir/table"
[ "$(wc -l <"$dir/table")" -gt 150 ]
result $? "--perftest prints a table"

# A stale section shows as a difference, one that was written anew does not.
"$RW_SRCDIR/scripts/parity" --check "$program" "$RW_SRCDIR/README.md" >"$dir/why" 2>&1
result $? "README.md has the table as it is"
sed '/--use_cuda=/d' "$RW_SRCDIR/README.md" >"$dir/stale.md"
"$RW_SRCDIR/scripts/parity" --check "$program" "$dir/stale.md" >"$dir/why" 2>&1
[ $? -eq 1 ] && grep -q '^+.*use_cuda' "$dir/why" &&
	"$RW_SRCDIR/scripts/parity" "$program" "$dir/stale.md" >"$dir/why" 2>&1 &&
	cmp "$dir/stale.md" "$RW_SRCDIR/README.md" >>"$dir/why" 2>&1
result $? "scripts/parity finds a stale table and makes it new"

grep -v '^#' "$RW_SRCDIR/tests/cli/perftest_options.txt" | sort >"$dir/master"
all_in "$dir/master"
result $? "each option of perftest's master, with its letter and whether it takes a value"
# What only older versions have is little: a slip of the pen shows here.
sort "$dir/table" | comm -23 - "$dir/master" >"$dir/why"
[ "$(tr '\n' ' ' <"$dir/why")" = "- com_rdma_cm - inline_recv= " ]
result $? "no option that no perftest has"

# Their help tells of values in no regular way, and in 4.5 of -z by another name: letters and
# names by themselves.
tr -d = <"$dir/table" | tr ' ' '\n' | sort -u >"$dir/words"
mv "$dir/words" "$dir/table"
for theirs in ib_read_bw ib_write_bw ib_read_lat ib_write_lat; do
	if ! command -v "$theirs" >/dev/null; then
		number=$((number + 1))
		echo "ok $number - each option of $theirs --help # SKIP no $theirs here (package perftest)"
		continue
	fi
	timeout 20 "$theirs" --help 2>&1 </dev/null |
		sed -nE 's/^[[:space:]]+(-(.), )?--([A-Za-z0-9_-]+).*/\2 \3/p' |
		tr -s ' ' '\n' | sed '/^$/d' >"$dir/help"
	all_in "$dir/help" && [ "$(wc -l <"$dir/help")" -gt 60 ]
	result $? "each option of $theirs --help"
done

# Both programs know them.
for ours in ib_rw_bw ib_rw_lat; do
	timeout 20 "$RW_BUILDDIR/$ours" -F --use_cuda=0 host >"$dir/out" 2>"$dir/why" </dev/null
	[ $? -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/why")" -eq 1 ] &&
		grep -q "^$ours: --use_cuda is perftest's and does not apply here: " "$dir/why"
	result $? "$ours --use_cuda: one line, exit 2"
done

echo "1..$number"
