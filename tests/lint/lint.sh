# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=sh
# The rules of the house as functions, for test_lint.sh. Each takes the top of a
# tree, prints one line "FILE: what is wrong" for each fault, and nothing else.

lint_has_git() {
	[ -e "$1/.git" ] && git -C "$1" rev-parse --git-dir >/dev/null 2>&1
}

# Files of a tree: what git tracks or, outside of git (a release), what can be
# made by hand.
lint_files() {
	if lint_has_git "$1"; then
		# what is deleted but not yet committed is no file
		git -C "$1" ls-files | while read -r file; do
			[ -f "$1/$file" ] && echo "$file"
		done
	else
		(cd "$1" && find ./*.am ./*.ac ./autogen.sh src tests man scripts suite emu vm bench \
			-type f ! -name '*.o' ! -name '*.pyc' ! -name '*.log' ! -name '*.trs' \
			2>/dev/null | sed 's/^\.\///')
	fi
}

lint_is_script() {
	head -c 2 "$1" | grep -q '^#!'
}

# C without its comments
lint_code() {
	awk '{
		code = ""
		while ($0 != "") {
			at = index($0, inside ? "*/" : "/*")
			if (!inside)
				code = code (at ? substr($0, 1, at - 1) : $0)
			$0 = at ? substr($0, at + 2) : ""
			if (at)
				inside = !inside
		}
		sub(/\/\/.*/, "", code)
		print code
	}' "$1"
}

# lint_grep TREE PATTERN WHY: sources whose code matches
lint_grep() {
	lint_files "$1" | grep -E '^src/.*\.[ch]$' | while read -r file; do
		lint_code "$1/$file" | grep -qE "$2" && echo "$file: $3"
	done
}

# room_sees ROOM: the rooms whose headers ROOM may include
room_sees() {
	pure='util stats conf rw ctl topo'
	case $1 in
	util)	echo util ;;
	stats)	echo stats util ;;
	rw)	echo rw util ;;
	conf)	echo conf stats rw util ;; # rw: the segment layout; stats: arrivals
	ctl)	echo ctl util ;;
	topo)	echo topo util ;;
	kernel)	echo kernel stats util ;;
	report)	echo report stats conf util ;;
	explain) echo explain rw conf stats topo util ;;
	gid)	echo util ;; # verbs/gid.*: pure, and its own header
	verbs)	echo verbs "$pure" ;;
	mr)	echo mr verbs "$pure" ;;
	bench)	echo bench explain report kernel mr verbs "$pure" ;;
	selftest)	echo selftest mr verbs "$pure" ;;
	cmd)	echo cmd bench selftest report kernel mr verbs "$pure" ;;
	esac
}

# Headers in quotes: the arrows between the rooms point one way.
lint_rooms() {
	lint_files "$1" | grep -E '^src/.*\.[ch]$' | while read -r file; do
		room=${file#src/}
		room=${room%%/*}
		case $file in
		src/verbs/gid.*) room=gid ;;
		esac
		sees=" $(room_sees "$room") "
		[ "$sees" != "  " ] || echo "$file: the room $room is in no rule of tests/lint"
		sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]*)".*/\1/p' "$1/$file" |
			while read -r header; do
				case $room:$header in
				*:config.h | gid:verbs/gid.h) continue ;;
				esac
				case $sees in
				*" ${header%%/*} "*) ;;
				*) echo "$file: $room must not include \"$header\"" ;;
				esac
			done
	done
}

# Headers of verbs: not in pure rooms; those of mlx5 in src/mr only.
lint_verbs() {
	include='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
	lint_files "$1" | grep -E '^src/.*\.[ch]$' | while read -r file; do
		case $file in
		src/verbs/gid.*) ;;
		src/verbs/* | src/mr/* | src/bench/* | src/selftest/* | src/cmd/*) continue ;;
		esac
		grep -qE "$include(infiniband|rdma)/" "$1/$file" && echo "$file: includes verbs"
	done
	lint_files "$1" | grep -E '^src/.*\.[ch]$' | grep -v '^src/mr/' | while read -r file; do
		grep -qE "$include.*mlx5" "$1/$file" && echo "$file: mlx5 headers are for src/mr"
	done
}

lint_exit() {
	lint_grep "$1" '(^|[^[:alnum:]_])(exit|_exit|_Exit|quick_exit|abort)[[:space:]]*\(' \
		"ends the process; only the mains may" | grep -v '^src/cmd/'
}

# Every source and script says its licence near its top.
lint_spdx() {
	lint_files "$1" | while read -r file; do
		case $file in
		*.c | *.h | *.sh | *.py | *.am | *.ac | *.awk | *.mk | .clang-format) ;;
		*) lint_is_script "$1/$file" || continue ;;
		esac
		head -n 5 "$1/$file" | grep -q 'SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause' ||
			echo "$file: no SPDX line"
	done
}

# What Autotools, compilers and tests make is not kept.
lint_generated() {
	lint_files "$1" | grep -E '(^|/)(configure|Makefile|Makefile\.in|aclocal\.m4|config\.(h|h\.in|log|status)|test-suite\.log|\.dirstamp)$|(^|/)(build|build-aux|autom4te\.cache|__pycache__|\.deps)/|\.(o|a|so|lo|trs|pyc|gcda|gcno)$' |
		sed 's/$/: a generated file/'
	lint_files "$1" | while read -r file; do
		head -c 4 "$1/$file" | grep -q 'ELF' && echo "$file: a compiled file"
	done
}

lint_shell() {
	lint_files "$1" | while read -r file; do
		case $file in
		*.sh) ;;
		*)
			lint_is_script "$1/$file" || continue
			head -n 1 "$1/$file" | grep -qE '^#! ?[^ ]*(/| )(ba|da)?sh( |$)' || continue
			;;
		esac
		(cd "$1" && shellcheck -x -f gcc "$file") | sed -n 's/^\([^:]*\):\([0-9]*\):[0-9]*: /\1: line \2: /p'
	done
}

# Unfinished work belongs into issues.
lint_unfinished() {
	words='TO''DO|FIX''ME'
	lint_files "$1" | grep -vE '\.(gz|xz|png|jsonl|json|csv)$' | while read -r file; do
		grep -qwE "$words" "$1/$file" && echo "$file: unfinished"
	done
}

lint_length() {
	lint_files "$1" | grep '^src/' | while read -r file; do
		lines=$(wc -l <"$1/$file")
		[ "$lines" -lt 600 ] || echo "$file: $lines lines"
	done
}

# Python of all rooms; cut at 110 columns as C is.
lint_python() {
	lint_files "$1" | while read -r file; do
		case $file in
		*.py) echo "$file" ;;
		*) lint_is_script "$1/$file" && head -n 1 "$1/$file" | grep -q python3 && echo "$file" ;;
		esac
	done | (cd "$1" && xargs -r flake8 --isolated --max-line-length=110 --extend-ignore=E402,E127,E128 \
		--format='%(path)s: line %(row)d: %(code)s %(text)s')
}

# rw_suite says the version that configure does.
lint_version() {
	[ -f "$1/configure.ac" ] || return 0
	version=$(sed -n 's/^AC_INIT(\[[^]]*\], *\[\([^]]*\)\].*/\1/p' "$1/configure.ac")
	grep -q "^VERSION = \"$version\"" "$1/suite/rwsuite/__init__.py" ||
		echo "suite/rwsuite/__init__.py: not version $version, as in configure.ac"
}
