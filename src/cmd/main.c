/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "config.h"

#include "cmd/main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/explain.h"
#include "bench/session.h"
#include "conf/parity.h"
#include "kernel/control.h"
#include "mr/engine.h"
#include "selftest/selftest.h"

/* The only global: a signal handler can reach nothing else. */
static volatile sig_atomic_t stop;

static void on_signal(int signum)
{
	/* Who insists is obeyed at once. */
	if (stop)
		_exit(128 + signum);
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The words as they were typed, for reports. */
static void join_words(int argc, char *argv[], char *buf, size_t len)
{
	size_t used = 0;

	for (int i = 0; i < argc && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? " " : "", argv[i]);
}

static enum rw_exit finish(struct rw_err *err)
{
	/* A full disk or a closed pipe shows here at the latest. */
	if (fflush(stdout))
		rw_fail(err, RW_EXIT_RUN, -EIO, "cannot write to standard output: %s",
			strerror(errno));
	else if (ferror(stdout))
		rw_fail(err, RW_EXIT_RUN, -EIO,
			"could not write all to standard output; is its disk full, or its reader gone?");
	if (err->exit_code)
		rw_warn("%s", err->text);
	return err->exit_code;
}

/* The engine that is no part of this process. */
static void list_kernel(void)
{
	struct rw_kernel kernel;
	struct rw_err why = { 0 };
	bool available = !rw_kernel_open(&kernel, &why);

	printf(" kernel   -           -     -            whole pages -      %-10s the kernel's own R/W API, in the module rw_bench of both hosts%s%s\n",
	       available ? "yes" : "no", available ? "" : "; ", available ? "" : why.text);
	rw_kernel_close(&kernel);
}

static void list_engines(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_device device;

	if (rw_session_open_device(conf, &device, err))
		return;
	rw_engine_list(&device);
	list_kernel();
	rw_session_check_kernel(conf, &device, err);
	rw_device_close(&device);
}

static void run_selftest(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_device device;

	if (rw_session_open_device(conf, &device, err))
		return;
	rw_selftest_run(conf, &device, &stop, err);
	rw_device_close(&device);
}

int rw_main(const struct rw_test *test, int argc, char *argv[])
{
	struct rw_err err = { 0 };
	char command_line[4096];
	struct rw_conf conf;

	/* A limit on the size of files is to fail writes, which are told, not to kill. */
	signal(SIGXFSZ, SIG_IGN);
	if (rw_conf_parse(test, argc, argv, &conf, &err))
		return (int)finish(&err);
	if (conf.show_help) {
		rw_conf_help(test);
		return (int)finish(&err);
	}
	if (conf.show_version) {
		printf("%s (%s) %s\n", test->program, PACKAGE_NAME, PACKAGE_VERSION);
		return (int)finish(&err);
	}
	if (conf.show_parity) {
		rw_parity_print();
		return (int)finish(&err);
	}
	/* Packet sequence numbers start at random, as they should. */
	srandom((unsigned int)(time(NULL) ^ getpid() << 8));
	catch_signals();
	join_words(argc, argv, command_line, sizeof(command_line));
	if (conf.list_engines)
		list_engines(&conf, &err);
	else if (conf.selftest)
		run_selftest(&conf, &err);
	else if (conf.explain.given)
		rw_bench_explain(&conf, &err);
	else if (conf.is_server)
		rw_server_run(&conf, &stop, &err);
	else
		rw_client_run(&conf, command_line, &stop, &err);
	return (int)finish(&err);
}
