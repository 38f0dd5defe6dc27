/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a user has asked for. Every number is checked against its row's range. */
#ifndef RWB_CONF_H
#define RWB_CONF_H

#include <linux/math.h>
#include <linux/socket.h>
#include <linux/types.h>

#define RWB_NAME_MAX 31
#define RWB_MAX_CONTEXTS 4096 /* of a QP */
#define RWB_MAX_SIZE (16 << 20)
#define RWB_MAX_CONNS 512 /* of a server; what a workqueue has of work at a time (WQ_MAX_ACTIVE) */
#define RWB_SGL_AS_FOUND (-1)
#define RWB_POOL_AUTO (-1)

enum rwb_role { RWB_SERVER, RWB_CLIENT };
enum rwb_op { RWB_READ, RWB_WRITE };
enum rwb_arrival { RWB_POISSON, RWB_FIXED };
enum rwb_policy { RWB_DROP, RWB_WAIT, RWB_TEARDOWN };

struct rwb_conf {
	char name[RWB_NAME_MAX + 1];
	char addr[64];
	struct sockaddr_storage sockaddr;
	char from[64]; /* client: an address of this host; empty: as routes say */
	struct sockaddr_storage source;
	/* in the order of the rows */
	s64 role, op, policy;
	s64 port;
	s64 size, segment; /* bytes */
	s64 contexts, pool, qps; /* pool: max_rdma_ctxs, of a QP, RWB_POOL_AUTO: as many as contexts need */
	s64 count; /* operations of the run, 0: no limit */
	s64 warm_up; /* operations of each QP before them, in no figure */
	s64 duration_ms; /* 0: no limit */
	s64 rate; /* operations of the run a second; 0: each follows another */
	s64 arrival;
	s64 max_sgl_rd; /* RWB_SGL_AS_FOUND: leave it */
	s64 max_sge; /* of a WR; the device may have less */
	s64 verify;
	s64 seed;
	s64 timeout; /* 4.096 us * 2^timeout until a packet is sent again */
	s64 deadline_ms; /* of each step, and without any completion */
	s64 memory_mb; /* server: of a client's */
	s64 clients; /* server: connections at a time */
	s64 while_open; /* the run goes when the control file that made it is closed */
	char why[96]; /* what is wrong with a value */
};

/* Of an operation. */
static inline u32 rwb_conf_segments(const struct rwb_conf *conf)
{
	return DIV_ROUND_UP((u32)conf->size, (u32)conf->segment);
}

/* Parse "key=value ..."; changes @text. *@why_p is a constant string, or in @conf. */
int rwb_conf_parse(struct rwb_conf *conf, char *text, const char **why_p);

const char *rwb_op_name(s64 op);
const char *rwb_policy_name(s64 policy);

#endif
