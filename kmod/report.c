// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A run as one JSON document. Counters of a run that goes on are a moment's. */
#include "main.h"

static const char *const path_names[RWB_PATHS] = { "single", "multi", "mr" };

static u64 sum(struct rwb_run *run, size_t offset)
{
	struct rwb_conn *conn;
	u64 total = 0;

	list_for_each_entry(conn, &run->conns, list)
		total += *(u64 *)((char *)&conn->stats + offset);
	return total;
}

#define SUM(run, member) sum(run, offsetof(struct rwb_stats, member))

/* A QP's histogram of latencies or of service. Pairs with rwb_path_prepare(). */
static struct rwb_hist *hist_of(struct rwb_conn *conn, int path, bool service)
{
	struct rwb_path *p = &conn->stats.paths[path];
	struct rwb_hist **hist_p = service ? &p->service : &p->hist;

	/* what a new histogram holds is seen, too */
	return smp_load_acquire(hist_p);
}

/* Non-empty buckets of values from @low to @high as [index, count], over all QPs. */
static void show_buckets(struct seq_file *file, struct rwb_run *run, int path, bool service,
			 u64 low, u64 high)
{
	const char *comma = "";
	u32 i;

	seq_puts(file, "\"buckets\":[");
	for (i = rwb_hist_index(low); i <= rwb_hist_index(high); i++) {
		struct rwb_conn *conn;
		u64 n = 0;

		list_for_each_entry(conn, &run->conns, list) {
			struct rwb_hist *hist = hist_of(conn, path, service);

			n += hist ? hist->buckets[i] : 0;
		}
		if (!n)
			continue;
		seq_printf(file, "%s[%u,%llu]", comma, i, n);
		comma = ",";
	}
	seq_puts(file, "]");
}

static void show_hist(struct seq_file *file, struct rwb_run *run, int path, bool service)
{
	u64 low = U64_MAX, high = 0, count = 0, total = 0;
	struct rwb_conn *conn;

	list_for_each_entry(conn, &run->conns, list) {
		struct rwb_hist *hist = hist_of(conn, path, service);

		if (!hist || !hist->count)
			continue;
		low = min(low, hist->min_ns);
		high = max(high, hist->max_ns);
		count += hist->count;
		total += hist->sum_ns;
	}
	seq_printf(file, "\"%s\":{\"count\":%llu,\"sum\":%llu,\"min\":%llu,\"max\":%llu,",
		   service ? "service_ns" : "latency_ns", count, total, count ? low : 0, high);
	show_buckets(file, run, path, service, count ? low : 0, high);
	seq_puts(file, "}");
}

static void show_path(struct seq_file *file, struct rwb_run *run, int path)
{
	seq_printf(file, "\"%s\":{\"operations\":%llu,\"wrs\":%llu,\"bytes\":%llu,", path_names[path],
		   SUM(run, paths[path].operations), SUM(run, paths[path].wrs),
		   SUM(run, paths[path].bytes));
	seq_printf(file, "\"init_ns\":%llu,\"post_ns\":%llu,\"destroy_ns\":%llu,\"hold_ns\":%llu,",
		   SUM(run, paths[path].init_ns), SUM(run, paths[path].post_ns),
		   SUM(run, paths[path].destroy_ns), SUM(run, paths[path].hold_ns));
	seq_printf(file, "\"queued_ns\":%llu,", SUM(run, paths[path].queued_ns));
	show_hist(file, run, path, false);
	seq_puts(file, ",");
	show_hist(file, run, path, true);
	seq_puts(file, "}");
}

static void show_client(struct seq_file *file, struct rwb_run *run)
{
	const struct rwb_conf *conf = &run->conf;
	struct rwb_conn *conn = list_first_entry(&run->conns, struct rwb_conn, list);
	u64 begin = run->begin_ns, low = U64_MAX, end;
	int path;

	end = run->working ? ktime_get_ns() : run->end_ns;
	seq_printf(file, "\"op\":\"%s\",\"size\":%lld,\"segment\":%lld,\"contexts\":%lld,",
		   rwb_op_name(conf->op), conf->size, conf->segment, conf->contexts);
	seq_printf(file, "\"qps\":%lld,\"on_exhaustion\":\"%s\",\"verify\":%s,\"stopped\":%s,",
		   conf->qps, rwb_policy_name(conf->policy), conf->verify ? "true" : "false",
		   run->stop && !run->err ? "true" : "false");
	if (conn->device[0])
		seq_printf(file, "\"device\":\"%s\",\"iwarp\":%s,\"force_mr\":%s,\"max_sgl_rd\":{\"found\":%d,\"used\":%d},\"max_rdma_ctxs\":%u,\"send_queue_wrs\":%u,",
			   conn->device, conn->iwarp ? "true" : "false",
			   conn->force_mr ? "true" : "false", conn->sgl_found, conn->sgl_used,
			   conn->pool, conn->sq_size);
	seq_printf(file, "\"elapsed_ns\":%llu,\"issued\":%llu,\"eagain\":%llu,\"eagain_ns\":%llu,",
		   begin && end > begin ? end - begin : 0, SUM(run, issued), SUM(run, eagain),
		   SUM(run, eagain_ns));
	seq_printf(file, "\"failed\":%llu,\"waits\":%llu,\"wait_ns\":%llu,\"lost\":%llu,\"mr_hold_ns\":%llu,\"errors\":%llu,",
		   SUM(run, failed), SUM(run, waits), SUM(run, wait_ns), SUM(run, lost),
		   SUM(run, mr_hold_ns), SUM(run, errors));
	seq_printf(file, "\"rate\":%lld,\"queue_max\":%llu,\"unserved\":%llu,\"unserved_ns\":%llu,",
		   conf->rate, SUM(run, queue_max), SUM(run, unserved), SUM(run, unserved_ns));
	seq_printf(file, "\"sq_stalls\":%llu,\"sq_stall_ns\":%llu,", SUM(run, sq_stalls),
		   SUM(run, sq_stall_ns));
	seq_printf(file, "\"reconnects\":%llu,\"reconnect_ns\":%llu,\"corrupt_bytes\":%llu,\"unverified\":%llu,\"unknown_path\":%llu,",
		   SUM(run, reconnects), SUM(run, reconnect_ns), SUM(run, corrupt_bytes),
		   SUM(run, unverified), SUM(run, unknown_path));
	list_for_each_entry(conn, &run->conns, list)
		low = min(low, conn->stats.low_water);
	if (low != U64_MAX)
		seq_printf(file, "\"pool_low_water\":%llu,", low);
	else
		seq_puts(file, "\"pool_low_water\":null,");
	seq_puts(file, "\"paths\":{");
	for (path = 0; path < RWB_PATHS; path++) {
		seq_puts(file, path ? "," : "");
		show_path(file, run, path);
	}
	seq_puts(file, "}");
}

static const char *state(struct rwb_run *run)
{
	if (!rwb_run_ended(run))
		return run->conf.role == RWB_SERVER ? "listening" : "running";
	return run->err ? "failed" : "done";
}

void rwb_report(struct seq_file *file, struct rwb_run *run)
{
	mutex_lock(&run->lock);
	/* Nothing of these words needs escapes: none comes from a user or a peer. */
	seq_printf(file, "{\"schema_version\":1,\"name\":\"%s\",\"role\":\"%s\",\"state\":\"%s\",\"errno\":%d,\"error\":",
		   run->conf.name, run->conf.role == RWB_SERVER ? "server" : "client", state(run),
		   -run->err);
	if (run->err)
		seq_printf(file, "\"%s\",", run->why);
	else
		seq_puts(file, "null,");
	if (run->conf.role == RWB_CLIENT)
		show_client(file, run);
	else
		seq_printf(file, "\"port\":%u,\"connections\":%u,\"served\":%llu,\"refused\":%llu,\"corrupt_bytes\":%llu",
			   run->port, run->working, run->served, run->refused, run->corrupt_bytes);
	seq_puts(file, "}\n");
	mutex_unlock(&run->lock);
}
