#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The tree keeps the rules of lint.sh, and each rule notices when it is broken:
# the fault is planted in a copy.
set -u

: "${RW_SRCDIR:?}"
# shellcheck source-path=SCRIPTDIR source=lint.sh
. "$RW_SRCDIR/tests/lint/lint.sh"
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

# The last line of what is planted, for the name of a test.
shown() {
	printf '%s\n' "$1" | tail -n 1 | tr -d '#'
}

# tree RULE NAME: the tree itself is clean
tree() {
	number=$((number + 1))
	"lint_$1" "$RW_SRCDIR" >"$dir/faults"
	if [ -s "$dir/faults" ]; then
		echo "not ok $number - $2"
		sed 's/^/# /' "$dir/faults"
	else
		echo "ok $number - $2"
	fi
}

# planted RULE FILE CONTENT: alone in a tree, this file and no other breaks the rule
planted() {
	number=$((number + 1))
	rm -rf "$dir/copy"
	mkdir -p "$dir/copy/$(dirname "$2")"
	printf '%s\n' "$3" >"$dir/copy/$2"
	"lint_$1" "$dir/copy" >"$dir/faults"
	if grep -qF "$2: " "$dir/faults" && ! grep -qvF "$2: " "$dir/faults"; then
		echo "ok $number - $1 notices $2: $(shown "$3")"
	else
		echo "not ok $number - $1 notices $2: $(shown "$3")"
	fi
}

# clean RULE FILE CONTENT: this file does not break the rule
clean() {
	number=$((number + 1))
	rm -rf "$dir/copy"
	mkdir -p "$dir/copy/$(dirname "$2")"
	printf '%s\n' "$3" >"$dir/copy/$2"
	"lint_$1" "$dir/copy" >"$dir/faults"
	if [ -s "$dir/faults" ]; then
		echo "not ok $number - $1 lets pass $2: $(shown "$3")"
		sed 's/^/# /' "$dir/faults"
	else
		echo "ok $number - $1 lets pass $2: $(shown "$3")"
	fi
}

number=1
files=$(lint_files "$RW_SRCDIR" | grep -cE '^src/.*\.[ch]$')
if [ "$files" -gt 60 ] && lint_files "$RW_SRCDIR" | grep -qx 'tests/lint/test_lint.sh'; then
	echo "ok 1 - $files sources are looked at"
else
	echo "not ok 1 - only $files sources are looked at"
fi

# ---- who may include whom
tree rooms "the rooms include one way only"
while read -r file header; do
	planted rooms "src/$file" "#include \"$header\""
done <<-EOF
	util/x.c conf/conf.h
	stats/x.h rw/ctx.h
	rw/x.c conf/conf.h
	rw/x.c verbs/gid.h
	conf/x.c ctl/msg.h
	conf/x.c report/report.h
	ctl/x.h verbs/gid.h
	ctl/x.c conf/conf.h
	topo/x.c stats/clock.h
	report/x.c rw/layout.h
	report/x.c verbs/device.h
	report/x.c ctl/text.h
	verbs/x.c mr/engine.h
	verbs/x.c report/report.h
	verbs/gid.c verbs/device.h
	verbs/gid.h conf/conf.h
	mr/x.c bench/load.h
	mr/x.c report/report.h
	bench/x.c cmd/main.h
	bench/x.c selftest/selftest.h
	mr/x.c selftest/rig.h
	selftest/x.c bench/load.h
	verbs/x.c device.h
	newroom/x.c util/err.h
EOF
planted rooms src/util/x.c '  #  include	"rw/ctx.h"'
clean rooms src/conf/x.c '#include "rw/layout.h"'
clean rooms src/verbs/gid.c '#include "verbs/gid.h"'
clean rooms src/cmd/x.c '#include "bench/session.h"'
clean rooms src/cmd/x.c '#include "selftest/selftest.h"'
clean rooms src/ctl/x.c '#include "config.h"'

tree verbs "no verbs headers in the pure rooms"
for room in util stats conf rw ctl topo report; do
	planted verbs src/$room/x.h '#include <infiniband/verbs.h>'
done
planted verbs src/ctl/x.c '#include <rdma/rdma_cma.h>'
planted verbs src/verbs/gid.h '#include <infiniband/verbs.h>'
planted verbs src/verbs/x.c '#include <infiniband/mlx5dv.h>'
planted verbs src/bench/x.c '#include <infiniband/mlx5dv.h>'
planted verbs src/selftest/x.c '#include <infiniband/mlx5dv.h>'
clean verbs src/mr/x.c '#include <infiniband/mlx5dv.h>'
clean verbs src/selftest/x.c '#include <infiniband/verbs.h>'
clean verbs src/verbs/x.c '#include <infiniband/verbs.h>'

# ---- sources
tree exit "only the mains end the process"
planted exit src/bench/x.c '	exit(1);'
planted exit src/util/x.c '	if (bad) _exit (2);'
planted exit src/verbs/x.c 'abort();'
clean exit src/cmd/x.c 'exit(1);'
planted exit src/util/x.c '/* a * b */ exit(1); /* c'
clean exit src/util/x.c '/*
 * never exit() here
 */'
clean exit src/util/x.c '/* never calls exit() */ on_exit_code(err->exit_code);'
tree length "no source of 600 lines"
planted length src/util/x.c "$(seq 600)"
clean length src/util/x.c "$(seq 599)"

# ---- all files
tree spdx "an SPDX line in every source and script"
planted spdx src/util/x.c '/* SPDX-License-Identifier: GPL-2.0 */'
planted spdx tests/unit/x.h 'int x;'
planted spdx tests/x.py '# nothing'
planted spdx scripts/run '#!/bin/sh'
planted spdx src/util/x.c "$(seq 6)
/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */"
clean spdx scripts/run '#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause'
clean spdx tests/data.jsonl '{}'
if lint_has_git "$RW_SRCDIR"; then
	tree generated "no generated files are tracked"
else
	number=$((number + 1))
	echo "ok $number - no generated files are tracked # SKIP no git here"
fi
planted generated tests/Makefile.in ''
planted generated src/configure ''
planted generated src/build-aux/install-sh ''
planted generated src/util/x.a ''
planted generated src/prog "$(printf '\177ELF')"
clean generated tests/run ''
tree unfinished "nothing unfinished"
planted unfinished src/util/x.c "/* TO""DO: more */"
planted unfinished scripts/x "# FIX""ME"
clean unfinished src/util/x.c "int auto""doing;"

if shellcheck --version >/dev/null 2>&1; then
	tree shell "shellcheck is content"
	# shellcheck disable=SC2016 # not to be expanded here
	planted shell tests/x.sh '#!/bin/sh
rm $1'
	# shellcheck disable=SC2016
	planted shell scripts/run '#!/usr/bin/env bash
cd "$1"'
	# shellcheck disable=SC2016
	clean shell scripts/run '#!/usr/bin/env python3
rm $1'
else
	number=$((number + 1))
	echo "ok $number - shellcheck # SKIP shellcheck is not installed"
fi

if flake8 --version >/dev/null 2>&1; then
	tree python "flake8 is content"
	planted python tests/x.py 'import os'
	planted python suite/run '#!/usr/bin/python3
x = nothing'
	clean python suite/x.py 'x = 1'
	clean python suite/run '#!/bin/sh
import os'
else
	number=$((number + 1))
	echo "ok $number - flake8 # SKIP flake8 is not installed"
fi
tree version "one version"

echo "1..$number"
