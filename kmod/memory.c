// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "memory.h"

/* splitmix64 of a counter, as the user-space programs have it. */
static u64 pattern_word(u64 seed, u64 word)
{
	u64 z = seed * 0xd1342543de82ef95ULL + word * 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static u8 pattern_byte(u64 seed, u64 position)
{
	__le64 word = cpu_to_le64(pattern_word(seed, position / 8));

	return ((u8 *)&word)[position % 8];
}

void rwb_pattern_fill(void *buf, size_t len, u64 seed, u64 position)
{
	u8 *p = buf;

	for (; len && position % 8; len--)
		*p++ = pattern_byte(seed, position++);
	for (; len >= 8; len -= 8, p += 8, position += 8) {
		__le64 word = cpu_to_le64(pattern_word(seed, position / 8));

		memcpy(p, &word, 8);
	}
	for (; len; len--)
		*p++ = pattern_byte(seed, position++);
}

size_t rwb_pattern_check(const void *buf, size_t len, u64 seed, u64 position)
{
	const u8 *p = buf;
	size_t wrong = 0, i = 0;

	while (i < len) {
		__le64 word;

		if (!((position + i) % 8) && len - i >= 8) {
			word = cpu_to_le64(pattern_word(seed, (position + i) / 8));
			if (!memcmp(p + i, &word, 8)) {
				i += 8;
				continue;
			}
		}
		wrong += p[i] != pattern_byte(seed, position + i);
		i++;
	}
	return wrong;
}

u64 rwb_sg_bytes(size_t size, size_t segment)
{
	u64 bytes = (u64)(size / segment) * (PAGE_SIZE << get_order(segment));

	return size % segment ? bytes + (PAGE_SIZE << get_order(size % segment)) : bytes;
}

struct scatterlist *rwb_sg_alloc(size_t size, size_t segment, unsigned int *n_p)
{
	unsigned int n = DIV_ROUND_UP(size, segment), i;
	struct scatterlist *sg = kvmalloc_array(n, sizeof(*sg), GFP_KERNEL);

	if (!sg)
		return NULL;
	sg_init_table(sg, n);
	for (i = 0; i < n; i++) {
		size_t len = min(size, segment);
		/* Rather none than what others of this host had to give up for it. */
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN |
						__GFP_COMP, get_order(len));

		if (!page) {
			rwb_sg_free(sg, i);
			return NULL;
		}
		sg_set_page(&sg[i], page, len, 0);
		size -= len;
	}
	*n_p = n;
	return sg;
}

void rwb_sg_free(struct scatterlist *sg, unsigned int n)
{
	unsigned int i;

	if (!sg)
		return;
	for (i = 0; i < n; i++)
		__free_pages(sg_page(&sg[i]), compound_order(sg_page(&sg[i])));
	kvfree(sg);
}

/* The slots of a piece lie one behind the other. */
static void fill_piece(const struct rwb_memory *memory, struct rwb_piece *piece, u64 slot)
{
	u32 i;

	for (i = 0; i < piece->pages; i++) {
		u64 page = i % memory->slot_pages;
		u64 position = (slot + i / memory->slot_pages) * memory->slot_bytes +
			       page * PAGE_SIZE;

		if (memory->op == RWB_READ)
			rwb_pattern_fill(sg_virt(&piece->sg[i]), PAGE_SIZE, memory->seed, position);
		else
			memset(sg_virt(&piece->sg[i]), 0, PAGE_SIZE);
	}
}

/* Of @memory from @slot on. */
static int open_piece(struct ib_pd *pd, struct rwb_memory *memory, struct rwb_piece *piece, u64 slot)
{
	size_t bytes = (size_t)piece->slots * memory->slot_pages * PAGE_SIZE;
	int n;

	piece->sg = rwb_sg_alloc(bytes, PAGE_SIZE, &piece->pages);
	if (!piece->sg)
		return -ENOMEM;
	/* Before it is mapped: from then on it is the device's. */
	fill_piece(memory, piece, slot);
	piece->mr = ib_alloc_mr(pd, IB_MR_TYPE_MEM_REG, piece->pages);
	if (IS_ERR(piece->mr)) {
		int err = PTR_ERR(piece->mr);

		piece->mr = NULL;
		return err;
	}
	n = ib_dma_map_sg(pd->device, piece->sg, piece->pages, DMA_BIDIRECTIONAL);
	if (!n)
		return -EIO;
	piece->mapped = n;
	if (ib_map_mr_sg(piece->mr, piece->sg, n, NULL, PAGE_SIZE) != n)
		return -EIO;
	piece->reg.wr.opcode = IB_WR_REG_MR;
	piece->reg.mr = piece->mr;
	piece->reg.key = piece->mr->rkey;
	piece->reg.access = memory->op == RWB_READ ? IB_ACCESS_REMOTE_READ :
						     IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	return 0;
}

int rwb_memory_open(struct ib_pd *pd, u32 op, u32 slots, u32 slot_bytes, u64 seed, u64 limit_bytes,
		    struct rwb_memory **memory_p)
{
	u32 most = min_t(u32, pd->device->attrs.max_fast_reg_page_list_len, 512);
	struct rwb_memory *memory;
	u32 slot_pages, left, slot;
	int err;

	if (op > RWB_WRITE || !slots || slots > RWB_MAX_CONTEXTS || !slot_bytes ||
	    slot_bytes > RWB_MAX_SIZE)
		return -EINVAL;
	slot_pages = DIV_ROUND_UP(slot_bytes, PAGE_SIZE);
	if (slot_pages > most || slots > most / slot_pages * RWB_MAX_PIECES)
		return -E2BIG;
	if ((u64)slots * slot_pages * PAGE_SIZE > limit_bytes)
		return -EMSGSIZE;
	memory = kvzalloc(sizeof(*memory), GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	memory->op = op;
	memory->slots = slots;
	memory->slot_bytes = slot_bytes;
	memory->slot_pages = slot_pages;
	memory->seed = seed;
	for (slot = 0, left = slots; left; slot = slots - left) {
		struct rwb_piece *piece = &memory->piece[memory->pieces++];

		piece->slots = min(left, most / slot_pages);
		err = open_piece(pd, memory, piece, slot);
		if (err)
			goto err_close;
		left -= piece->slots;
	}
	*memory_p = memory;
	return 0;

err_close:
	rwb_memory_close(memory);
	return err;
}

void rwb_memory_close(struct rwb_memory *memory)
{
	u32 i;

	if (!memory)
		return;
	for (i = 0; i < memory->pieces; i++) {
		struct rwb_piece *piece = &memory->piece[i];

		if (piece->mapped)
			ib_dma_unmap_sg(piece->mr->device, piece->sg, piece->pages,
					DMA_BIDIRECTIONAL);
		if (piece->mr)
			ib_dereg_mr(piece->mr);
		rwb_sg_free(piece->sg, piece->pages);
	}
	kvfree(memory);
}

/* What the device has written is for the processor to see. */
static void take_back(const struct rwb_memory *memory)
{
	struct scatterlist *sg;
	u32 p;
	int i;

	for (p = 0; p < memory->pieces; p++)
		for_each_sg(memory->piece[p].sg, sg, memory->piece[p].mapped, i)
			ib_dma_sync_single_for_cpu(memory->piece[p].mr->device, sg_dma_address(sg),
						   sg_dma_len(sg), DMA_BIDIRECTIONAL);
}

u64 rwb_memory_check(const struct rwb_memory *memory, const unsigned long *written)
{
	u32 slot, first = 0, p = 0;
	u64 wrong = 0;

	take_back(memory);
	for (slot = 0; slot < memory->slots; slot++) {
		const struct rwb_piece *piece = &memory->piece[p];
		u32 page, left = memory->slot_bytes;

		if (slot - first == piece->slots) {
			first = slot;
			piece = &memory->piece[++p];
		}
		if (!test_bit(slot, written))
			continue;
		for (page = 0; page < memory->slot_pages; page++) {
			u32 len = min_t(u32, left, PAGE_SIZE);
			u32 i = (slot - first) * memory->slot_pages + page;

			wrong += rwb_pattern_check(sg_virt(&piece->sg[i]), len, memory->seed,
						   (u64)slot * memory->slot_bytes +
						   (u64)page * PAGE_SIZE);
			left -= len;
		}
	}
	return wrong;
}
