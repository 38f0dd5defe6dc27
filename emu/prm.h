/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the installed headers do not say about the formats between libmlx5 and
 * the device: command mailboxes, UMR flags, doorbell records. Facts of the
 * interface as rdma-core's providers/mlx5 and the kernel's mlx5_ifc.h show
 * them; everything that mlx5dv.h defines is taken from there.
 */
#ifndef EMU_PRM_H
#define EMU_PRM_H

#include <endian.h>
#include <stdint.h>

#include <infiniband/mlx5dv.h>

/* The key of nothing, which each process is told; beyond all indexes that keys have. */
#define PRM_DUMP_FILL_MKEY UINT32_C(0xfffffe00)

enum {
	/* commands that pass through DEVX */
	PRM_QUERY_HCA_CAP = 0x100,
	PRM_CREATE_MKEY = 0x200,

	/* op_mod of QUERY_HCA_CAP is capability << 1 | current */
	PRM_CAP_GENERAL = 0,
	PRM_CAP_ATOMIC = 3,

	/* status byte of a command's answer */
	PRM_STATUS_OK = 0,
	PRM_STATUS_BAD_OP = 0x2,
	PRM_STATUS_BAD_PARAM = 0x3,
	PRM_STATUS_NO_RESOURCES = 0xf,

	/* CREATE_MKEY in: header 16 | mkey context 64 | 48 | octowords ... */
	PRM_CREATE_MKEY_MKC = 16,
	PRM_MKC_FREE = 1 << 6,       /* byte 0 of the context */
	PRM_MKC_UMR_EN = 1 << 7,     /* byte 2 */
	PRM_MKC_MODE_MASK = 3,       /* byte 2 */
	PRM_MODE_MTT = 1,
	PRM_MODE_KLM = 2,
	PRM_MKC_EN_RINVAL = 1 << 24, /* of the big endian word with the PD */
	PRM_MKC_BSF_EN = 1 << 30,    /* likewise: signature, not done here */

	/* WQE control segment */
	PRM_WQE_BB = 64,             /* bytes of a basic block */
	PRM_DS = 16,                 /* bytes of the unit of a WQE's length */
	PRM_DS_MASK = 0x3f,
	PRM_FM_SHIFT = 5,            /* fence mode, top 3 bits of fm_ce_se */
	PRM_FM_SMALL = 1,            /* wait for UMRs before this WQE */
	PRM_FM_FENCE = 2,            /* wait for READs */
	PRM_FM_SMALL_AND_FENCE = 4,  /* wait for both: IBV_SEND_FENCE */
	PRM_INLINE = 0x80000000,     /* of byte_count: the data follow */
	PRM_END_OF_LIST = 0x100,     /* lkey that ends a receive list */

	/* CQ doorbell record, second word: sn 28..29 | cmd 24 | index 0..23 */
	PRM_ARM_SOLICITED = 1 << 24,
	PRM_ARM_INDEX = 0xffffff,
	PRM_ARM_NEVER = 0xffffffff,  /* what no library writes */

	PRM_REPEAT_OP = 0x400,       /* of a repeat block */
	PRM_ANY_QPN = 0xffffff,

	/* CQE: data that came inside, in op_own */
	PRM_CQE_SCATTER_32 = 4,
};

/* The n-th bit field of a command is counted in bits from the front. */
static inline void prm_set(void *box, unsigned int bit, unsigned int len, uint64_t value)
{
	uint8_t *p = box;

	for (unsigned int i = 0; i < len; i++) {
		unsigned int at = bit + len - 1 - i;
		uint8_t mask = (uint8_t)(0x80 >> (at % 8));

		if (value >> i & 1)
			p[at / 8] |= mask;
		else
			p[at / 8] &= (uint8_t)~mask;
	}
}

static inline uint64_t prm_get(const void *box, unsigned int bit, unsigned int len)
{
	const uint8_t *p = box;
	uint64_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value = value << 1 | (p[(bit + i) / 8] >> (7 - (bit + i) % 8) & 1);
	return value;
}

/*
 * One entry of an indirect key's list, as UMR WQEs carry it (16 bytes):
 *
 *	0        4        8               16
 *	| bytes  | key    | address       |
 */
struct prm_klm {
	__be32 byte_count;
	__be32 key;
	__be64 address;
};

#endif
