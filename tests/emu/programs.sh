#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# Debian's own, unmodified programs on the software device. With -a, perftest
# measures the processor's clock for a quarter of a second and more per size: by
# default only some run with it, all of them with RW_TEST_LONG=1.
if [ "$RW_TESTS" = fast ]; then
	echo "1..0 # SKIP RW_TESTS=fast leaves programs out that are not ours"
	exit 0
fi
long=$RW_TEST_LONG
emu=$RW_SRCDIR/emu/rw_emu
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0
port=$((20000 + $$ % 20000))

say() { # result-of-command name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp"/server "$tmp"/client 2>/dev/null | tail -n 20
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP not installed"
}

# Until the server listens; it says nothing of it itself.
wait_for_port() {
	hex=$(printf %04X "$1")
	i=0
	until grep -qi ":$hex 00000000:0000 0A\|:$hex 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; do
		i=$((i + 1))
		[ $i -lt 200 ] || return 1
		sleep 0.05
	done
}

# A server and a client with the same arguments, each on its own device.
try_pair() { # link program arguments...
	link=$1 prog=$2
	shift 2
	port=$((port + 1))
	fabric=t$$.$port
	timeout -k 1 40 "$emu" --link="$link" --fabric=$fabric "$prog" -p $port -d mlx5_0 "$@" \
		>"$tmp/server" 2>&1 </dev/null &
	server=$!
	wait_for_port $port
	timeout -k 1 40 "$emu" --link="$link" --fabric=$fabric "$prog" -p $port -d mlx5_1 "$@" \
		127.0.0.1 >"$tmp/client" 2>&1 </dev/null
	rc=$?
	wait $server || rc=$?
	# Nothing may have been wrong on the way, either.
	! grep -q '^rw_emu:' "$tmp/server" "$tmp/client" || rc=1
	return $rc
}

pair() { # name link program arguments...
	name=$1
	shift
	command -v "$2" >/dev/null || { skip "$name"; return; }
	for i in 1 2 3 4 5; do
		try_pair "$@"
		rc=$?
		# On a busy host perftest cannot calibrate its clock: not our fault.
		grep -q "Can't produce a report" "$tmp/server" "$tmp/client" || break
	done
	say $rc "$name"
}

sizes() { # link program
	if [ -n "$long" ] || [ "$1 $2" = "eth ib_read_bw" ] || [ "$1 $2" = "ib ib_send_bw" ]; then
		echo "-a -n 20"
	else
		echo "-s 100000 -n 20"
	fi
}

for link in eth ib; do
	for prog in ib_read_bw ib_write_bw ib_send_bw; do
		args=$(sizes $link $prog)
		pair "$link $prog $args" $link $prog $args
		pair "$link $prog -q 64 -b" $link $prog -q 64 -b -n 50
		pair "$link $prog -l 16" $link $prog -l 16 -n 256 -s 4096
	done
	for prog in ib_read_bw ib_send_bw; do
		pair "$link $prog -e" $link $prog -e -n 200 -s 4096
	done
	for prog in ib_read_lat ib_write_lat ib_send_lat; do
		args=$(sizes $link $prog)
		pair "$link $prog $args" $link $prog $args
	done
	pair "$link ib_read_lat -e" $link ib_read_lat -e -n 50
	pair "$link ib_send_lat -e" $link ib_send_lat -e -n 50
done
pair "eth ibv_rc_pingpong" eth ibv_rc_pingpong -g 3 -n 200
pair "eth ibv_rc_pingpong -e" eth ibv_rc_pingpong -g 3 -n 100 -e
pair "ib ibv_rc_pingpong" ib ibv_rc_pingpong -n 200

# What needs UD gets a clear word.
if command -v ibv_ud_pingpong >/dev/null; then
	! timeout -k 1 10 "$emu" ibv_ud_pingpong -g 3 >"$tmp/client" 2>&1 </dev/null &&
		grep -q 'rw_emu: UD queue pairs: this device does not do it' "$tmp/client"
	say $? "ibv_ud_pingpong is refused in words"
else
	skip "ibv_ud_pingpong is refused in words"
fi

if command -v ibv_devinfo >/dev/null; then
	timeout -k 1 10 "$emu" ibv_devinfo -v -d mlx5_1 >"$tmp/client" 2>&1 &&
		grep -q 'state:.*PORT_ACTIVE' "$tmp/client" &&
		grep -q 'max_qp_rd_atom:.*16$' "$tmp/client" &&
		grep -q 'GID\[  3\]:.*::ffff:10.77.0.2, RoCE v2' "$tmp/client" &&
		grep -q 'GID\[  0\]:.*fe80:.*RoCE v1' "$tmp/client"
	say $? "ibv_devinfo -v"
else
	skip "ibv_devinfo -v"
fi
echo "1..$n"
