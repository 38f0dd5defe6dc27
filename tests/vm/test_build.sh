#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# vm/build: when it builds, when it does not, and that what it hands out is
# complete. The compiler and the archive are stand-ins here: no test takes
# longer than some seconds, none needs the kernel's source.
# shellcheck disable=SC2016,SC2034 # conditions are single words for eval
set -u

srcdir=${RW_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd -P)}
work=$(mktemp -d "${TMPDIR:-/tmp}/test_build.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# ---- stand-ins, and a copy of vm/ to change

cp -r "$srcdir/vm" vm
chmod -R u+w vm
export XDG_CACHE_HOME=$work/cache
cache=$work/cache/rwperf
mkdir bin
path=$PATH
export PATH=$work/bin:$PATH WORK=$work

stand_in() {	# NAME: its script is on standard input
	{ echo '#!/bin/sh'; cat; } >"bin/$1"
	chmod +x "bin/$1"
}
stand_in dpkg-query <<'END'
cat "$WORK/version"
END
stand_in tar <<'END'
while [ "$1" != -C ]; do shift; done
echo unpack >>"$WORK/calls"
echo source >"$2/Makefile"
END
# Fails for the first of the patches only.
stand_in patch <<'END'
! grep -q xsave || [ ! -e "$WORK/reject" ]
END
# As make -C TREE ... O=obj TARGET: leaves .config and the kernel.
stand_in make <<'END'
tree=$2
for target; do
	case $target in KCONFIG_ALLCONFIG=*) config=${target#*=} ;; esac
done
mkdir -p "$tree/obj"
if [ "$target" = allnoconfig ]; then
	grep ^CONFIG_ "$config" | grep -v "$(cat "$WORK/drop")" \
		>"$tree/obj/.config"
	exit 0
fi
echo compile >>"$WORK/calls"
echo '#!/bin/sh' >"$tree/obj/linux"
chmod +x "$tree/obj/linux"
sleep "$(cat "$WORK/slow")"
[ ! -e "$WORK/fail" ] || { echo 'net/core.c:1: error: bang'; exit 2; }
echo 'echo booted' >>"$tree/obj/linux"
END
stand_in strip <<'END'
while [ "$1" != -o ]; do shift; done
cp "$3" "$2"
END
for tool in gcc ld flex bison bc xz; do
	stand_in $tool </dev/null
done
echo 1.0 >version
echo 0 >slow
echo '^none$' >drop
: >tarball.xz
sed -i "s|^tarball=.*|tarball=$work/tarball.xz|" vm/build

count=0
failed=0
all() {	# NAME CONDITION...
	local name=$1 condition
	shift
	count=$((count + 1))
	for condition; do
		if ! eval "$condition"; then
			failed=$((failed + 1))
			echo "not ok $count - $name"
			echo "# not true: $condition"
			echo "# status $status; standard output, standard error:"
			sed 's/^/# > /' out
			sed 's/^/# ! /' err
			return
		fi
	done
	echo "ok $count - $name"
}

build() {
	: >calls
	timeout -k 5 60 vm/build "$@" >out 2>err
	status=$?
}
kernel_works() { [ "$("$(cat out)")" = booted ]; }
compiled() { [ "$(grep -c compile calls)" = "$1" ]; }
unpacked() { [ "$(grep -c unpack calls)" = "$1" ]; }

wait_for() {	# CONDITION
	local i
	for ((i = 0; i < 100; i++)); do
		! eval "$1" || return 0
		sleep 0.1
	done
	return 1
}

# ---- what is built, and when

build --print
all '--print does not build' '[ $status = 1 ]' '[ ! -s out ]' \
	'[ "$(wc -l <err)" = 1 ]' 'compiled 0' '[ ! -e "$cache" ]'
build
first=$(cat out)
all 'the first time it unpacks and compiles' '[ $status = 0 ]' kernel_works \
	'unpacked 1' 'compiled 1'
build
all 'the second time it does neither' '[ $status = 0 ]' kernel_works \
	'unpacked 0' 'compiled 0' '[ "$(cat out)" = "$first" ]' '[ ! -s err ]'
build --print
all '--print prints the same path' '[ $status = 0 ]' \
	'[ "$(cat out)" = "$first" ]'
sed -i '2i# a comment' vm/build
build
all 'a comment in the program changes nothing' 'compiled 0'

echo CONFIG_EXTRA=y >>vm/uml.config
build
all 'another configuration is compiled, from the same source' kernel_works \
	'unpacked 0' 'compiled 1' '[ "$(cat out)" != "$first" ]'
echo CONFIG_UNKNOWN=y >>vm/uml.config
echo CONFIG_UNKNOWN >drop
build
all 'a line of the configuration without effect is an error' \
	'[ $status = 1 ]' '[ ! -s out ]' 'grep -q CONFIG_UNKNOWN err'
echo '^none$' >drop
sed -i /CONFIG_UNKNOWN/d vm/uml.config

echo change >>vm/patches/0001-*
build
all 'another patch is another source' kernel_works 'unpacked 1' 'compiled 1'
echo 2.0 >version
build
all 'another version of the package is another source' kernel_works \
	'unpacked 1' 'compiled 1'
build
all 'and then nothing is to do' 'unpacked 0' 'compiled 0' kernel_works
for i in 1 2 3 4; do
	echo CONFIG_EXTRA$i=y >>vm/uml.config
	build
done
all 'three kernels and one source are kept' kernel_works \
	'[ "$(ls -d "$cache"/kernel-* | wc -l)" = 3 ]' \
	'[ "$(ls -d "$cache"/source-* | wc -l)" = 1 ]' '[ ! -e "$first" ]'

# ---- the kernel without the fallback

sed -i 's/^\(! grep -q xsave\)/echo patch >>"$WORK\/calls"; \1/' bin/patch
build
stock=$(cat out)
build --print --kernel=nofallback
all 'a variant that is not built: its command is named' '[ $status = 1 ]' \
	'[ ! -s out ]' 'grep -q -e "vm/build --kernel=nofallback" err' 'compiled 0'
build --kernel=nofallback
variant=$(cat out)
all 'a variant takes one more compilation, of the same source' kernel_works \
	'unpacked 0' 'compiled 1' '[ "$variant" != "$stock" ]' \
	'[ "$(grep -c patch calls)" = 1 ]'
build --kernel=nofallback
all 'the second time none' kernel_works 'compiled 0' '[ "$(cat out)" = "$variant" ]'
build
all 'and the stock kernel is still there' kernel_works 'compiled 0' \
	'[ "$(cat out)" = "$stock" ]' \
	'[ "$(ls -d "$cache"/kernel-*[!t]* | grep -vc nofallback)" = 3 ]'
echo change >>vm/patches/nofallback/0001-*
build --kernel=nofallback
all 'a change of its patch compiles the variant only' kernel_works 'compiled 1' \
	'[ "$(cat out)" != "$variant" ]'
build
all 'not the stock kernel' 'compiled 0' '[ "$(cat out)" = "$stock" ]'
echo CONFIG_VARIANT=y >>vm/uml.config
build --kernel=nofallback
all 'both missing: both are made' kernel_works 'compiled 2'

# ---- a kernel with a configuration of its own

echo CONFIG_DEBUG_SOMETHING=y >vm/debug.config
build --kernel=debug
debug=$(cat out)
all 'a variant may have a configuration of its own, and keeps its tree' kernel_works \
	'compiled 1' 'grep -qx CONFIG_DEBUG_SOMETHING=y "${debug%/linux}/tree/obj/.config"'
build --kernel=nofallback
all 'which is not that of others' kernel_works 'compiled 0'
echo CONFIG_DEBUG_MORE=y >>vm/debug.config
build --kernel=debug
all 'a change of it compiles this kernel only' kernel_works 'compiled 1' \
	'[ "$(cat out)" != "$debug" ]'
build
all 'not the stock one' kernel_works 'compiled 0'

# ---- half built

echo CONFIG_HALF=y >>vm/uml.config
: >fail
build
all 'what does not compile is an error, the log is shown' '[ $status = 1 ]' \
	'[ ! -s out ]' 'grep -q "error: bang" err' 'tail -n 1 err | grep -q ^build:' \
	'[ -z "$(find "$cache" -name "*.tmp")" ]'
build --print
all 'and it is not used' '[ $status = 1 ]' '[ ! -s out ]'
rm fail
: >reject
rm -rf "$cache"/source-*
build
all 'a patch that does not apply is an error' '[ $status = 1 ]' \
	'[ ! -s out ]' 'compiled 0'
rm reject

# The stand-in has written a kernel when it sleeps: that is the half of it.
echo 100 >slow
: >calls
vm/build >out 2>err &
pid=$!
wait_for 'grep -q compile calls && [ -e "$cache"/kernel-*.tmp/tree/obj/linux ]'
kill -KILL $pid
wait $pid 2>/dev/null
status=$?
maker=$(pgrep -f "make -C $cache")
all 'the builder dies and leaves a half' '[ $status = 137 ]' \
	'[ -e "$cache"/kernel-*.tmp/tree/obj/linux ]'
build --print
all 'the half is not used' '[ $status = 1 ]' '[ ! -s out ]'
echo 0 >slow
build
all 'the next build is not blocked and starts over' '[ $status = 0 ]' \
	kernel_works 'compiled 1' '[ -z "$(find "$cache" -name "*.tmp")" ]'
# shellcheck disable=SC2046,SC2086 # the orphans of the build we killed
kill $maker $(for i in $maker; do pgrep -P "$i"; done) 2>/dev/null

echo CONFIG_TERM=y >>vm/uml.config
echo 100 >slow
: >calls
timeout -k 5 60 vm/build >out 2>err &
pid=$!
wait_for 'grep -q compile calls'
kill -TERM $pid
wait $pid
status=$?
all 'TERM ends a build and all its processes' '[ $status != 137 ]' \
	'[ "$(cat err | tail -n 1)" = "build: interrupted" ]' \
	'! pgrep -f "make -C $cache" >/dev/null' \
	'[ -z "$(find "$cache" -name "*.tmp")" ]'

echo 2 >slow
: >calls
timeout -k 5 60 vm/build >out 2>err &
pid=$!
wait_for 'grep -q compile calls'
timeout -k 5 60 vm/build >out2 2>err2
status=$?
wait $pid
all 'two at once: one builds, the other waits for it' '[ $status = 0 ]' \
	'compiled 1' kernel_works 'cmp out out2' 'grep -q waiting err2'
echo 0 >slow

# ---- what is missing

mv bin/flex no_flex
mkdir few
for tool in bash cat cut env dirname sha256sum nproc touch sed grep uname; do
	ln -s "$(PATH=$path command -v $tool)" few
done
echo CONFIG_TOOL=y >>vm/uml.config
PATH=$work/bin:$work/few vm/build >out 2>err
status=$?
mv no_flex bin/flex
all 'a tool that is missing: one line names it and the remedy' \
	'[ $status = 1 ]' '[ "$(wc -l <err)" = 1 ]' 'grep -q "flex" err' \
	'grep -q "scripts/packages --install vm" err'
: >version
build
all 'the source package is missing: the same' '[ $status = 1 ]' \
	'[ "$(wc -l <err)" = 1 ]' 'grep -q "linux-source" err' \
	'grep -q "scripts/packages --install vm" err'
echo 3.0 >version
XDG_CACHE_HOME="$work/with blank" build
all 'a cache that make cannot work in is refused' '[ $status = 1 ]' \
	'[ "$(wc -l <err)" = 1 ]' 'grep -q XDG_CACHE_HOME err'
build --wrong
all 'an unknown argument is refused' '[ $status = 2 ]' '[ "$(wc -l <err)" = 1 ]'

echo "1..$count"
[ $failed = 0 ]
