/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What stands above and below the table: who measured what, and on which terms. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"
#include "util/units.h"

#define RULE "---------------------------------------------------------------------------------------"

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
	if (json_object_get(device, "address"))
		printf(", address %s", text_of(device, "address"));
	if (json_object_get(device, "gid"))
		printf(", GID %lld %s (%s)", number_of(device, "gid_index"),
		       text_of(device, "gid"), text_of(device, "gid_type"));
	printf("\n");
}

static void print_placement(const json_t *placement)
{
	if (placement)
		printf(" %-15s : %s\n", "Placement", text_of(placement, "text"));
}

/* What the first QP has, if something was asked of it. */
static void print_qp(const struct rw_conf *conf, const json_t *qp)
{
	static const char *const names[] = { "sl", "tclass", "flow_label", "hop_limit",
					     "pkey_index", "dlid", "rate_limit_type" };
	bool asked = false;

	for (size_t i = 0; i < RW_ARRAY_SIZE(names); i++)
		asked = asked || rw_conf_was_given(conf, names[i]);
	if (!asked || !json_is_object(qp))
		return;
	printf(" %-15s : SL %lld, P_Key index %lld", "First QP", number_of(qp, "sl"),
	       number_of(qp, "pkey_index"));
	if (number_of(qp, "dlid"))
		printf(", LID %lld", number_of(qp, "dlid"));
	if (json_is_true(json_object_get(qp, "grh")))
		printf(", traffic class %lld, flow label 0x%llx, hop limit %lld",
		       number_of(qp, "tclass"), number_of(qp, "flow_label"),
		       number_of(qp, "hop_limit"));
	if (number_of(qp, "static_rate_mbps"))
		printf(", static rate %lld Mb/s", number_of(qp, "static_rate_mbps"));
	printf("\n");
}

/* Relaxed ordering is asked for; what comes of it the device knows. */
static void print_ordering(const struct rw_conf *conf, const json_t *device)
{
	const char *has = text_of(device, "relaxed_ordering");

	printf(" %-15s : ", "PCIe ordering");
	if (conf->no_relaxed_ordering)
		printf("strict (--disable_pcie_relaxed)\n");
	else if (!strcmp(has, "none"))
		printf("strict: the firmware has no relaxed ordering\n");
	else if (!strcmp(has, "unknown") || !strcmp(has, "-"))
		printf("relaxed, if the device can\n");
	else
		printf("relaxed, of %s\n", has);
}

/* Which thread is where. */
static void print_threads(const struct rw_conf *conf, const json_t *placement)
{
	const json_t *threads = json_object_get(placement, "threads"), *thread;
	size_t i;

	if (conf->threads == 1)
		return;
	printf(" %-15s : %" PRIu64 ", each with its own QPs, CQ%s", "Threads", conf->threads,
	       conf->paths == 1 << RW_PATH_DIRECT ? "" :
	       conf->pool_scope == RW_POOL_SCOPE_PROCESS ? "; one pool of all" : " and pools");
	json_array_foreach(threads, i, thread)
		printf("%s%lld", i ? "," : "; PUs ", number_of(thread, "pu"));
	printf("%s\n", json_array_size(threads) ? "" : "; not pinned");
}

static void print_send_queue(const json_t *c)
{
	printf(" %-15s : %lld WRs of up to %lld SGEs per QP", "Send queue",
	       number_of(c, "max_send_wr"), number_of(c, "max_send_sge"));
	if (number_of(c, "sq_blocks"))
		printf(", in %lld basic blocks of 64 bytes", number_of(c, "sq_blocks"));
	printf("\n");
}

static void print_clock(const json_t *clock)
{
	printf(" %-15s : %s, rate known to %.3g ppm, %.1f ns a reading\n", "Clock",
	       text_of(clock, "name"), json_real_value(json_object_get(clock, "error_ppm")),
	       json_real_value(json_object_get(clock, "cost_ns")));
}

static void print_duration(const struct rw_conf *conf)
{
	printf(" %-15s : %" PRIu64 " s a row", "Duration", conf->duration_s);
	if (conf->margin_s)
		printf(", %" PRIu64 " s of it at either end not measured (--margin)\n",
		       conf->margin_s);
	else
		printf(", margin 0: measured from the first post to the last completion\n");
}

/* Who and where. */
static void print_sides(const struct rw_conf *conf, const struct rw_report_facts *facts)
{
	const json_t *placement = json_object_get(facts->host, "placement");

	print_device("Device", facts->device);
	if (facts->peer)
		print_device("Peer", json_object_get(facts->peer, "device"));
	print_placement(placement);
	print_threads(conf, placement);
}

/* What was made and granted. */
static void print_connection(const struct rw_conf *conf, const struct rw_report_facts *facts)
{
	const json_t *c = facts->connection;

	printf(" %-15s : %" PRIu64 ", %" PRIu64 " contexts each%s\n", "QPs", conf->qps,
	       conf->contexts, conf->rdma_cm ? ", connected by rdma_cm" : "");
	if (!c) {
		printf(" %-15s : kernel: rdma_rw_ctx_init, _post and _destroy of Linux %s, by rw_bench\n",
		       "Engine", text_of(facts->host, "kernel"));
		return;
	}
	if (number_of(c, "mtu"))
		printf(" %-15s : %lld bytes, %lld outstanding READs per QP\n", "Path MTU",
		       number_of(c, "mtu"), number_of(c, "outstanding_reads"));
	else
		printf(" %-15s : %lld per QP\n", "READs at once",
		       number_of(c, "outstanding_reads"));
	print_qp(conf, json_object_get(c, "qp"));
	print_send_queue(c);
	print_ordering(conf, facts->device);
	printf(" %-15s : max_sge_rd %lld, max_qp_rd_atom %lld", "Limits",
	       number_of(facts->device, "max_sge_rd"), number_of(facts->device, "max_qp_rd_atom"));
	if (number_of(c, "mr_entries"))
		printf(", %lld segments in one MR", number_of(c, "mr_entries"));
	printf("\n");
	if (conf->paths & 1 << RW_PATH_AUTO)
		printf(" %-15s : %lld (%s)\n", "max_sgl_rd", number_of(c, "max_sgl_rd"),
		       text_of(c, "max_sgl_rd_source"));
	if (rw_conf_is_timed(conf))
		print_clock(json_object_get(c, "clock"));
}

/* What was asked for. */
static void print_load(const struct rw_conf *conf)
{
	char stride[RW_SIZE_TEXT];

	if (conf->stride_bytes != RW_AUTO)
		printf(" %-15s : %s\n", "Segment stride",
		       rw_format_size(conf->stride_bytes, stride));
	if (rw_conf_is_mixed(conf))
		printf(" %-15s : %s%s%s\n", "Mix", conf->mix,
		       *conf->mix && *conf->mix_sizes ? " of " : "", conf->mix_sizes);
	if (conf->duration_s)
		print_duration(conf);
	if (conf->events)
		printf(" %-15s : waited for asleep, by events of vector %" PRIu64 "\n", "Completions",
		       conf->comp_vector);
	printf(" %-15s : %s%s%s\n", "On exhaustion",
	       rw_conf_on_exhaustion_name(conf->on_exhaustion),
	       conf->teardown ? ", then the connection is torn down" : "",
	       rw_conf_uses_kernel(conf) ? "; what falls back is the kernel's decision" : "");
	if (conf->verify)
		printf(" %-15s : on, %s; the figures include it\n", "Verification",
		       conf->op == RW_VERB_WRITE ? "of what each context wrote last" : "every byte");
}

void rw_table_head(const struct rw_conf *conf, const struct rw_report_facts *facts)
{
	bool reads = rw_conf_has_op(conf, RW_VERB_READ), writes = rw_conf_has_op(conf, RW_VERB_WRITE);
	json_t *text;
	size_t i;

	printf("%s\n", RULE);
	printf("                    RDMA_%s%s%s %s%s Test\n", reads ? "Read" : "",
	       reads && writes ? "/" : "", writes ? "Write" : "",
	       conf->bidirectional ? "Bidirectional " : "", conf->test->is_latency ? "Latency" : "BW");
	print_sides(conf, facts);
	print_connection(conf, facts);
	print_load(conf);
	json_array_foreach(facts->notes, i, text)
		printf(" %-15s : %s\n", "NOTE", json_string_value(text));
	if (facts->caveat)
		printf(" %-15s : %s\n", "NOTE", facts->caveat);
	printf("%s\n", RULE);
	fflush(stdout);
}

void rw_table_end(const struct rw_report_facts *facts)
{
	printf("%s\n", RULE);
	if (facts->caveat)
		printf(" NOTE: %s\n", facts->caveat);
	fflush(stdout);
}
