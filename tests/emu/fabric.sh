#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# The script rw_emu: discovery, settings, many processes, clean-up.
if [ "$RW_TESTS" = fast ]; then
	echo "1..0 # SKIP RW_TESTS=fast leaves programs out that are not ours"
	exit 0
fi
emu=$RW_SRCDIR/emu/rw_emu
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
base=/dev/shm
[ -w $base ] || base=${TMPDIR:-/tmp}
n=0
run() { timeout -k 1 30 "$emu" "$@"; }

say() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out" 2>/dev/null | tail -n 20
	fi
}

# The directory of fabric $1 goes away within two seconds.
gone() {
	i=0
	while [ -e "$base/rw_emu.$(id -u).$1" ]; do
		i=$((i + 1))
		[ $i -lt 40 ] || return 1
		sleep 0.05
	done
}

run sh -c 'exit 7'
[ $? = 7 ]
say $? "the exit status is the command's"

run sh -c 'cd "$RW_EMU_DIR/sys/class/infiniband/mlx5_0" && cat ports/1/link_layer ports/1/state \
	device/numa_node device/current_link_width ports/1/gid_attrs/types/3 ports/1/gids/2' \
	>"$tmp/out" 2>&1
printf '%s\n' Ethernet '4: ACTIVE' 0 16 'RoCE v2' 0000:0000:0000:0000:0000:ffff:0a4d:0001 |
	cmp -s - "$tmp/out"
say $? "sysfs files"

# By the real path, too, for programs that do not know of ours.
run --link=ib python3 -c 'print(open("/sys/class/infiniband/mlx5_1/ports/1/link_layer").read())' \
	>"$tmp/out" 2>&1
[ "$(head -n 1 "$tmp/out")" = InfiniBand ] || run --link=ib head -n 1 \
	/sys/class/infiniband/mlx5_1/ports/1/link_layer | grep -q InfiniBand
say $? "the real path leads to the tree"

RW_EMU_NO_SUCH=1 run true >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'unknown setting RW_EMU_NO_SUCH' "$tmp/out"
say $? "an unknown setting is an error"

RW_EMU_MAX_SGE=99 run true >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'max_sge must be a number from 1 to 62' "$tmp/out"
say $? "a bad value is an error"

RW_EMU_FAULT=flip@x run true >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'fault: "flip@x"' "$tmp/out"
say $? "a bad fault is an error"

printf '# a profile\nmax_sge_rd = 11\n' >"$tmp/profile"
if command -v ibv_devinfo >/dev/null; then
	RW_EMU_PROFILE=$tmp/profile run ibv_devinfo -v >"$tmp/out" 2>&1
	grep -q 'max_sge_rd:.*11$' "$tmp/out"
	say $? "a profile file"
fi
echo 'max_sge_rdd = 11' >"$tmp/profile"
RW_EMU_PROFILE=$tmp/profile run true >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'profile:1: unknown setting "max_sge_rdd"' "$tmp/out"
say $? "an unknown name in a profile is an error"

run --settings >"$tmp/out" 2>&1 && grep -q '^max_sgl_rd  *3 ' "$tmp/out"
say $? "--settings lists them"

RW_EMU_LIB=/nonexistent run true >"$tmp/out" 2>&1
[ $? = 2 ] && [ "$(wc -l <"$tmp/out")" = 1 ] && grep -q 'not built' "$tmp/out"
say $? "one line when the library is not built"

f=c$$
run --fabric=$f true && gone $f
say $? "a fabric goes away with its last command"

# Killed in the middle, the command and a child of it.
run --fabric=$f sh -c 'sleep 20 & echo $$ $!; wait' >"$tmp/pids" &
i=0
until [ -s "$tmp/pids" ] || [ $i -gt 100 ]; do i=$((i + 1)); sleep 0.05; done
read -r one two <"$tmp/pids"
kill -9 "$one"
sleep 0.2
[ -e "$base/rw_emu.$(id -u).$f" ] # the child still uses it
rc=$?
kill -9 "$two"
wait
gone $f || rc=1
say $rc "kill -9 leaves nothing behind"

# Left by somebody whose watcher was killed as well: the next one reaps it.
mkdir "$base/rw_emu.$(id -u).stale$$" && : >"$base/rw_emu.$(id -u).stale$$/lock"
run true
gone stale$$
say $? "a stale fabric is reaped"

run --fabric=$f --link=ib sleep 1 &
sleep 0.3
run --fabric=$f --link=eth true >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'this fabric has link=ib' "$tmp/out"
say $? "two link layers do not mix"
wait
gone $f # or it is still one of InfiniBand

# Twenty at once find their devices and attach.
if command -v ibv_devinfo >/dev/null; then
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		run --fabric=$f ibv_devinfo >"$tmp/n.$i" 2>&1 &
		pids="$pids $!"
	done
	rc=0
	for p in $pids; do wait "$p" || rc=1; done
	[ "$(cat "$tmp"/n.* | grep -c 'hca_id:')" = 40 ] || rc=1
	say $rc "twenty processes at once"

	run --fabric=$f sh -c "ibv_devinfo -d mlx5_0; '$emu' --fabric=$f --port_down=0
		ibv_devinfo -d mlx5_0; cat \$SYSFS_PATH/class/infiniband/mlx5_0/ports/1/state
		'$emu' --fabric=$f --port_up=0; ibv_devinfo -d mlx5_0" >"$tmp/out" 2>&1
	[ "$(grep -o 'PORT_[A-Z]*\|1: DOWN' "$tmp/out" | tr '\n' ' ')" = \
		"PORT_ACTIVE PORT_DOWN 1: DOWN PORT_ACTIVE " ]
	say $? "--port_down and --port_up"
fi
echo "1..$n"
