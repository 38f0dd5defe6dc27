/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

const char *rw_kernel_addr(const uint8_t raw[16], uint32_t scope, char buf[RW_KERNEL_ADDR])
{
	char text[RW_GID_TEXT], name[IF_NAMESIZE] = "";
	bool scoped = rw_gid_is_link_local(raw) && if_indextoname(scope, name);

	snprintf(buf, RW_KERNEL_ADDR, "%s%s%s", rw_gid_format(raw, text), scoped ? "%" : "", name);
	return buf;
}

/* Agree with the server on the run; its module listens then. */
static int agree(struct rw_client *client, struct rw_err *err)
{
	json_t *msg;
	/* What WRs there are is the module's matter. */
	int ret = rw_client_send_setup(client, 1, err);

	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "accept", &msg, err);
	if (ret)
		return ret;
	ret = rw_client_take_server(client, msg, err);
	json_decref(msg);
	if (!ret)
		rw_kernel_addr(client->peer.gid.raw, client->cm.scope, client->kernel->addr);
	return ret;
}

/*
 * Share the device with the clients of other processes (@how: LOCK_SH), or have it alone (LOCK_EX).
 * Between a row's runs nothing in the module holds max_sgl_rd: who came just then with another
 * value would end a measurement that goes on. The lock ends with the process, however that ends.
 * Sysfs is one for each network namespace, and so are its locks.
 */
static int lock_device(struct rw_client *client, int how, struct rw_err *err)
{
	const char *path = client->device.ctx->device->ibdev_path;
	struct rw_kernel_client *kernel = client->kernel;

	if (kernel->lock < 0)
		kernel->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (kernel->lock >= 0 && !flock(kernel->lock, how | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK)
		return rw_fail(err, RW_EXIT_DEVICE, -EBUSY,
			       "--engine=kernel: another ib_rw_* with --engine=kernel measures on %s, and one of the two sets the device's max_sgl_rd; wait for the other's end",
			       rw_device_name(&client->device));
	return rw_fail(err, RW_EXIT_DEVICE, -errno, "--engine=kernel: %s cannot be locked: %s", path,
		       strerror(errno));
}

static bool sets_max_sgl_rd(const struct rw_client *client)
{
	for (int path = 0; path < RW_NR_PATHS; path++)
		if (client->conf->paths >> path & 1 && rw_kernel_max_sgl_rd(client, path) >= 0)
			return true;
	return false;
}

/* Find the module, the device's address in the network of @like (NULL: any), and force_mr. */
static int find(struct rw_client *client, const struct rw_conf *conf, const uint8_t *like,
		struct rw_err *err)
{
	const struct rw_cm_watch no_watch = { 0 };
	struct rw_kernel_client *kernel = client->kernel;
	int ret = rw_kernel_open(&kernel->module, err);

	if (!ret)
		ret = rw_session_choose_addr(conf, &client->device, like, -1, &no_watch,
					     &client->cm, err);
	/* The question below holds max_sgl_rd, too, for a moment. */
	if (!ret)
		ret = lock_device(client, LOCK_SH, err);
	if (ret)
		return ret;
	rw_kernel_addr(client->device.gid.raw, client->cm.scope, kernel->from);
	return rw_kernel_forces_mr(kernel->from, &kernel->forces_mr, err);
}

static void leave(struct rw_client *client)
{
	if (client->kernel->lock >= 0)
		close(client->kernel->lock);
	rw_kernel_close(&client->kernel->module);
	rw_cm_close(&client->cm);
	client->kernel = NULL;
}

int rw_session_check_kernel(const struct rw_conf *conf, const struct rw_device *device,
			    struct rw_err *err)
{
	struct rw_kernel_client kernel = { .module.control = -1, .lock = -1 };
	struct rw_client client = { .device = *device, .kernel = &kernel };
	struct rw_conf adapted = *conf;
	struct rw_err unknown = { 0 };
	int ret;

	if (!rw_conf_uses_kernel(conf))
		return 0;
	client.conf = &adapted;
	client.facts.notes = json_array();
	ret = rw_session_adapt(&adapted, device, client.facts.notes, err);
	if (!ret && !find(&client, &adapted, NULL, &unknown))
		ret = rw_kernel_choose_paths(&client, &adapted, err);
	leave(&client);
	json_decref(client.facts.notes);
	return ret;
}

int rw_kernel_run_session(struct rw_client *client, struct rw_conf *conf, struct rw_err *err)
{
	struct rw_kernel_client kernel = { .module.control = -1, .lock = -1 };
	uint8_t like[16];
	int ret = rw_chan_hello(client->chan, RW_HELLO_MS, err);

	if (ret)
		return ret;
	client->kernel = &kernel;
	ret = find(client, conf, rw_session_control_gid(client->chan, like), err);
	if (!ret)
		ret = rw_kernel_choose_paths(client, conf, err);
	if (!ret && sets_max_sgl_rd(client))
		ret = lock_device(client, LOCK_EX, err);
	if (!ret)
		ret = rw_port_counters_open(&client->counters, &client->device, conf->counters,
					    err);
	if (!ret)
		ret = agree(client, err);
	if (!ret)
		ret = rw_client_run_table(client, NULL, err);
	if (ret)
		rw_chan_send_error(client->chan, err);
	leave(client);
	return ret;
}
