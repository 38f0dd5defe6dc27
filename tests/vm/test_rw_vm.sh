#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The test bed: what a command sees in the guest, what comes out of it, and that
# no trouble in there goes unnoticed.
#
# Needs the kernel that vm/build makes. Without it the tests are skipped, or
# fail if RW_REQUIRE_VM is 1.
# shellcheck disable=SC2016,SC2034 # conditions are single words for eval
set -u

srcdir=${RW_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd -P)}
rw_vm=$srcdir/vm/rw_vm
unset RW_SRCDIR RW_BUILDDIR	# rw_vm shows them in the guest

if [ "${RW_TESTS-}" = fast ]; then
	echo '1..0 # SKIP RW_TESTS=fast leaves virtual machines out'
	exit 0
fi
if ! built=$("$srcdir/vm/build" --print 2>&1); then
	if [ "${RW_REQUIRE_VM-}" = 1 ]; then
		echo "Bail out! $built"
		exit 1
	fi
	echo "1..0 # SKIP $built"
	exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/test_rw_vm.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
work=$(pwd -P)
# A kernel of our own tells our guests from those of others, and its processes
# on the host by /proc/PID/exe. What rw_vm leaves behind shows in $work/tmp.
cp "$built" "$work/linux"
export RW_VM_KERNEL=$work/linux TMPDIR=$work/tmp
mkdir "$TMPDIR"

# ---- the means

count=0
failed=0
result() {	# ok|not_ok NAME
	count=$((count + 1))
	if [ "$1" = ok ]; then
		echo "ok $count - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	echo "# status $status; standard output, standard error:"
	head -c 2000 out | sed 's/^/# > /'
	head -c 6000 err | sed 's/^/# ! /'
}

check() {	# NAME CONDITION...
	local name=$1
	shift
	if "$@"; then result ok "$name"; else result not_ok "$name"; fi
}

all() {	# NAME CONDITION [CONDITION...], each one word for eval
	local name=$1 condition
	shift
	for condition; do
		if ! eval "$condition"; then
			result not_ok "$name"
			echo "# not true: $condition"
			return
		fi
	done
	result ok "$name"
}

# Bounded, whatever rw_vm does. Sets status, took (seconds), out, err.
vm() {
	local began=$SECONDS
	timeout -k 5 100 "$rw_vm" "$@" >out 2>err
	status=$?
	took=$((SECONDS - began))
}

left_on_host() {	# prints processes of our guests
	local process
	for process in /proc/[0-9]*; do
		if [ "$(readlink "$process/exe")" = "$work/linux" ]; then
			echo "${process##*/}"
		fi
	done
}

nothing_left() {
	local i
	for ((i = 0; i < 50; i++)); do
		[ -n "$(left_on_host)" ] || return 0
		sleep 0.1
	done
	echo "# left: $(left_on_host | tr '\n' ' ')"
	return 1
}

guest_is_up() {	# FILE: wait for the command's first line in it
	local i
	for ((i = 0; i < 300; i++)); do
		[ ! -s "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

# ---- the command's side

vm --topology=none sh -c 'exit 7'
check 'the exit status is passed on' test "$status" = 7
vm --topology=none sh -c 'kill -SEGV $$'
check 'a fatal signal shows as 128+N' test "$status" = 139
vm --topology=none ./no_such_program
all 'a command that is not there: 127 and one line' \
	'[ "$status" = 127 ]' '[ "$(wc -l <err)" = 1 ]' \
	'grep -q "no_such_program: command not found" err'

# Other tests' guests may have all processors: then a guest has none of its own.
processor_of() {	# FILE that says when the guest is up
	guest_is_up "$1" || return
	taskset -pc "$(left_on_host | head -n 1)" | sed 's/.*: //'
}
own=
for ((i = 0; i < 20; i++)); do
	: >up
	"$rw_vm" --topology=none sh -c 'echo up; sleep 100' >up 2>err &
	guest=$!
	own=$(processor_of up)
	held=$(flock -n "/sys/devices/system/cpu/cpu$own" true || echo yes)
	kill "$guest"
	wait "$guest" 2>/dev/null
	[[ $own =~ ^[0-9]+$ ]] && break
	sleep 1
done
status=0
all 'a guest has a processor of its own while it lives' '[[ $own =~ ^[0-9]+$ ]]' \
	'[ "$held" = yes ]' 'nothing_left' 'flock -w 60 "/sys/devices/system/cpu/cpu$own" true'
(
	for one in /sys/devices/system/cpu/cpu[0-9]*; do
		exec {lock}<"$one"
		flock -n "$lock"
	done
	vm --topology=none true
	exit "$status"
)
status=$?
check 'with no processor left it runs all the same' test "$status" = 0

# All byte values, control characters of terminals among them, several times
# the size of every buffer on the way; both streams at once.
for ((i = 0; i < 256; i++)); do
	printf '%b' "\\x$(printf %02x "$i")"
done >bytes
for ((i = 0; i < 4096; i++)); do cat bytes; done >data
printf 'no newline at the end\r\n\003\004\021\023' >data2
vm --topology=none sh -c 'cat data & cat data2 >&2; wait'
all 'both streams arrive unchanged and apart' \
	'[ "$status" = 0 ]' 'cmp data out' 'cmp data2 err'
"$rw_vm" --topology=none sh -c 'cat data; echo end' 2>err |
	{ sleep 4; cat; } >out
status=${PIPESTATUS[0]}
all 'a slow reader gets everything' '[ "$status" = 0 ]' \
	'{ cat data; echo end; } | cmp - out'
"$rw_vm" --topology=none --timeout=20 yes 2>err | head -n 1 >out
status=${PIPESTATUS[0]}
all 'a reader that goes away ends the command' \
	'[ "$status" = 141 ]' '[ "$(cat out)" = y ]'
# By then every pipe on the way is full.
"$rw_vm" --topology=none --timeout=20 yes 2>err |
	{ read -r line; sleep 2; echo "$line"; } >out
status=${PIPESTATUS[0]}
all 'a reader that stops reading and goes away ends the command' \
	'[ "$status" = 141 ]' '[ "$(cat out)" = y ]'

arguments=('a b' "it's" '"quoted"' '' '$HOME `id` *' $'new\nline' 'back\slash' -x)
vm --topology=none printf '<%s>\n' "${arguments[@]}"
check 'arguments arrive as they are' \
	test "$(cat out)" = "$(printf '<%s>\n' "${arguments[@]}")"

mkdir 'a dir'
export RW_TEST=$'two words\nand a line'
(cd 'a dir' && "$rw_vm" --topology=none sh -c \
	'pwd; echo "$PATH"; echo "$RW_TEST"; echo $RW_VM; cat; ulimit -l' \
	<../data >../out 2>../err)
status=$?
printf '%s\n' "$work/a dir" "$PATH" "$RW_TEST" 1 unlimited >expected
check 'directory and environment are kept, stdin is empty, memory can be locked' \
	cmp expected out

rm out
"$rw_vm" --topology=none --timeout=60 sh -c 'echo now; sleep 1000' >out 2>err &
pid=$!
status=
guest_is_up out
all 'output arrives while the command runs' \
	'[ "$(cat out)" = now ]' 'kill -0 $pid'
kill -TERM $pid
kill -TERM $pid
wait $pid
status=$?
all 'TERM, even twice, ends the guest, nothing is left' '[ "$status" = 143 ]' nothing_left \
	'[ -z "$(ls "$TMPDIR")" ]'

rm out
"$rw_vm" --topology=none --timeout=60 sh -c 'echo now; sleep 1000' >out 2>err &
pid=$!
guest_is_up out
kill -KILL $pid
wait $pid 2>/dev/null
status=$?
all 'KILL of rw_vm ends the guest, too' '[ "$status" = 137 ]' nothing_left
rm -rf "${TMPDIR:?}"/*

echo 'echo script' >"/tmp/${work##*/}.file"
(cd / && timeout 100 "$rw_vm" --topology=none sh "/tmp/${work##*/}.file") \
	>out 2>err
status=$?
rm "/tmp/${work##*/}.file"
all 'a file of /tmp that is an argument is there' '[ "$status" = 0 ]' \
	'[ "$(cat out)" = script ]'

vm --topology=none sh -c 'sleep 1000 & echo started'
all 'what the command leaves running does not keep the guest up' \
	'[ "$status" = 0 ]' '[ "$(cat out)" = started ]' '[ $took -lt 60 ]'

host_file=$(mktemp /tmp/test_rw_vm.host.XXXXXX)
vm --topology=none sh -c 'touch /tmp/$1 /run/$1 /dev/shm/$1 && ls /tmp &&
	! touch x' - "${work##*/}.new"
all 'the guest has its own /tmp, and the rest is read-only' \
	'[ "$status" = 0 ]' '[ ! -e "/tmp/${work##*/}.new" ]' \
	'grep -qx "${work##*/}.new" out' '! grep -q "${host_file##*/}" out' \
	'grep -q "Read-only" err'
rm -f "$host_file"
mkdir 'out dir'
vm --topology=none --out='out dir' sh -c 'echo result >"$RW_VM_OUT/file"; pwd'
all '--out is where files come out' '[ "$status" = 0 ]' \
	'[ "$(cat "out dir/file")" = result ]'

# ---- trouble

vm --topology=none --timeout=3 sh -c 'echo partial; sleep 1000'
all 'a timeout is 124, in time, with what arrived and what ran' \
	'[ "$status" = 124 ]' '[ $took -lt 60 ]' '[ "$(cat out)" = partial ]' \
	'grep -q "sleep 1000" err' nothing_left '[ -z "$(ls "$TMPDIR")" ]'

# The kernel's own test tool provokes what it is named after.
provoke='echo $1 >/sys/kernel/debug/provoke-crash/DIRECT'
vm --topology=none sh -c "$provoke; echo after; exit 3" - WARNING
all 'a kernel warning fails the run, with the log' '[ "$status" = 125 ]' \
	'[ "$(cat out)" = after ]' 'grep -q "WARNING: .*lkdtm" err' \
	"grep -q \"command's exit status: 3\" err"
vm --topology=none --timeout=60 sh -c "$provoke" - BUG
all 'a kernel bug ends the run at once' '[ "$status" = 125 ]' \
	'grep -q "BUG: .*lkdtm" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none --timeout=60 sh -c "$provoke" - PANIC
all 'a panic ends the run at once' '[ "$status" = 125 ]' \
	'grep -q "Kernel panic.*dumptest" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none --timeout=60 sh -c 'echo 1 >/proc/sys/kernel/hung_task_timeout_secs;'"$provoke" - HUNG_TASK
all 'a task that hangs in the kernel is found' '[ "$status" = 125 ]' \
	'grep -q "blocked for more than" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none sh -c "($provoke) & sleep 1; echo done" - HUNG_TASK
all 'a process that cannot be killed fails the run' '[ "$status" = 125 ]' \
	'[ "$(cat out)" = done ]' 'grep -q "cannot be killed" err' \
	'grep -q "Call Trace" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none --timeout=60 sh -c 'echo 1 >/proc/sys/kernel/watchdog_thresh;'"$provoke" - SOFTLOCKUP
all 'a kernel that loops is found' '[ "$status" = 125 ]' \
	'grep -q "soft lockup" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none --timeout=1 sh -c "$provoke" - HARDLOCKUP
all 'a kernel that is dead to the world is ended' '[ "$status" = 125 ]' \
	'grep -q "the guest hangs" err' '[ $took -lt 60 ]' nothing_left
vm --topology=none sh -c 'm="[    1.0] WARNING: CPU: 0 PID: 1 at lib/x.c"
	echo "$m"; echo "$m" >&2; 
	echo "WARNING: CPU: 0" >/dev/kmsg; true'
check 'text of the command that looks like a warning is none' \
	test "$status" = 0

for arguments in '--topology=ring true' '--timeout=soon true' '--mem=lots true' \
	'--out=/proc/nowhere true' '--bad true' ''; do
	# shellcheck disable=SC2086 # words
	vm $arguments
	all "usage: '$arguments' is refused in one line" '[ "$status" = 125 ]' \
		'[ "$(wc -l <err)" = 1 ]' 'grep -q "^rw_vm: " err'
done

# ---- topologies

devices='ibv_devinfo | awk "/hca_id/ {d = \$2} \$1 == \"state:\" {print d, \$2}"'
vm --topology=none sh -c "$devices; ip -br addr show lo"
all 'none: no device, but a loopback address of both kinds' \
	'[ "$status" = 0 ]' '! grep -q rxe out' 'grep -q "127.0.0.1/8 ::1/128" out'
vm --topology=one sh -c "$devices"
check 'one: rxe0 is active' test "$(cat out)" = 'rxe0 PORT_ACTIVE'
vm sh -c "$devices"
check 'two: rxe0 and rxe1 are active' \
	test "$(cat out)" = $'rxe0 PORT_ACTIVE\nrxe1 PORT_ACTIVE'
vm --topology=siw sh -c "$devices; ip netns exec rw1 ip -br addr show v1"
all 'siw: siw0 and siw1 are active, v1 is in rw1' \
	'grep -q "siw0 PORT_ACTIVE" out' 'grep -q "siw1 PORT_ACTIVE" out' \
	'grep -q "v1@.*10.9.0.2/24.*fd00:9::2/64" out'

# Data has to take the cable: count what leaves v0, the server's end.
cat >read_bw_server <<'END'
ib_read_bw -d rxe0 -x $1 -F -n 100 >/tmp/server 2>&1 &
i=0
until ss -Htln | grep -q :18515 || [ $i -gt 300 ]; do
	sleep 0.1
	i=$((i + 1))
done
END
cat >read_bw <<'END'
tx() { cat /sys/class/net/v0/statistics/tx_bytes; }
before=$(tx)
. ./read_bw_server
ib_read_bw -d rxe1 -x $1 -F -n 100 $2 || exit 1
wait $! || exit 2
echo sent $(($(tx) - before))
END
sent() { awk '/^sent/ {print $2}' out; }
size=$((100 * 65536))
vm sh read_bw 1 10.9.0.1
all 'two: ib_read_bw over IPv4 takes the cable' '[ "$status" = 0 ]' \
	'[ "$(sent)" -gt $size ]' '[ "$(sent)" -lt $((size * 2)) ]'
vm sh read_bw 2 127.0.0.1
all 'two: ib_read_bw over IPv6 takes the cable' '[ "$status" = 0 ]' \
	'[ "$(sent)" -gt $size ]' '[ "$(sent)" -lt $((size * 2)) ]'
# Without the rules of routing, rdma_cm and TCP find a short way.
cat >cm <<'END'
tx() { cat /sys/class/net/v0/statistics/tx_bytes; }
before=$(tx)
rping -s -a $1 -C 20 -S 60000 >/dev/null 2>&1 &
server=$!
for try in 1 2 3 4 5 6 7 8 9 10; do
	sleep 1
	rping -c -a $1 -C 20 -S 60000 && break
done
wait $server || exit 2
echo sent $(($(tx) - before))
END
for address in 10.9.0.1 fd00:9::1; do
	vm sh cm $address
	all "two: rdma_cm to $address takes the cable" '[ "$status" = 0 ]' \
		'[ "$(sent)" -gt 1200000 ]'
done
vm --topology=one sh -c '
	. ./read_bw_server; ib_read_bw -d rxe0 -x 1 -F -n 100 10.9.0.1' - 1
all 'one: ib_read_bw with itself' '[ "$status" = 0 ]' 'grep -q "^ 65536" out'
for address in 10.9.0.1 fd00:9::1; do
	vm --topology=siw sh -c '
		ip netns exec rw0 rping -s -a $1 -C 5 -v >/dev/null 2>&1 &
		for try in 1 2 3 4 5 6 7 8 9 10; do
			sleep 1
			ip netns exec rw1 rping -c -a $1 -C 5 -v && break
		done' - $address
	all "siw: rping to $address" '[ "$status" = 0 ]' \
		'[ "$(grep -c "ping data: rdma-ping" out)" = 5 ]'
done

"$rw_vm" sh -c 'sleep 3; ls /sys/class/infiniband; echo one; exit 11' \
	>out1 2>err1 &
pid=$!
vm sh -c 'ls /sys/class/infiniband; sleep 3; echo two; exit 12'
wait $pid
status1=$?
all 'two guests at the same time' '[ "$status" = 12 ]' '[ $status1 = 11 ]' \
	'[ "$(cat out)" = $'"'rxe0\nrxe1\ntwo' ]" \
	'[ "$(cat out1)" = $'"'rxe0\nrxe1\none' ]"
status=0
all 'nothing is left of all this' nothing_left '[ -z "$(ls "$TMPDIR")" ]'

echo "1..$count"
[ $failed = 0 ]
