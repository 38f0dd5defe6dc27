/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Options of the QPs' addresses: lists, and what of them does not fit together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

#define MAX_FLOW_LABEL 0xfffff /* 20 bits of the GRH */
#define HOP_LIMIT      64      /* of who has not asked for one */

/* A decimal number or one of 0x, of @len characters. */
static bool parse_label(const char *text, size_t len, uint32_t *label)
{
	char copy[16], *end;
	unsigned long value;

	if (!len || len >= sizeof(copy) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	value = strtoul(copy, &end, strncmp(copy, "0x", 2) ? 10 : 16);
	*label = (uint32_t)value;
	return !*end && value <= MAX_FLOW_LABEL;
}

int rw_conf_flow_labels(const struct rw_conf *conf, uint32_t labels[RW_MAX_FLOW_LABELS],
			struct rw_err *err)
{
	const char *text = conf->flow_labels;
	int n = 0;

	if (!*text)
		return 0;
	for (;; text++) {
		size_t len = strcspn(text, ",");

		if (n == RW_MAX_FLOW_LABELS)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--flow_label: more than %d; shorten the list, the QPs take them in turn",
				       RW_MAX_FLOW_LABELS);
		if (!parse_label(text, len, &labels[n]))
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--flow_label: '%.*s' is no number from 0 to 0xfffff; give a list such as 1,2,0x12345",
				       (int)len, text);
		n++;
		text += len;
		if (!*text)
			return n;
	}
}

int rw_conf_check_address(const struct rw_conf *conf, struct rw_err *err)
{
	uint32_t labels[RW_MAX_FLOW_LABELS];
	const char *routed = conf->dlid			      ? "dlid" :
			     conf->pkey_index		      ? "pkey_index" :
			     conf->hop_limit != HOP_LIMIT     ? "hop_limit" :
								NULL;
	int ret = rw_conf_flow_labels(conf, labels, err);

	if (ret < 0)
		return ret;
	if (conf->rdma_cm && routed)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: with -R rdma_cm chooses it, by the route between two IP addresses; leave one of them out",
			       routed);
	if (!conf->rdma_cm && conf->tos != RW_AUTO)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--tos is an option of rdma_cm's connections; give -R, too, or --tclass instead");
	if (conf->rdma_cm && conf->tclass)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--tclass: with -R rdma_cm makes the traffic class of --tos; give that instead");
	return 0;
}
