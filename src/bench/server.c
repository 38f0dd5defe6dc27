/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The server: waits for one client after the other. */
#include <errno.h>
#include <stdio.h>

#include "bench/serve.h"
#include "ctl/net.h"

static int serve_clients(const struct rw_conf *conf, struct rw_device *device,
			 struct rw_placement *placement, struct rw_listener *listener,
			 const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct rw_chan *chan;
	int ret;

	do {
		ret = rw_net_accept(listener, -1, stop, &chan, err);
		if (ret)
			break;
		rw_chan_set_stop(chan, stop);
		ret = rw_serve_client(conf, device, placement, chan, stop, err);
		rw_chan_close(chan);
		if (ret == -EINTR && *stop)
			rw_warn("ended in the middle of a client's run, which was told");
		/* What ended one client's session does not end the server. */
		if (ret && conf->keep_serving && ret != -EINTR) {
			rw_warn("%s", err->text);
			rw_err_clear(err);
			ret = 0;
		}
	} while (conf->keep_serving && !*stop && !ret);
	if (ret == -EINTR && *stop) {
		/* The user ended it. */
		rw_err_clear(err);
		ret = 0;
	}
	return ret;
}

static void note_ignored_options(const struct rw_conf *conf)
{
	char names[256];

	if (rw_conf_ignored_options(conf, names, sizeof(names)))
		rw_warn("the client's options count; ignored on the server: %s", names);
}

int rw_server_run(const struct rw_conf *conf, const volatile sig_atomic_t *stop,
		  struct rw_err *err)
{
	struct rw_placement placement;
	struct rw_listener *listener;
	struct rw_device device;
	int ret = rw_session_open_device(conf, &device, err);

	if (ret)
		return ret;
	note_ignored_options(conf);
	ret = rw_session_place(conf, &device, &placement, err);
	if (ret)
		goto out;
	ret = rw_net_listen(*conf->bind ? conf->bind : NULL, (uint16_t)conf->tcp_port, &listener,
			    err);
	if (ret)
		goto out;
	printf("%s: waiting for a client on port %u, device %s port %u\n", conf->test->program,
	       rw_net_listener_port(listener), rw_device_name(&device), device.port);
	fflush(stdout);
	ret = serve_clients(conf, &device, &placement, listener, stop, err);
	rw_net_listener_close(listener);
out:
	rw_device_close(&device);
	return ret;
}
