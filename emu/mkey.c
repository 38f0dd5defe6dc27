/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "emu/emu.h"
#include "emu/log.h"
#include "emu/mkey.h"
#include "emu/prm.h"

/* A key that points to keys that point to memory; not deeper.
 * Assumption: real devices nest deeper, libraries do not use it. */
#define MAX_DEPTH 2
#define MAX_SPIN  1000000 /* a writer that died leaves the counter odd */

const char *mkey_text(enum map_result result)
{
	switch (result) {
	case MAP_OK:
		return "fine";
	case MAP_NO_KEY:
		return "there is no such valid key";
	case MAP_WRONG_PD:
		return "the key is of another protection domain";
	case MAP_NO_ACCESS:
		return "the key does not give this access";
	case MAP_BOUNDS:
		return "out of the key's bounds";
	case MAP_NESTING:
		return "keys are nested too deep";
	case MAP_NO_MEMORY:
		return "the emulator is out of memory";
	}
	return "?";
}

static enum map_result map_level(const struct map_query *q, struct sg *sg, unsigned int depth);

static enum map_result map_piece(const struct map_query *q, uint32_t key, uint64_t addr,
				 uint64_t len, struct sg *sg, unsigned int depth)
{
	/*
	 * Assumption: behind an indirect key only local rights count, whatever
	 * kind of access goes through it.
	 */
	bool write = q->need & (KEY_LOCAL_WRITE | KEY_REMOTE_WRITE);
	struct map_query inner = {
		.key = key,
		.pdn = q->pdn,
		.addr = addr,
		.len = len,
		.need = write ? KEY_LOCAL_WRITE : KEY_LOCAL_READ,
	};

	return map_level(&inner, sg, depth + 1);
}

static enum map_result map_list(const struct map_query *q, const struct fab_key *k,
				struct sg *sg, unsigned int depth)
{
	const struct prm_klm *e = fab_heap(k->entries_off);
	uint64_t off = q->addr - k->start, left = q->len;
	uint32_t i = 0;

	if (k->uniform) {
		i = (uint32_t)EMU_MIN(off / k->uniform, k->num_entries);
		off -= (uint64_t)i * k->uniform;
	}
	for (; left && i < k->num_entries; i++) {
		uint64_t bytes = be32toh(e[i].byte_count), take;
		enum map_result ret;

		if (off >= bytes) {
			off -= bytes;
			continue;
		}
		take = EMU_MIN(bytes - off, left);
		ret = map_piece(q, be32toh(e[i].key), be64toh(e[i].address) + off, take, sg,
				depth);
		if (ret)
			return ret;
		left -= take;
		off = 0;
	}
	return left ? MAP_BOUNDS : MAP_OK;
}

/*
 * A repeat block: @num_ent entries, each a column of a matrix; row after row,
 * @repeat_count rows, entry e of row r lies at va + r * stride.
 */
static enum map_result map_repeat(const struct map_query *q, const struct fab_key *k,
				  struct sg *sg, unsigned int depth)
{
	const struct mlx5_wqe_umr_repeat_block_seg *rb = fab_heap(k->entries_off);
	uint64_t row_bytes = be32toh(rb->byte_count), left = q->len, off = q->addr - k->start, row;
	uint32_t num = be16toh(rb->num_ent);

	if (!row_bytes || num + 1 > k->num_entries)
		return MAP_BOUNDS;
	row = off / row_bytes;
	off %= row_bytes;
	for (; left && row < be32toh(rb->repeat_count); row++, off = 0) {
		for (uint32_t i = 0; left && i < num; i++) {
			const struct mlx5_wqe_umr_repeat_ent_seg *e = &rb->entries[i];
			uint64_t bytes = be16toh(e->byte_count), take, va;
			enum map_result ret;

			if (off >= bytes) {
				off -= bytes;
				continue;
			}
			take = EMU_MIN(bytes - off, left);
			va = be64toh(e->va) + row * be16toh(e->stride) + off;
			ret = map_piece(q, be32toh(e->memkey), va, take, sg, depth);
			if (ret)
				return ret;
			left -= take;
			off = 0;
		}
	}
	return left ? MAP_BOUNDS : MAP_OK;
}

static enum map_result map_key(const struct map_query *q, const struct fab_key *k,
			       struct sg *sg, unsigned int depth)
{
	uint64_t off = q->addr - k->start;

	if (!k->proc || k->kind == KEY_NONE || k->invalid || k->variant != (q->key & 0xff))
		return MAP_NO_KEY;
	if (k->pdn != q->pdn)
		return MAP_WRONG_PD;
	if ((k->access & q->need) != q->need)
		return MAP_NO_ACCESS;
	if (q->addr < k->start || off > k->length || q->len > k->length - off)
		return MAP_BOUNDS;
	if (k->kind == KEY_MR)
		return sg_add(sg, k->va + off, q->len) ? MAP_NO_MEMORY : MAP_OK;
	if (depth + 1 > MAX_DEPTH)
		return MAP_NESTING;
	return k->layout == LAYOUT_REPEAT ? map_repeat(q, k, sg, depth) :
					    map_list(q, k, sg, depth);
}

/*
 * The dump-fill key is no memory: what is scattered to it is lost, what is gathered from it
 * is, here, zeros. Assumption: real devices send zeros, too.
 */
static enum map_result map_nothing(const struct map_query *q, struct sg *sg)
{
	static const uint8_t zeros[65536];
	static uint8_t lost[sizeof(zeros)];
	const uint8_t *piece = q->need & KEY_LOCAL_WRITE ? lost : zeros;
	unsigned int num = sg->num;
	uint64_t bytes = sg->bytes;

	if (q->need & (KEY_REMOTE_READ | KEY_REMOTE_WRITE))
		return MAP_NO_ACCESS;
	for (uint64_t left = q->len, take; left; left -= take) {
		take = EMU_MIN(left, sizeof(zeros));
		if (sg_add(sg, (uintptr_t)piece, take)) {
			sg_cut(sg, num, bytes);
			return MAP_NO_MEMORY;
		}
	}
	return MAP_OK;
}

/* Read the key under its sequence counter; again if a writer interfered. */
static enum map_result map_level(const struct map_query *q, struct sg *sg, unsigned int depth)
{
	const struct fab_key *k = fab_key(q->key >> 8);
	unsigned int num = sg->num;
	uint64_t bytes = sg->bytes;

	if (q->key == PRM_DUMP_FILL_MKEY)
		return map_nothing(q, sg);
	if (!k)
		return MAP_NO_KEY;
	for (unsigned int spin = 0; spin < MAX_SPIN; spin++) {
		uint32_t seq = atomic_load_explicit(&k->seq, memory_order_acquire);
		enum map_result ret;

		if (seq & 1)
			continue;
		ret = map_key(q, k, sg, depth);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&k->seq, memory_order_relaxed) == seq) {
			if (ret)
				sg_cut(sg, num, bytes);
			return ret;
		}
		sg_cut(sg, num, bytes);
	}
	return MAP_NO_KEY;
}

enum map_result mkey_map(const struct map_query *q, struct sg *sg)
{
	/* Nothing is accessed, so nothing is checked. */
	if (!q->len)
		return MAP_OK;
	return map_level(q, sg, 0);
}

/* ---- UMR */

struct umr {
	const struct mlx5_wqe_umr_ctrl_seg *ctrl;
	const struct mlx5_wqe_mkey_context_seg *mkc;
	const uint8_t *data;
	uint32_t data_len;
	uint32_t entries;
	uint64_t offset; /* first entry to write */
	uint64_t mask;
	uint32_t pdn;
};

/* Copy the list of @u, inline or through its pointer, to where it belongs. */
static uint8_t fetch_entries(const struct umr *u, struct prm_klm *to, uint32_t *fetched_p)
{
	uint32_t bytes = u->entries * (uint32_t)sizeof(*to);
	struct mlx5_wqe_data_seg seg;
	struct map_query q = { .pdn = u->pdn, .need = KEY_LOCAL_READ, .len = bytes };
	struct sg from = { 0 }, into = { 0 };
	uint8_t syndrome = 0;
	uint64_t done;

	if (u->ctrl->flags & MLX5_WQE_UMR_CTRL_FLAG_INLINE) {
		if (u->data_len < bytes)
			return MLX5_CQE_SYNDROME_MW_BIND_ERR;
		memcpy(to, u->data, bytes);
		return 0;
	}
	if (u->data_len < sizeof(seg))
		return MLX5_CQE_SYNDROME_MW_BIND_ERR;
	memcpy(&seg, u->data, sizeof(seg));
	q.key = be32toh(seg.lkey);
	q.addr = be64toh(seg.addr);
	/* Assumption: the pointer to a list needs no more than 16-byte
	 * alignment (the kernel gives 64), and a key that may be read. */
	if (be32toh(seg.byte_count) < bytes || q.addr % sizeof(*to)) {
		emu_say("UMR: %u entries behind a list of %u bytes at 0x%llx", u->entries,
			be32toh(seg.byte_count), (unsigned long long)q.addr);
		return MLX5_CQE_SYNDROME_MW_BIND_ERR;
	}
	if (mkey_map(&q, &from) || sg_add(&into, (uintptr_t)to, bytes) ||
	    dma_read(getpid(), &into, &from, &done))
		syndrome = MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
	else
		*fetched_p = u->entries;
	sg_free(&from);
	sg_free(&into);
	return syndrome;
}

/* Find what makes lookups fast: all entries alike, except perhaps the last. */
static void note_layout(struct fab_key *k)
{
	const struct prm_klm *e = fab_heap(k->entries_off);
	uint32_t n = k->num_entries;

	k->uniform = 0;
	k->layout = LAYOUT_LIST;
	if (n && be32toh(e[0].key) == PRM_REPEAT_OP) {
		k->layout = LAYOUT_REPEAT;
		return;
	}
	while (n && !e[n - 1].byte_count)
		n--; /* padding to 64 bytes */
	for (uint32_t i = 1; i + 1 < n; i++)
		if (e[i].byte_count != e[0].byte_count)
			return;
	if (n > 1 && be32toh(e[n - 1].byte_count) <= be32toh(e[0].byte_count))
		k->uniform = be32toh(e[0].byte_count);
}

static void set_access(struct fab_key *k, const struct umr *u)
{
	static const struct {
		uint64_t mask;
		uint8_t bit;
	} rights[] = {
		{ MLX5_WQE_UMR_CTRL_MKEY_MASK_ACCESS_LOCAL_WRITE, KEY_LOCAL_WRITE },
		{ MLX5_WQE_UMR_CTRL_MKEY_MASK_ACCESS_REMOTE_READ, KEY_REMOTE_READ },
		{ MLX5_WQE_UMR_CTRL_MKEY_MASK_ACCESS_REMOTE_WRITE, KEY_REMOTE_WRITE },
	};

	for (unsigned int i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		if (!(u->mask & rights[i].mask))
			continue;
		k->access &= (uint8_t)~rights[i].bit;
		k->access |= u->mkc->access_flags & rights[i].bit;
	}
}

/* Only what the mask names: the rest of the segment may be stale ring bytes. */
static void set_context(struct fab_key *k, const struct umr *u)
{
	if (u->mask & MLX5_WQE_UMR_CTRL_MKEY_MASK_LEN)
		k->length = be64toh(u->mkc->len);
	if (u->mask & MLX5_WQE_UMR_CTRL_MKEY_MASK_START_ADDR)
		k->start = be64toh(u->mkc->start_addr);
	/* Assumption: LOCAL_INV, which names the key's low byte and gives 0,
	 * resets it. */
	if (u->mask & MLX5_WQE_UMR_CTRL_MKEY_MASK_MKEY)
		k->variant = (uint8_t)be32toh(u->mkc->qpn_mkey);
	if (u->mask & MLX5_WQE_UMR_CTRL_MKEY_MASK_FREE)
		k->invalid = u->mkc->free & MLX5_WQE_MKEY_CONTEXT_FREE ? 1 : 0;
	set_access(k, u);
}

/*
 * Whether the key may be changed by this QP at all.
 * Assumption: every refusal completes with MW_BIND_ERR, and an invalidation has
 * to name the key's low byte as it is.
 */
static uint8_t check_umr(const struct umr *u, const struct fab_key *k, uint32_t mkey)
{
	const uint64_t unknown = MLX5_WQE_UMR_CTRL_MKEY_MASK_SIG_ERR |
				 MLX5_WQE_UMR_CTRL_MKEY_MASK_BSF_ENABLE;
	const char *why = NULL;

	if (!k || !atomic_load(&k->proc) || k->kind != KEY_INDIRECT)
		why = "it is not a key made for UMR";
	else if (k->pdn != u->pdn)
		why = "it is of another protection domain";
	else if (u->mask & unknown)
		why = "signature is not done here";
	else if (u->offset + u->entries > k->max_entries)
		why = "more entries than it was made for";
	else if (u->ctrl->flags & MLX5_WQE_UMR_CTRL_FLAG_CHECK_FREE && !k->invalid)
		why = "it is not free";
	else if (u->ctrl->flags & MLX5_WQE_UMR_CTRL_FLAG_CHECK_QPN &&
		 k->variant != (mkey & 0xff))
		why = "its low byte is another one now";
	if (!why)
		return 0;
	emu_say("UMR of key 0x%x refused: %s", mkey, why);
	return MLX5_CQE_SYNDROME_MW_BIND_ERR;
}

uint8_t mkey_umr(const uint8_t *wqe, uint32_t len, uint32_t pdn, uint32_t *fetched_p)
{
	const struct mlx5_wqe_ctrl_seg *ctrl = (const void *)wqe;
	uint32_t mkey = be32toh(ctrl->imm);
	struct fab_key *k = fab_key(mkey >> 8);
	struct umr u = {
		.ctrl = (const void *)(wqe + 16),
		.mkc = (const void *)(wqe + 64),
		.data = wqe + 128,
		.data_len = len > 128 ? len - 128 : 0,
		.pdn = pdn,
	};
	uint8_t syndrome;

	*fetched_p = 0;
	if (len < 128) {
		emu_say("UMR: a WQE of %u bytes is too short", len);
		return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	}
	u.entries = be16toh(u.ctrl->klm_octowords);
	u.mask = be64toh(u.ctrl->mkey_mask);
	if (u.ctrl->flags & MLX5_WQE_UMR_CTRL_FLAG_TRNSLATION_OFFSET) {
		__be32 high;

		memcpy(&high, u.ctrl->rsvd1, sizeof(high));
		u.offset = be16toh(u.ctrl->translation_offset) | (uint64_t)be32toh(high) << 16;
	}
	syndrome = check_umr(&u, k, mkey);
	if (syndrome)
		return syndrome;
	fab_key_write(k);
	if (u.entries) {
		struct prm_klm *to = (struct prm_klm *)fab_heap(k->entries_off) + u.offset;

		syndrome = fetch_entries(&u, to, fetched_p);
		if (!syndrome) {
			uint32_t end = (uint32_t)u.offset + u.entries;

			k->num_entries = u.offset ? EMU_MAX(k->num_entries, end) : end;
			note_layout(k);
		}
	}
	if (!syndrome)
		set_context(k, &u);
	fab_key_publish(k);
	return syndrome;
}

uint8_t mkey_remote_inval(uint32_t rkey, uint32_t pdn)
{
	struct fab_key *k = fab_key(rkey >> 8);

	/* Assumption: a key that may not be invalidated from afar, or is not
	 * valid, is answered like any other bad remote access. */
	if (!k || !atomic_load(&k->proc) || k->kind != KEY_INDIRECT || !k->remote_inval ||
	    k->invalid || k->variant != (rkey & 0xff) || k->pdn != pdn)
		return MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR;
	fab_key_write(k);
	k->invalid = 1;
	fab_key_publish(k);
	return 0;
}
