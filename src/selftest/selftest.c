/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "config.h"

#include "selftest/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "selftest/check.h"
#include "topo/host.h"
#include "util/sysfs.h"
#include "verbs/qp.h"

struct counts {
	uint32_t held, failed, not_applicable;
};

static const char *text_of(const json_t *facts, const char *key)
{
	const char *text = json_string_value(json_object_get(facts, key));

	return text ? text : "unknown";
}

static void print_device(const struct rw_device *device)
{
	const struct ibv_device_attr *attr = &device->attr.orig_attr;
	char gid[RW_GID_TEXT];

	printf(" Device     : %s (%s) port %u %s, firmware %s", rw_device_name(device),
	       rw_device_class_name(device->class), device->port,
	       rw_device_is_roce(device) ? "Ethernet" : "InfiniBand",
	       *attr->fw_ver ? attr->fw_ver : "unknown");
	if (device->has_grh)
		printf(", GID %u %s (%s)", device->gid.index, rw_gid_format(device->gid.raw, gid),
		       rw_gid_type_name(device->gid.type));
	printf("\n Part       : vendor 0x%06x, part %u, revision 0x%x\n", attr->vendor_id,
	       attr->vendor_part_id, attr->hw_ver);
	printf(" Limits     : max_sge %d, max_sge_rd %d, max_qp_wr %d, max_qp_rd_atom %d\n",
	       attr->max_sge, attr->max_sge_rd, attr->max_qp_wr, attr->max_qp_rd_atom);
}

/* Can @engine be tried at all? The reason if not is told in @why. */
static bool is_available(const struct rw_device *device, const struct rw_engine *engine,
			 struct rw_err *why)
{
	struct rw_layout layout;

	/* One page: what any engine can take, so that only the device decides. */
	rw_layout_init(&layout, RW_PAGE_BYTES, UINT64_MAX, UINT64_MAX, UINT64_MAX, why);
	return !engine->check(device, &layout, why);
}

/* A driver that did not come with the kernel has a version of its own (MLNX_OFED). */
static void print_driver(const struct rw_device *device)
{
	char text[128], path[256], version[64];
	const char *prefix = "DRIVER=";

	if (rw_sysfs_ib(rw_device_name(device), "device/uevent", text, sizeof(text)) ||
	    strncmp(text, prefix, strlen(prefix)))
		return;
	snprintf(path, sizeof(path), "/sys/module/%s/version", text + strlen(prefix));
	rw_sysfs_read(path, version, sizeof(version));
	printf(" Driver     : %s%s%s\n", text + strlen(prefix), *version ? " " : "", version);
}

static void print_engines(const struct rw_device *device)
{
	const struct rw_engine *engine;

	for (uint32_t i = 0; (engine = rw_engine_at(i)); i++) {
		struct rw_err why = { 0 };

		printf(" %-10s : %s\n", engine->name,
		       is_available(device, engine, &why) ? engine->summary : why.text);
	}
#ifndef HAVE_MLX5
	printf(" NOTE       : built without libmlx5: no engines umr and umr_ptr\n");
#endif
}

static void print_head(const struct rw_device *device)
{
	json_t *facts = rw_device_facts(device);
	json_t *host = rw_host_facts();

	print_device(device);
	printf(" Kernel     : %s %s\n", text_of(host, "kernel"), text_of(host, "machine"));
	print_driver(device);
	printf(" libibverbs : %s\n", text_of(facts, "libibverbs"));
	print_engines(device);
	if (rw_qp_needs_list(device, true))
		printf(" NOTE       : WRs whose SGEs differ in length go through ibv_post_send: librxe before rdma-core 64 miscounts them in the extended API\n");
	if (rw_device_caveat(device->class))
		printf(" NOTE       : %s\n", rw_device_caveat(device->class));
	printf("\n| %-54s | %-37s | %-36s | ok  |\n", "assumption", "expected", "found");
	printf("|%.56s|%.39s|%.38s|-----|\n",
	       "--------------------------------------------------------",
	       "--------------------------------------------------------",
	       "--------------------------------------------------------");
	json_decref(facts);
	json_decref(host);
}

static void print_row(const struct rw_selftest *t, const struct rw_check *check, const char *at,
		      const char *found, const char *ok)
{
	char name[80], text[256];

	snprintf(name, sizeof(name), "%s: %s", t->engine ? t->engine->name : "direct", check->name);
	/* What to do, behind a semicolon, is said to who gave options; here are none. */
	snprintf(text, sizeof(text), "%s%.*s", at, (int)strcspn(found, ";"), found);
	printf("| %-54s | %-37s | %-36s | %-3s |\n", name, check->expected, text, ok);
	/* One can watch it, and a crash leaves what was found before. */
	fflush(stdout);
}

static bool applies(enum rw_check_kind kind, const struct rw_engine *engine)
{
	switch (kind) {
	case RW_CHECK_DIRECT:
		return !engine;
	case RW_CHECK_ENGINE:
		return engine;
	case RW_CHECK_KEYS:
		return engine && engine->qp_ops;
	case RW_CHECK_INLINE:
		return engine && engine->inline_bytes;
	case RW_CHECK_POINTER:
		return engine && engine->qp_ops && !engine->inline_bytes;
	case RW_CHECK_PAGES:
		return engine && engine->needs_window;
	}
	return false;
}

static void run_rows(struct rw_selftest *t, struct counts *counts)
{
	struct rw_err why = { 0 };
	bool available = !t->engine || is_available(t->device, t->engine, &why);

	for (uint32_t i = 0; i < rw_nr_checks && !*t->stop; i++) {
		const struct rw_check *check = &rw_checks[i];
		struct rw_err err = { 0 };

		if (!applies(check->kind, t->engine))
			continue;
		if (!t->engine && check->op == RW_OP_READ && t->device->is_iwarp) {
			counts->not_applicable++;
			print_row(t, check, "", "on iWARP a READ needs an MR", "n/a");
			continue;
		}
		if (!available) {
			counts->not_applicable++;
			print_row(t, check, "", "the engine is not available here", "n/a");
			continue;
		}
		t->op = check->op;
		t->at[0] = t->found[0] = '\0';
		if (check->run(t, &err)) {
			if (*t->stop)
				return;
			counts->failed++;
			print_row(t, check, t->at, err.text, "NO");
		} else {
			counts->held++;
			print_row(t, check, "", t->found, "yes");
		}
	}
}

int rw_selftest_run(const struct rw_conf *conf, struct rw_device *device,
		    const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct rw_selftest t = {
		.conf = conf,
		.device = device,
		.stop = stop,
		.seed = conf->seed,
	};
	int index = conf->gid_index == RW_AUTO ? -1 : (int)conf->gid_index;
	struct counts counts = { 0 };
	uint32_t next = 0;
	int ret;

	/* An iWARP device is connected by rdma_cm, see rig.c. */
	ret = device->is_iwarp ? 0 : rw_device_choose_gid(device, index, NULL, -1, err);
	if (ret)
		return ret;
	print_head(device);
	do {
		run_rows(&t, &counts);
		t.engine = rw_engine_at(next++);
	} while (t.engine);
	printf("\n%u held, %u failed, %u not applicable\n", counts.held, counts.failed,
	       counts.not_applicable);
	if (*stop)
		return rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted: not all rows were tried");
	if (counts.failed)
		return rw_fail(err, RW_EXIT_RUN, -EIO,
			       "%u of %u assumptions fail on %s: do not trust its figures, and paste the table into a bug report",
			       counts.failed, counts.failed + counts.held, rw_device_name(device));
	return 0;
}
