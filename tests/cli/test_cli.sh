#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Exit codes and messages of the programs; no RDMA device is needed.
set -u

: "${RW_BUILDDIR:?}"
bw=$RW_BUILDDIR/ib_rw_bw
program=ib_rw_bw
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

# result STATUS NAME
result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		echo "# exit status ${got:-}"
		sed 's/^/# stdout: /' "$dir/out" | head -n 5
		sed 's/^/# stderr: /' "$dir/err" | head -n 5
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# run ARGUMENT...: status in $got, output in $dir/out and $dir/err
run() {
	timeout 20 "$RW_BUILDDIR/$program" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
}

# one_line WORD: all that was said is one line on stderr, with WORD in it
one_line() {
	[ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -q "^$program: " "$dir/err" && grep -qF -- "$1" "$dir/err"
}

# refused NAME STATUS WORD ARGUMENT...
refused() {
	name=$1
	want=$2
	word=$3
	shift 3
	run "$@"
	[ "$got" -eq "$want" ] && one_line "$word"
	result $? "$name: exit $want"
}

# ---- help and version
for option in -h --help; do
	run "$option"
	[ "$got" -eq 0 ] && [ ! -s "$dir/err" ] && grep -q -- '--mr_pool=COUNT' "$dir/out" &&
		grep -q 'default 64K' "$dir/out"
	result $? "$option: exit 0, on stdout"
done
for option in -V --version; do
	run "$option"
	[ "$got" -eq 0 ] && [ ! -s "$dir/err" ] && [ "$(wc -l <"$dir/out")" -eq 1 ] &&
		grep -qE '^ib_rw_bw \(rwperf\) [0-9]+\.[0-9]+' "$dir/out"
	result $? "$option: exit 0, one line"
done
run -h some host
[ "$got" -eq 0 ]
result $? "-h wins over what else is wrong"

# ---- usage
refused "unknown option" 2 "--bogus" --bogus
refused "unknown letter" 2 "unknown option -1" -1
refused "value missing" 2 "--size needs a value" -s
refused "value of a flag" 2 "takes no value" --verify=1
refused "no number" 2 "--size" -s 64KB
refused "out of range" 2 "1 to 1024" -q 0
refused "unknown path" 2 "direct, mr or auto" --path=umr host
refused "path twice" 2 "once" --path=mr,mr host
refused "two hosts" 2 "one host" host other
refused "empty host" 2 "host" ""
refused "exclusive options" 2 "--iters and --duration" -n 5 -D 5 host
refused "two flags without a peer" 2 "--list_engines and --selftest" --list_engines --selftest
refused "a flag without a peer, and a host" 2 "no peer" --selftest host
refused "segments that do not make up the size" 2 "--sges=16" --sges=15 --segment=4K host
refused "bytes that are no characters" 2 "unknown" "$(printf -- '--a\nb\033[2J')"

# ---- loads, and what only one of the programs has
refused "two loads" 2 "--rate and --think_us" --rate=1000 --think_us=10 host
refused "unknown arrivals" 2 "poisson, fixed or burst:N" --rate=1000 --arrival=bogus host
refused "a burst of none" 2 "burst:N" --rate=1000 --arrival=burst:0 host
refused "a share over 1" 2 "--pool_target: '2'" --pool_target=2 host
refused "a share that is no number" 2 "--pool_target: 'nan'" --pool_target=nan host
for option in --percentiles=50 --report-histogram --report-unsorted --report-cycles -H -U -C; do
	refused "$option for ib_rw_bw" 2 "is an option of ib_rw_lat" $option host
done
program=ib_rw_lat
for option in --report_gbits --noPeak -N; do
	refused "$option for ib_rw_lat" 2 "is an option of ib_rw_bw" $option host
done
for list in 101 x -1 nan 50,,99 "50," ",50" 1e1 .; do
	refused "--percentiles=$list" 2 "is no number from 0 to 100" --percentiles="$list" host
done
refused "--percentiles of nothing" 2 "the value is empty" --percentiles= host
refused "17 percentiles" 2 "more than 16" \
	--percentiles=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 host
refused "samples of a run without end" 2 "give -n" -U -D 1 host
refused "samples beyond number" 2 "at most 10000000" -U -n 5000001 -q 2 host
refused "the two loads, here, too" 2 "--rate and --think_us" --rate=1000 --think_us=10 host
run -h
[ "$got" -eq 0 ] && grep -q -- '--percentiles=LIST' "$dir/out" && ! grep -q gbits "$dir/out" &&
	grep -q 'default 4K' "$dir/out"
result $? "ib_rw_lat --help: its own options and defaults"
program=ib_rw_bw

# ---- files
refused "--json into a missing directory" 1 "$dir/missing/x.json" --json "$dir/missing/x.json" host
refused "--json onto a directory" 1 "Is a directory" --json "$dir" host
refused "the file is tried before the device" 1 "$dir/missing" --json "$dir/missing/x" -d none host
[ -z "$(find "$dir" -mindepth 1 ! -name out ! -name err)" ]
result $? "nothing is left behind"
if [ -c /dev/full ]; then
	timeout 20 "$bw" --help >/dev/full 2>"$dir/err"
	got=$?
	: >"$dir/out"
	# Whether the reason is still known depends on where the last block of the text began.
	[ $got -eq 1 ] && one_line "standard output"
	result $? "stdout on a full disk: exit 1"
else
	skip "stdout on a full disk" "no /dev/full"
fi
timeout 20 "$bw" --help >&- 2>"$dir/err"
got=$?
: >"$dir/out"
[ $got -eq 1 ] && one_line "standard output"
result $? "stdout closed: exit 1"
(
	ulimit -f 0
	timeout 20 "$bw" --help >"$dir/limited" 2>&-
)
got=$?
[ $got -eq 1 ]
result $? "a limit on the size of files: exit 1, no signal"

# ---- device
if [ -n "$(ls -A /sys/class/infiniband 2>/dev/null)" ]; then
	skip "no RDMA device" "this host has one"
	skip "no RDMA device, server" "this host has one"
else
	refused "no RDMA device" 4 "no RDMA device" localhost
	refused "no RDMA device, server" 4 "no RDMA device" -p 1
fi
refused "unknown device" 4 "device" -d no_such_device0 localhost
refused "unknown device, --selftest" 4 "device" -d no_such_device0 --selftest

echo "1..$number"
