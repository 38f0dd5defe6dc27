#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# kmod/ keeps the kernel's rules: its own checkpatch.pl and sparse find nothing, and notice
# what is planted. Both work on the kernel's source, which vm/build has unpacked.
set -u

: "${RW_SRCDIR:?}"

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

[ "${RW_TESTS-}" != fast ] || skip "RW_TESTS=fast"
if ! kernel=$("$RW_SRCDIR/vm/build" --print 2>&1); then
	[ "${RW_REQUIRE_VM-}" != 1 ] || { echo "Bail out! $kernel"; exit 1; }
	skip "$kernel"
fi
tree=$(dirname "$kernel")/tree
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/kmod"
cp "$RW_SRCDIR"/kmod/Kbuild "$RW_SRCDIR"/kmod/*.[ch] "$dir/kmod"

# Out of tree, a version has to be asked for: compat.h alone does so.
checkpatch() { # FILE...
	perl "$tree/scripts/checkpatch.pl" --no-tree --no-summary --terse --show-types \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f "$@" 2>&1
}

# What sparse, or the compiler, says of the files that have changed.
run_sparse() {
	env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory -j"$(nproc)" -C "$tree/obj" \
		ARCH=um M="$dir/kmod" C=1 CHECK=sparse modules 2>&1
}

number=0
result() { # STATUS NAME
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		head -n 20 "$dir/said" | sed 's/^/# /'
	fi
}

checkpatch "$dir"/kmod/*.[ch] >"$dir/said"
[ ! -s "$dir/said" ]
result $? "checkpatch.pl finds nothing"

printf '// SPDX-License-Identifier: GPL-2.0\nint f( int a )\n{\n\tif (a) { return 1; }\n}\n' >"$dir/planted.c"
checkpatch "$dir/planted.c" >"$dir/said"
grep -q 'ERROR:SPACING' "$dir/said"
result $? "checkpatch.pl notices what is planted"

if ! command -v sparse >/dev/null; then
	echo "ok 3 - sparse # SKIP it is not installed; run: scripts/packages --install vm"
	echo "1..3"
	exit 0
fi
run_sparse >"$dir/said" && [ ! -s "$dir/said" ]
result $? "sparse finds nothing"

cat >>"$dir/kmod/stats.c" <<'END'
static int planted(const char __user *from)
{
	return *from;
}
int (*rwb_planted)(const char __user *from) = planted;
END
run_sparse >"$dir/said"
grep -q 'stats.c:.*\(address spaces\|dereference of noderef\|not declared\)' "$dir/said"
result $? "sparse notices what is planted"
echo "1..$number"
