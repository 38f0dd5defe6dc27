/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the reports: latencies. */
#ifndef RW_REPORT_LAT_H
#define RW_REPORT_LAT_H

#include <stdio.h>
#include <string.h>

#include "report/report.h"

/* "usec", or "cycles" with -C, and how many ns it is. */
static inline const char *rw_lat_unit(const struct rw_conf *conf)
{
	return conf->cycles ? "cycles" : "usec";
}

static inline double rw_lat_unit_ns(const struct rw_conf *conf, const struct rw_latency *latency)
{
	return conf->cycles ? latency->clock.ns_per_tick : 1e3;
}

/* Has an operation completed, so that there are figures to tell? */
static inline bool rw_lat_is_known(const struct rw_latency *latency)
{
	return latency->moments.count;
}

/* ns. The histogram counts whole ones: no percentile may leave the true extremes for that. */
static inline double rw_lat_percentile(const struct rw_latency *latency, double percent)
{
	double ns = (double)rw_hist_percentile(&latency->hist, percent);

	return rw_max(rw_min(ns, latency->moments.max), latency->moments.min);
}

/* perftest's column of --cpu_util: RESULT_EXT_CPU_UTIL and REPORT_EXT_CPU_UTIL. */
static inline void rw_cpu_column(const struct rw_conf *conf)
{
	if (conf->cpu_util)
		printf("    CPU_Util[%%]");
}

static inline void rw_cpu_figure(const struct rw_conf *conf, const struct rw_result *r)
{
	if (conf->cpu_util)
		printf("	    %-3.2f", rw_result_cpu_percent(r));
}

static inline const char *rw_lat_path_name(const struct rw_result *row)
{
	return strcmp(row->path, "mr") ? row->path : "MR";
}

void rw_lat_columns(const struct rw_conf *conf);
void rw_lat_row(const struct rw_conf *conf, const struct rw_result *r);
void rw_lat_notes(const struct rw_conf *conf, const struct rw_result *r);
void rw_lat_contrast(const struct rw_conf *conf, const struct rw_result *row,
		     const struct rw_result *direct);

/* The keys of a row's latencies, into @row. */
void rw_lat_set_json(const struct rw_conf *conf, const struct rw_result *r, json_t *row);

/* How @row compares with @direct: an object, or null if that is not decided. */
json_t *rw_lat_contrast_json(const struct rw_conf *conf, const struct rw_result *row,
			     const struct rw_result *direct);

#endif
