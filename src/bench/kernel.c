/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/kernel.h"

#include <net/if.h>
#include <stdio.h>

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
	if (ret)
		return ret;
	rw_kernel_addr(client->device.gid.raw, client->cm.scope, kernel->from);
	return rw_kernel_forces_mr(kernel->from, &kernel->forces_mr, err);
}

static void leave(struct rw_client *client)
{
	rw_kernel_close(&client->kernel->module);
	rw_cm_close(&client->cm);
	client->kernel = NULL;
}

int rw_session_check_kernel(const struct rw_conf *conf, const struct rw_device *device,
			    struct rw_err *err)
{
	struct rw_kernel_client kernel = { .module.control = -1 };
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
	struct rw_kernel_client kernel = { .module.control = -1 };
	uint8_t like[16];
	int ret = rw_chan_hello(client->chan, RW_HELLO_MS, err);

	if (ret)
		return ret;
	client->kernel = &kernel;
	ret = find(client, conf, rw_session_control_gid(client->chan, like), err);
	if (!ret)
		ret = rw_kernel_choose_paths(client, conf, err);
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
