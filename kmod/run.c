// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/debugfs.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "main.h"

#define MAX_RUNS 64
#define STOP_PATIENCE (2 * HZ)

static DEFINE_MUTEX(runs_lock);
static LIST_HEAD(runs);
static unsigned int n_runs;

int rwb_run_fail(struct rwb_run *run, int err, const char *fmt, ...)
{
	va_list args;

	mutex_lock(&run->lock);
	if (!run->err && !run->stop) {
		run->err = err;
		va_start(args, fmt);
		vsnprintf(run->why, sizeof(run->why), fmt, args);
		va_end(args);
	}
	mutex_unlock(&run->lock);
	rwb_run_stop(run);
	return err;
}

void rwb_run_stop(struct rwb_run *run)
{
	struct rwb_conn *conn;

	mutex_lock(&run->lock);
	if (!run->stop)
		run->stop_jiffies = jiffies;
	/* Who sees it, sees when it was: pairs with rwb_run_patience(). */
	smp_store_release(&run->stop, true);
	list_for_each_entry(conn, &run->conns, list)
		wake_up_all(&conn->wait);
	mutex_unlock(&run->lock);
	wake_up_all(&run->wait);
}

unsigned long rwb_run_patience(struct rwb_run *run)
{
	unsigned long end;

	/* Pairs with rwb_run_stop(). */
	if (!smp_load_acquire(&run->stop))
		return msecs_to_jiffies(run->conf.deadline_ms);
	end = run->stop_jiffies + STOP_PATIENCE;
	return time_before(jiffies, end) ? end - jiffies : 0;
}

bool rwb_run_ended(struct rwb_run *run)
{
	return run->conf.role == RWB_CLIENT ? !run->working : run->stop;
}

struct rwb_conn *rwb_conn_new(struct rwb_run *run)
{
	struct rwb_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	conn->run = run;
	init_waitqueue_head(&conn->wait);
	rwb_stats_init(&conn->stats);
	mutex_lock(&run->lock);
	if (run->stop || (run->conf.role == RWB_SERVER && run->working >= run->conf.clients)) {
		mutex_unlock(&run->lock);
		kfree(conn);
		return NULL;
	}
	conn->index = run->working++;
	list_add_tail(&conn->list, &run->conns);
	mutex_unlock(&run->lock);
	return conn;
}

/* A server's, at the end of its own work. */
void rwb_conn_free(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;

	mutex_lock(&run->lock);
	list_del(&conn->list);
	run->working--;
	mutex_unlock(&run->lock);
	rwb_stats_free(&conn->stats);
	kfree(conn);
}

static int begin_client(struct rwb_run *run, const char **why_p)
{
	struct rwb_conn *conn;
	unsigned int i;

	*why_p = "out of memory";
	for (i = 0; i < run->conf.qps; i++) {
		conn = rwb_conn_new(run);
		if (!conn)
			return -ENOMEM;
		INIT_WORK(&conn->work, rwb_client_work);
	}
	list_for_each_entry(conn, &run->conns, list)
		queue_work(run->wq, &conn->work);
	return 0;
}

/* Waits until its work has ended. */
static void free_run(struct rwb_run *run)
{
	struct rwb_conn *conn, *next;

	destroy_workqueue(run->wq);
	list_for_each_entry_safe(conn, next, &run->conns, list) {
		rwb_stats_free(&conn->stats);
		kfree(conn);
	}
	put_net(run->net);
	mutex_destroy(&run->lock);
	kfree(run);
}

static void end_run(struct rwb_run *run)
{
	rwb_server_close(run);
	rwb_run_stop(run);
	free_run(run);
}

static struct rwb_run *find(const char *name)
{
	struct rwb_run *run;

	list_for_each_entry(run, &runs, list)
		if (!strcmp(run->conf.name, name))
			return run;
	return NULL;
}

static int begin_run(struct rwb_run *run, const char **why_p)
{
	int err;

	*why_p = "a run of this name exists: remove it first";
	if (find(run->conf.name))
		return -EEXIST;
	*why_p = "there are 64 runs: remove some";
	if (n_runs >= MAX_RUNS)
		return -ENOSPC;
	if (run->conf.role == RWB_CLIENT)
		err = begin_client(run, why_p);
	else
		err = rwb_server_listen(run, why_p);
	if (err)
		return err;
	run->file = rwb_run_file(run);
	list_add(&run->list, &runs);
	n_runs++;
	return 0;
}

int rwb_run_create(const struct rwb_conf *conf, const void *owner, const char **why_p)
{
	struct rwb_run *run = kzalloc(sizeof(*run), GFP_KERNEL);
	int err;

	*why_p = "out of memory";
	if (!run)
		return -ENOMEM;
	/* Each connection's work lasts as long as the connection. */
	run->wq = alloc_workqueue("rw_bench", WQ_UNBOUND, RWB_MAX_CONNS);
	if (!run->wq) {
		kfree(run);
		return -ENOMEM;
	}
	run->conf = *conf;
	run->owner = owner;
	INIT_LIST_HEAD(&run->conns);
	mutex_init(&run->lock);
	init_waitqueue_head(&run->wait);
	run->net = get_net(current->nsproxy->net_ns);
	mutex_lock(&runs_lock);
	err = begin_run(run, why_p);
	mutex_unlock(&runs_lock);
	if (err)
		free_run(run);
	return err;
}

/* Take it off the list. In the lock: the next run may have the name. */
static void unlist(struct rwb_run *run)
{
	list_del(&run->list);
	n_runs--;
	debugfs_remove(run->file);
}

int rwb_run_remove(const char *name)
{
	struct rwb_run *run;

	mutex_lock(&runs_lock);
	run = find(name);
	if (run)
		unlist(run);
	mutex_unlock(&runs_lock);
	if (!run)
		return -ENOENT;
	end_run(run);
	return 0;
}

void rwb_run_remove_owned(const void *owner)
{
	struct rwb_run *run, *next;
	LIST_HEAD(owned);

	mutex_lock(&runs_lock);
	list_for_each_entry_safe(run, next, &runs, list) {
		if (run->owner != owner)
			continue;
		unlist(run);
		list_add(&run->list, &owned);
	}
	mutex_unlock(&runs_lock);
	list_for_each_entry_safe(run, next, &owned, list)
		end_run(run);
}

void rwb_run_remove_all(void)
{
	struct rwb_run *run, *next;

	/* Nobody else is left: the control files are gone. */
	list_for_each_entry_safe(run, next, &runs, list)
		rwb_run_stop(run);
	list_for_each_entry_safe(run, next, &runs, list) {
		debugfs_remove(run->file);
		end_run(run);
	}
}
