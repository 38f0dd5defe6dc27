#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The planner answers every recorded case, and rw_vectors can tell when it does not.
set -u

: "${RW_SRCDIR:?}" "${RW_BUILDDIR:?}"
vectors=$RW_SRCDIR/tests/vectors/rw_plan.jsonl.gz
rules=$RW_SRCDIR/tests/vectors/rw_rules.jsonl
program=$RW_BUILDDIR/tests/unit/rw_vectors
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

# result NAME: tells of the command before it
result() {
	status=$?
	number=$((number + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		tail -n 5 "$dir/out" | sed 's/^/# /'
	fi
}

# run STATUS LAST_LINE [ARGUMENT...]: the program on standard input
run() {
	want_status=$1
	want_line=$2
	shift 2
	"$program" "$@" >"$dir/out" 2>&1
	got_status=$?
	if [ $got_status -ne "$want_status" ]; then
		echo "exit status $got_status, not $want_status" >>"$dir/out"
		return 1
	fi
	[ "$(tail -n 1 "$dir/out")" = "$want_line" ]
}

# reject NAME LINE: a malformed case fails without a crash
reject() {
	printf '%s\n' "$2" | run 1 '0 passed, 1 failed' -
	result "malformed: $1"
}

# one PATTERN: the shortest case that matches
one() {
	grep "$1" "$dir/all" | awk '!min || length($0) < min { min = length($0); line = $0 } END { print line }'
}

if ! gzip -dc "$vectors" >"$dir/all"; then
	echo "Bail out! cannot read $vectors"
	exit 99
fi
cases=$(wc -l <"$dir/all")
one '"kind":"ctx".*"signaled":true' >"$dir/ctx"
one '"kind":"seq"' >"$dir/seq"
one '"kind":"size"' >"$dir/size"

run 0 "$cases passed, 0 failed" - <"$dir/all"
result "all $cases recorded cases from standard input"
run 0 "$(wc -l <"$rules") passed, 0 failed" "$rules"
result "cases worked out by hand"
run 0 "$((cases + 2)) passed, 0 failed" "$dir/all" "$dir/ctx" "$dir/size"
result "cases from several files"
run 1 '0 passed, 0 failed' - </dev/null
result "no case is no success"
run 1 '1 passed, 1 failed' "$dir/ctx" "$dir/missing"
result "a file that cannot be read"
run 2 'usage: rw_vectors FILE...   (-: standard input)'
result "no argument"

{ sed 's/"signaled":true/"signaled":false/' "$dir/ctx"; cat "$dir/size"; } >"$dir/wrong"
run 1 '1 passed, 1 failed' "$dir/wrong" && grep -q 'wrong:1: ctx [0-9]*: at .*signaled: expected false but planned true' "$dir/out"
result "a difference is named with its place"
sed 's/"pool_end":\[/&{"mr":999,"lkey":1,"need_inval":true},/' "$dir/seq" | run 1 '0 passed, 1 failed' -
result "an MR too many at the end"
sed 's/"mr_factor":[0-9]*/"mr_factor":1000000/' "$dir/size" | run 1 '0 passed, 1 failed' -
result "a wrong size"

reject "no JSON" 'nonsense'
reject "a number" '7'
reject "an empty object" '{}'
reject "an array" '[]'
reject "an unknown kind" '{"kind":"other"}'
reject "a kind that is no string" '{"kind":1}'
reject "a key twice" '{"kind":"size","kind":"ctx"}'
reject "nothing but the kind" '{"kind":"ctx"}'
reject "a line cut short" "$(cut -c 1-200 "$dir/ctx")"
reject "no pool" "$(sed 's/"pool":/"loop":/' "$dir/ctx")"
reject "a pool that is no array" "$(sed 's/"pool":\[[^]]*\]/"pool":{}/' "$dir/ctx")"
reject "an MR that is no object" "$(sed 's/"pool":\[[^]]*\]/"pool":[1]/' "$dir/ctx")"
reject "no segments" "$(sed 's/"sg":\[\[[^"]*\]\]/"sg":[]/' "$dir/ctx")"
reject "a segment that is no pair" "$(sed 's/"sg":\[\[[^"]*\]\]/"sg":[7]/' "$dir/ctx")"
reject "an empty segment" "$(sed 's/"sg":\[\[[^"]*\]\]/"sg":[[4096,0]]/' "$dir/ctx")"
reject "an offset beyond the segments" "$(sed 's/"offset":[0-9]*/"offset":99999999999/' "$dir/ctx")"
reject "a negative number" "$(sed 's/"max_sgl_rd":[0-9]*/"max_sgl_rd":-1/' "$dir/ctx")"
reject "more than 32 bits" "$(sed 's/"max_sgl_rd":[0-9]*/"max_sgl_rd":4294967296/' "$dir/ctx")"
reject "a fraction" "$(sed 's/"max_sgl_rd":[0-9]*/"max_sgl_rd":1.5/' "$dir/ctx")"
reject "a limit of 0" "$(sed 's/"max_send_sge":[0-9]*/"max_send_sge":0/' "$dir/ctx")"
reject "a number for a bool" "$(sed 's/"force_mr":[a-z]*/"force_mr":1/' "$dir/size")"
reject "no expectation" "$(sed 's/"expect":/"except":/' "$dir/size")"
reject "no steps" "$(sed 's/"steps":/"stops":/' "$dir/seq")"
reject "no end" "$(sed 's/"pool_end":/"pool_and":/' "$dir/seq")"
reject "steps that are no objects" "$(sed 's/"steps":\[/&1,/' "$dir/seq")"
reject "post before init" "$(sed 's/"steps":\[/&{"do":"post","ctx":1},/' "$dir/seq")"
reject "destroy before init" "$(sed 's/"steps":\[/&{"do":"destroy","ctx":1},/' "$dir/seq")"
reject "a context out of range" "$(sed 's/"ctx":[0-9]*/"ctx":64/' "$dir/seq")"
reject "too many segments" "$(sed 's/"sge_count":[0-9]*/"sge_count":4000000000/' "$dir/seq")"
twice=$(sed 's/"steps":\[\({"do":"init"[^}]*}\)/"steps":[\1,\1/' "$dir/seq")
reject "init twice" "$twice"

echo "1..$number"
