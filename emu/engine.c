/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rdma/ib_user_verbs.h>

#include "emu/channel.h"
#include "emu/cq.h"
#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/log.h"
#include "emu/qp.h"
#include "emu/rdma.h"
#include "emu/send.h"
#include "emu/sysfs.h"
#include "emu/wqe.h"

/* Rounds of one drive: two peers could keep each other busy for ever. */
#define MAX_ROUNDS 100000

static bool tick_runs;
static cpu_set_t home; /* where the process might run when it attached */
static bool frozen;
static uint64_t drives;
static uint32_t kick_seen;

int engine_attach(void)
{
	int ret;

	if (emu.attached)
		return 0;
	if (!emu.dir[0])
		return -ENODEV;
	ret = fab_open(emu.dir, (uint32_t)emu.set.link);
	if (!ret)
		ret = engine_check_faults();
	if (!ret)
		ret = fab_attach(&emu.proc);
	if (ret)
		return ret;
	/* Yama's ptrace_scope 1 would keep other processes of the fabric, who
	 * are not our parents, from our memory. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	for (uint32_t dev = 0; dev < FAB_DEVS; dev++)
		emu.port_seen[dev] = atomic_load(&fab->port_down[dev]);
	emu.pid = getpid();
	if (sched_getaffinity(0, sizeof(home), &home))
		CPU_ZERO(&home);
	emu.attached = true;
	return 0;
}

int engine_check_faults(void)
{
	return fault_init(emu.set.fault, emu.set.seed);
}

void engine_freeze(void)
{
	frozen = true;
}

bool engine_frozen(void)
{
	return frozen;
}

uint64_t engine_drives(void)
{
	return drives;
}

/* ---- events */

bool engine_async_event(struct emu_ctx *ctx, uint64_t element, uint32_t type)
{
	struct ib_uverbs_async_event_desc ev = { .element = element, .event_type = type };

	return ctx->async && channel_write(ctx->async, &ev, sizeof(ev));
}

static void check_ports(void)
{
	for (uint32_t dev = 0; dev < FAB_DEVS; dev++) {
		uint32_t down = atomic_load(&fab->port_down[dev]);

		if (down == emu.port_seen[dev])
			continue;
		emu.port_seen[dev] = down;
		for (struct emu_ctx *c = emu.ctxs; c; c = c->next)
			if (c->dev == dev)
				engine_async_event(c, 1, down ? IBV_EVENT_PORT_ERR :
							       IBV_EVENT_PORT_ACTIVE);
	}
}

int engine_set_port(uint32_t dev, bool down)
{
	int ret = fab_open(emu.dir, (uint32_t)emu.set.link);

	if (ret)
		return ret;
	atomic_store(&fab->port_down[dev], down);
	emu_sysfs_port_state(emu.dir, dev, down);
	for (uint32_t i = 0; i < FAB_PROCS; i++)
		if (fab_pid(i))
			fab_kick(i);
	return 0;
}

/* ---- drive */

/* The peer was refused something: the specification fails our side as well. */
static void take_nak(struct emu_qp *qp)
{
	uint32_t state = qp_state(qp);

	if (!atomic_exchange(&qp->shm->nak, 0) || state == IBV_QPS_ERR || state == IBV_QPS_RESET)
		return;
	if (engine_async_event(qp->ctx, qp->user_handle, IBV_EVENT_QP_ACCESS_ERR))
		qp->async_events++;
	qp_fail(qp);
}

static bool run_qp(struct emu_qp *qp, bool kicked)
{
	bool any = false;

	if (kicked) {
		if (atomic_load_explicit(&qp->shm->nak, memory_order_relaxed))
			take_nak(qp);
		any = send_inbox(qp);
	}
	switch (qp_state(qp)) {
	case IBV_QPS_RTS:
		any |= qp_complete(qp);
		while (qp_state(qp) == IBV_QPS_RTS && wqe_exec_next(qp))
			any = true;
		if (qp_state(qp) == IBV_QPS_RTS)
			any |= qp_complete(qp);
		break;
	case IBV_QPS_ERR:
		any |= qp_flush(qp);
		break;
	default:
		break;
	}
	return any;
}

void engine_drive(void)
{
	bool moved = true;

	if (!emu.attached)
		return;
	drives++;
	for (unsigned int round = 0; moved && round < MAX_ROUNDS; round++) {
		uint32_t kick = atomic_load(&fab->proc[emu.proc].kick);
		bool kicked = kick != kick_seen;

		kick_seen = kick;
		moved = false;
		for (uint32_t i = 0; i < emu.num_qps; i++)
			moved |= run_qp(emu.qps[i], kicked);
		if (kicked) {
			check_ports();
			moved = true;
		}
	}
	cq_check_arms();
	/* A port that a fault took down comes up after so many drives. */
	for (uint32_t dev = 0; dev < FAB_DEVS; dev++)
		if (emu.port_seen[dev] && fault_hit(FAULT_PORT_UP))
			engine_set_port(dev, false);
}

void engine_poll(void)
{
	/* Whoever holds the lock is driving, or changing what we would drive:
	 * the application polls again soon. Without the background thread a
	 * poll has promised to find executed what was posted before. */
	if (!emu.set.tick)
		pthread_mutex_lock(&emu.lock);
	else if (pthread_mutex_trylock(&emu.lock))
		return;
	engine_drive();
	pthread_mutex_unlock(&emu.lock);
}

/* ---- the background thread */

/* Work that needs time to pass, not a post or a message. */
static bool waiting(void)
{
	for (uint32_t i = 0; i < emu.num_qps; i++) {
		const struct emu_qp *qp = emu.qps[i];

		if (qp->fly_head != qp->fly_tail || qp->retry_until)
			return true;
	}
	return false;
}

static void *tick(void *arg)
{
	uint64_t idle_us = emu.set.tick_us;

	for (;;) {
		struct fab_proc *self = &fab->proc[emu.proc];
		struct timespec ts;
		uint32_t kick;

		pthread_mutex_lock(&emu.lock);
		engine_drive();
		kick = kick_seen;
		/* While the application polls, or something is due, stay close;
		 * while somebody sleeps on an event, one millisecond; else back
		 * off: a message or an acknowledgement wakes us by futex. */
		if (waiting())
			idle_us = emu.set.tick_us;
		else if (idle_us < emu.set.tick_idle_us)
			idle_us = EMU_MIN(idle_us * 2, emu.set.tick_idle_us);
		if (cq_any_armed() && idle_us > 1000)
			idle_us = EMU_MAX(emu.set.tick_us, 1000);
		pthread_mutex_unlock(&emu.lock);
		ts.tv_sec = (time_t)(idle_us / 1000000);
		ts.tv_nsec = (long)(idle_us % 1000000 * 1000);
		atomic_store(&self->sleeping, 1);
		if (!syscall(SYS_futex, &self->kick, FUTEX_WAIT, kick, &ts, NULL, 0L))
			idle_us = emu.set.tick_us;
		atomic_store(&self->sleeping, 0);
	}
	return arg;
}

void engine_start_tick(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;

	if (tick_runs || !emu.set.tick)
		return;
	/* The application's signals are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* A device does not run on the core that a program has pinned a thread to. */
	if (CPU_COUNT(&home))
		pthread_attr_setaffinity_np(&attr, sizeof(home), &home);
	if (pthread_create(&thread, &attr, tick, NULL))
		emu_say("no background thread: %s; only polls drive the device", strerror(errno));
	else
		tick_runs = true;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void engine_forget(void)
{
	/* Leaked, not freed: the parent's rings are mapped here as well, and
	 * nothing of them must be touched. */
	emu.attached = false;
	emu.ctxs = NULL;
	emu.channels = NULL;
	emu.cqs = NULL;
	emu.qps = NULL;
	emu.num_qps = emu.room_qps = 0;
	tick_runs = false;
	frozen = false;
	kick_seen = 0;
	rdma_forget();
	send_forget();
}
