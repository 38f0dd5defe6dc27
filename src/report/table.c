/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table. Scripts read the columns of perftest's ib_read_bw at the left, so
 * their widths and order are kept to the letter; ours stand at the right.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "util/units.h"

#define RULE "---------------------------------------------------------------------------------------"
#define MIB  1048576.0

static const char *text_of(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "-";
}

static long long number_of(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

static void print_device(const char *side, const json_t *device)
{
	printf(" %-15s : %s (%s) port %lld %s, firmware %s", side, text_of(device, "name"),
	       text_of(device, "class"), number_of(device, "port"), text_of(device, "link_layer"),
	       text_of(device, "firmware"));
	if (json_object_get(device, "gid"))
		printf(", GID %lld %s (%s)", number_of(device, "gid_index"),
		       text_of(device, "gid"), text_of(device, "gid_type"));
	printf("\n");
}

void rw_table_head(const struct rw_conf *conf, const struct rw_report_facts *facts)
{
	const json_t *c = facts->connection;
	char stride[RW_SIZE_TEXT];

	printf("%s\n", RULE);
	printf("                    RDMA_%s BW Test\n",
	       conf->op == RW_VERB_WRITE ? "Write" : "Read");
	print_device("Device", facts->device);
	if (facts->peer)
		print_device("Peer", json_object_get(facts->peer, "device"));
	printf(" %-15s : %" PRIu64 ", %" PRIu64 " contexts each\n", "QPs", conf->qps,
	       conf->contexts);
	printf(" %-15s : %lld bytes, %lld outstanding READs per QP\n", "Path MTU",
	       number_of(c, "mtu"), number_of(c, "outstanding_reads"));
	printf(" %-15s : %lld WRs of up to %lld SGEs per QP\n", "Send queue",
	       number_of(c, "max_send_wr"), number_of(c, "max_send_sge"));
	if (conf->paths & 1 << RW_PATH_AUTO)
		printf(" %-15s : %lld (%s)\n", "max_sgl_rd", number_of(c, "max_sgl_rd"),
		       text_of(c, "max_sgl_rd_source"));
	if (conf->stride_bytes != RW_AUTO)
		printf(" %-15s : %s\n", "Segment stride",
		       rw_format_size(conf->stride_bytes, stride));
	printf(" %-15s : %s\n", "On exhaustion",
	       rw_conf_on_exhaustion_name(conf->on_exhaustion));
	if (conf->verify)
		printf(" %-15s : on, the figures include it\n", "Verification");
	if (facts->caveat)
		printf(" %-15s : %s\n", "NOTE", facts->caveat);
	printf("%s\n", RULE);
	fflush(stdout);
}

void rw_table_columns(const struct rw_conf *conf)
{
	const char *unit = conf->report_gbits ? "Gb/sec" : "MiB/sec";

	printf(" #bytes     #iterations    BW peak[%s]    BW average[%s]   MsgRate[Mpps]"
	       "   path    engine   sges   contexts pool   exhaustions fallbacks  failed     WRs/op\n",
	       unit, unit);
	fflush(stdout);
}

void rw_table_row(const struct rw_conf *conf, const struct rw_result *r)
{
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;
	char pool[24] = "-";

	if (r->engine)
		snprintf(pool, sizeof(pool), "%" PRIu64, r->mr_pool);
	printf(" %-7" PRIu64 "    %-10" PRIu64 "       %-7.2lf            %-7.2lf		   %-7.6lf",
	       r->size_bytes, r->operations, rw_result_peak_bytes_per_s(r) / unit,
	       rw_result_bytes_per_s(r) / unit, rw_result_ops_per_s(r) / 1e6);
	printf("        %-7s %-8s %-6u %-8" PRIu64 " %-6s %-11" PRIu64 " %-10" PRIu64 " %-10" PRIu64
	       " %.2f\n",
	       r->path, r->engine ? r->engine : "-", r->sges, r->contexts, pool, r->exhaustions,
	       r->fallbacks, r->failed, rw_result_wrs_per_op(r));
	if (r->corrupt.bytes)
		printf(" # CORRUPT: %" PRIu64 " bytes wrong\n", r->corrupt.bytes);
	if (r->interrupted)
		printf(" # interrupted: the row holds what was measured so far\n");
	fflush(stdout);
}

void rw_table_ratio(const struct rw_result *mr, const struct rw_result *direct)
{
	printf(" # MR / direct at %" PRIu64 " bytes in %u segments: %.3f", mr->size_bytes, mr->sges,
	       rw_result_ops_per_s(mr) / rw_result_ops_per_s(direct));
	/* A ratio of a mixture is no ratio of paths: say so. */
	if (mr->fallbacks)
		printf(" (%.1f %% of the MR row fell back to direct)",
		       100.0 * (double)mr->fallbacks / (double)mr->operations);
	if (mr->failed)
		printf(" (%" PRIu64 " operations of the MR row were dropped)", mr->failed);
	printf("\n");
	fflush(stdout);
}

void rw_table_end(const struct rw_report_facts *facts)
{
	printf("%s\n", RULE);
	if (facts->caveat)
		printf(" NOTE: %s\n", facts->caveat);
	fflush(stdout);
}
