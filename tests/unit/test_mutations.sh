#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The vectors notice when a rule of the planner is wrong: each mutation below
# breaks one rule in a copy of src/rw, and the cases must fail on it. What no
# vector reaches (struct rw_again: their keys always move) a unit test judges.
set -u

: "${RW_SRCDIR:?}" "${RW_BUILDDIR:?}"
vectors=$RW_SRCDIR/tests/vectors/rw_plan.jsonl.gz
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

# make_variable NAME: as configure found it
make_variable() {
	sed -n "s/^$1 = //p" "$RW_BUILDDIR/Makefile"
}

CC=$(make_variable CC)
jansson_cflags=$(make_variable JANSSON_CFLAGS)
jansson_libs=$(make_variable JANSSON_LIBS)
cmocka_libs=$(make_variable CMOCKA_LIBS)
if ! $CC --version >"$dir/out" 2>&1; then
	echo "1..0 # SKIP no compiler: ${CC:-none}"
	exit 0
fi

# compile OUT SOURCE [INCLUDE_DIR]
compile() {
	# shellcheck disable=SC2086 # several words
	$CC -std=gnu11 -D_GNU_SOURCE -O0 -w ${3:+"-I$3"} -I"$RW_SRCDIR/src" $jansson_cflags \
		-c -o "$1" "$2" >>"$dir/log" 2>&1
}

# judge DIR: what the program made of DIR's objects says: of the vectors, if it reads them
judge() {
	# shellcheck disable=SC2086 # several words
	$CC -o "$1/judge" "$1"/*.o $libs >>"$dir/log" 2>&1 || return 99
	CMOCKA_MESSAGE_OUTPUT=STDOUT timeout 60 "$1/judge" "$dir/all" \
		"$RW_SRCDIR/tests/vectors/rw_rules.jsonl" >"$1/out" 2>&1
}

# judge_by PROGRAM LIBS: from here on, tests/unit/PROGRAM.c; it must pass without a mutation
judge_by() {
	rm -f "$dir/base/${program:-}.o"
	program=$1
	libs=$2
	if ! compile "$dir/base/$program.o" "$RW_SRCDIR/tests/unit/$program.c"; then
		sed 's/^/# /' "$dir/log"
		echo "Bail out! cannot compile $program.c"
		exit 99
	fi
	judge "$dir/base"
	report $? "$program: without a mutation all pass"
}

# report STATUS NAME [WHY]
report() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		echo "# ${3:-}"
		tail -n 5 "$dir/log" | sed 's/^/# /'
	fi
}

# mutate NAME FILE SED_SCRIPT [FILE SED_SCRIPT]...
# The scripts run on copies of src/rw/FILE; each has to change its file.
mutate() {
	name=$1
	shift
	rm -rf "$dir/mutant"
	mkdir -p "$dir/mutant/src/rw"
	cp "$dir"/base/*.o "$dir/mutant"
	while [ $# -gt 0 ]; do
		sed "$2" "$RW_SRCDIR/src/rw/$1" >"$dir/mutant/src/rw/$1"
		if cmp -s "$RW_SRCDIR/src/rw/$1" "$dir/mutant/src/rw/$1"; then
			report 1 "$name" "the sed script changes nothing in $1"
			return
		fi
		shift 2
	done
	# A source concerns itself, a header every source.
	for header in "$dir"/mutant/src/rw/*.h; do
		[ -e "$header" ] && cp -n "$RW_SRCDIR"/src/rw/*.[ch] "$dir/mutant/src/rw"
	done
	for source in "$dir"/mutant/src/rw/*.c "$RW_SRCDIR/tests/unit/$program.c"; do
		object=$dir/mutant/$(basename "$source" .c).o
		if ! compile "$object" "$source" "$dir/mutant/src"; then
			report 1 "$name" "the mutant does not compile"
			return
		fi
	done
	judge "$dir/mutant"
	status=$?
	verdict=$(tail -n 1 "$dir/mutant/out")
	case $status:$verdict in
	1:*' passed, 0 failed')
		report 1 "$name" "$verdict" ;;
	1:*' passed, '*' failed' | 1:*' FAILED TEST(S)')
		report 0 "$name (${verdict#*, })" ;;
	*)
		report 1 "$name" "exit status $status: $verdict" ;;
	esac
}

if ! gzip -dc "$vectors" >"$dir/all"; then
	echo "Bail out! cannot read $vectors"
	exit 99
fi
mkdir "$dir/base"
for source in "$RW_SRCDIR"/src/rw/*.c "$RW_SRCDIR/src/util/err.c"; do
	if ! compile "$dir/base/$(basename "$source" .c).o" "$source"; then
		sed 's/^/# /' "$dir/log"
		echo "Bail out! cannot compile $source"
		exit 99
	fi
done
judge_by rw_vectors "$jansson_libs"

# ---- which path
mutate "threshold off by one" \
	policy.c 's/nr_entries > attrs->max_sgl_rd/nr_entries >= attrs->max_sgl_rd/'
mutate "max_sgl_rd 0 is a threshold" \
	policy.c 's/if (!attrs->max_sgl_rd)/if (false)/'
mutate "a WRITE above the threshold wants MRs" \
	policy.c 's/op != RW_OP_READ/false/'
mutate "an iWARP READ goes direct" \
	policy.c 's/if (attrs->iwarp)/if (false)/'
mutate "force_mr ignored" \
	policy.c 's/return RW_REASON_FORCE_MR/return RW_REASON_DIRECT/'
mutate "force_mr for READs only" \
	policy.c 's/return RW_REASON_FORCE_MR/return op == RW_OP_READ ? RW_REASON_FORCE_MR : RW_REASON_WRITE/'
mutate "entries counted before the offset" \
	ctx.c 's/^static int prepare_mrs/static uint32_t all;\n&/
		s/ = rw_policy_wants_mr(.*/ = rw_policy_wants_mr(attrs, priv->span.op, all);/
		s/ret = prepare_mrs/all = io->nr_segs; &/'
mutate "an entry covered by the offset is kept" \
	ctx.c 's/while (offset >= /while (offset > /'

# ---- direct
mutate "max_sge_rd ignored" \
	policy.c 's/return rw_min(attrs->max_send_sge, attrs->max_sge_rd)/return attrs->max_send_sge/'
mutate "max_sge_rd limits WRITEs" \
	policy.c 's/if (op == RW_OP_WRITE)/if (false)/'
mutate "direct: every WR signaled" \
	chain.c 's/\.signaled = i + 1 == nr_wrs/.signaled = true/'
mutate "direct: first WR signaled" \
	chain.c 's/\.signaled = i + 1 == nr_wrs/.signaled = i == 0/'
mutate "direct: remote address stands still" \
	chain.c '/^int rw_chain_build_direct/,/^}/ s/remote_addr += span.*;//'
mutate "direct: one entry is a multi WR" \
	ctx.c 's/ctx->nr_entries > 1 ? RW_CTX_MULTI : RW_CTX_SINGLE/RW_CTX_MULTI/'
mutate "the offset does not shorten its entry" \
	ctx.c 's/priv->own_segs->length -= (uint32_t)offset;//'

# ---- the pool
mutate "FIFO pool" \
	pool.h '/rw_mr_pool_put(/,/^}/ {
		s/mr->next = pool->head;/struct rw_mr **end = \&pool->head;\n\twhile (*end) end = \&(*end)->next;\n\tmr->next = NULL;/
		s/pool->head = mr;/*end = mr;/
	}' \
	pool.c 's/for (.*/for (uint32_t i = 0; i < size; i++) {/'
mutate "rollback puts the first one back first" \
	ctx.c '/fail_init(struct/,/^}/ {
		s/while (reg-- != priv->regs)/for (struct rw_reg *r = priv->regs; r != reg; r++)/
		s/reg->mr/r->mr/
	}'
mutate "no rollback" \
	ctx.c '/fail_init(struct/,/^}/ s/while (.*/while (false)/'
mutate "the MR that cannot hold its list is lost" \
	ctx.c 's/pool->head ? -EINVAL : -EAGAIN/rw_mr_pool_get(pool) ? -EINVAL : -EAGAIN/'
mutate "destroy puts the last one back first" \
	ctx.c '/^void rw_ctx_destroy_mr/,/^}/ {
		s/^\trw_mr_pool_put.*//
		s/^\tif (!priv->one_good_reg)/\tfor (struct rw_reg *r = priv->regs_end; r-- != priv->regs;)/
		s/put_more(.*/rw_mr_pool_put(pool, r->mr);/
	}'
mutate "no fallback" \
	policy.c 's/return attrs->policy == RW_POLICY_AUTO && !attrs->iwarp/return false/'
mutate "fallback also under force_mr" \
	policy.c 's/return attrs->policy == RW_POLICY_AUTO && !attrs->iwarp/return !attrs->iwarp/'
mutate "fallback also on iWARP" \
	policy.c 's/return attrs->policy == RW_POLICY_AUTO && !attrs->iwarp/return attrs->policy == RW_POLICY_AUTO/'
mutate "an empty pool is EINVAL" \
	ctx.c 's/return fail_init(ctx, pool, reg, -EAGAIN)/return fail_init(ctx, pool, reg, -EINVAL)/'
mutate "a page gap seen before the pool" \
	ctx.c 's/pool->head ? -EINVAL : -EAGAIN/-EINVAL/'
mutate "EINVAL falls back too" \
	ctx.c 's/error == -EAGAIN && /error < 0 \&\& /'

# ---- keys and invalidation
mutate "key moved at init" \
	ctx.c 's/reg->mr = mr;/&\n\tmr->key = (mr->key \& ~0xffU) | ((mr->key + 1) \& 0xff);/' \
	chain.c 's/priv->attrs.rotate_key ? next_key(old_key) : //'
mutate "need_inval moved at init" \
	ctx.c 's/reg->mr = mr;/&\n\tmr->need_inval = priv->stays_live;/'
mutate "key rotation carries beyond 8 bits" \
	chain.c '/next_key(uint32_t key)/,/^}/ s/return .*/return key + 1;/'
mutate "key never moves" \
	chain.c 's/priv->attrs.rotate_key ? next_key(old_key) : //'
mutate "need_inval not set by an operation" \
	chain.c 's/mr->need_inval = priv->stays_live;//'
mutate "need_inval not cleared by READ_WITH_INV" \
	ctx.c 's/priv->stays_live = .*/priv->stays_live = true;/'
mutate "no READ_WITH_INV" \
	ctx.c 's/return attrs->iwarp && attrs->invalidate ? /return false ? /'
mutate "READ_WITH_INV invalidates the new key" \
	chain.c 's/inv_key = old_key/inv_key = mr->key/'
mutate "LOCAL_INV of the new key" \
	chain.c 's/wr->key = old_key/wr->key = next_key(old_key)/'
mutate "LOCAL_INV of a key that is not live" \
	ctx.c 's/inval = mr->need_inval & /inval = /'
mutate "no LOCAL_INV" \
	ctx.c 's/inval = mr->need_inval & .*/inval = false;/'
mutate "LOCAL_INV not counted" \
	ctx.c '/hold_mr(struct/,/^}/ s/return inval/return 0/'

# ---- the MR chain
mutate "MR: every WR signaled" \
	chain.c 's/\.signaled = is_last \&\& !priv->inval_after/.signaled = true/'
mutate "MR: no WR signaled" \
	chain.c 's/\.signaled = is_last \&\& !priv->inval_after/.signaled = false/'
mutate "MR: remote address stands still" \
	chain.c '/^void rw_chain_build_regs/,/^}/ s/remote_addr += stride.*;//'
mutate "MR: zero based" \
	chain.c '/^static uint64_t first_address/,/^}/ s/priv->attrs\.zero_based/true/'
mutate "remote write access on every device" \
	chain.c 's/\.remote_write = priv->attrs\.iwarp/.remote_write = true/'
mutate "remote write access for READs only" \
	chain.c 's/\.remote_write = priv->attrs\.iwarp/& \&\& priv->span.op == RW_OP_READ/'
mutate "registrations not counted" \
	ctx.c 's/priv->nr_wrs = .*/priv->nr_wrs = priv->nr_regs;/'

# ---- page lists
mutate "gap rule ignored" \
	pages.c 's/if (segs\[i\]\.addr != prev_end)/if (false)/'
mutate "contiguous entries not coalesced" \
	pages.c 's/if (segs\[i\]\.addr != prev_end)/if (true)/'
mutate "a shared page counted twice" \
	pages.c '/span = span > page_size/d'
mutate "too many pages taken" \
	pages.c 's/nr_pages > max_pages || //'
mutate "a full page list refused" \
	pages.c 's/nr_pages > max_pages/nr_pages >= max_pages/'
mutate "more than 256 pages in an MR" \
	sizing.h 's/MAX_MR_ENTRIES 256/MAX_MR_ENTRIES 512/'

# ---- sizes
mutate "SQ: two WRs for an operation with MR" \
	sizing.c 's/? 3 : 1/? 2 : 1/'
mutate "SQ: three WRs also without MRs" \
	sizing.c 's/? 3 : 1/? 3 : 3/'
mutate "SQ: not clamped to the device" \
	sizing.c 's/rw_min(wanted, max_qp_wr)/wanted/'
mutate "SQ: iWARP without MRs" \
	policy.c 's/return attrs->iwarp || attrs->max_sgl_rd/return attrs->max_sgl_rd/'
mutate "SQ: force_mr without MRs" \
	policy.c '/^bool rw_policy_can_use_mr/,/^}/ { /case RW_POLICY_MR:/ { n; s/return true/break/; } }'
mutate "MR factor rounded down" \
	sizing.c 's/ + !!(max_pages % pages)//'
mutate "MR factor from max_sge_rd" \
	sizing.c 's/rw_policy_can_use_mr(attrs) ? attrs->mr_entries : //'

# ---- operations that repeat the one before them
if [ -z "$cmocka_libs" ]; then
	echo "1..$number"
	exit 0
fi
judge_by test_rw_again "$jansson_libs $cmocka_libs"
mutate "repeated with another MR" \
	ctx.h 's/mr == again->mr && //'
mutate "repeated under another key" \
	ctx.h 's/mr->key == again->key &&/true \&\&/'
mutate "repeated although the key is live no more" \
	ctx.h 's/mr->need_inval == again->need_inval/true/'
mutate "repeated although the MR was not left as it was found" \
	chain.c 's/again->mr = .*/again->mr = mr;/'
mutate "repeated after an operation that was planned anew" \
	ctx.c 's/ctx->again\.mr = NULL;//'
mutate "repeated, and still said to have fallen back" \
	ctx.h '/^static inline int rw_ctx_init(/,/^}/ s/ctx->fell_back = false;//'

echo "1..$number"
