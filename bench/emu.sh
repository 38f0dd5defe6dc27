#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck disable=SC2086,SC2016,SC2015 # options are lists of words
# How fast the software device is, as ratios: absolute figures say something
# of the machine they were taken on, nothing of hardware.
#
#	bench/emu.sh BUILDDIR
build=$(cd "${1:-.}" && pwd) || exit 2
emu=$(cd "$(dirname "$0")/../emu" && pwd)/rw_emu
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
RW_BUILDDIR=$build
export RW_BUILDDIR
port=$((30000 + $$ % 20000))
make -s -C "$build" emu/librwemu.so bench/vmread tests/emu/cycles || exit 2

# One line of perftest's table: the last one that begins with the size.
perftest() { # size arguments...
	size=$1
	shift
	port=$((port + 1))
	timeout -k 1 60 "$emu" --fabric=b$$ ib_read_bw -p $port -s "$size" "$@" \
		>/dev/null 2>&1 </dev/null &
	server=$!
	sleep 0.7
	timeout -k 1 60 "$emu" --fabric=b$$ ib_read_bw -p $port -s "$size" "$@" 127.0.0.1 \
		2>/dev/null </dev/null | awk -v size="$size" '$1 == size' | tail -n 1
	wait $server
}

row() { # what value unit aim ratio
	printf '%-44s %10s %-5s aim %-8s ratio %s\n' "$1" "$2" "$3" "$4" "$5"
}

rate=$(perftest 64 -n 2000000 | awk '{print $5}')
row "64 B READ, ib_read_bw" "$rate" M/s 1.5 \
	"$(awk -v r="$rate" 'BEGIN { printf "%.2f", r / 1.5 }')"

# perftest's megabyte is 2^20 bytes.
mb=$(perftest 65536 -n 60000 | awk '{printf "%.0f", $4 * 1.048576}')
bare=$("$build/bench/vmread" 65536 60000)
row "64 KiB READ, ib_read_bw" "$mb" MB/s "0.8 of" \
	"$(awk -v a="$mb" -v b="$bare" 'BEGIN { printf "%.2f", a / b }')"
row "  bare process_vm_readv, same size" "$bare" MB/s - 1

lat=$(timeout -k 1 60 "$emu" "$build/tests/emu/cycles" 50000)
row "UMR(16) + 64 KiB READ + LOCAL_INV" "$lat" /s - -

# A process with 8 connected QPs that does nothing for three seconds.
idle=$(timeout -k 1 20 "$emu" "$build/tests/emu/cycles" idle)
row "idle with 8 QPs, part of a core" "$idle" % "under 3" \
	"$(awk -v i="$idle" 'BEGIN { printf "%.2f", i / 3 }')"
