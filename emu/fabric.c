/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "emu/fabric.h"
#include "emu/log.h"

/* Changes with the layout, so that two versions never share a fabric. */
#define FAB_MAGIC 0x72772d656d750006ULL
/* All of it is mapped: valgrind reads every page at the end, which fills them. */
#define HEAP_SIZE (256ULL << 20)
#define MIN_BLOCK 6 /* log2: 64 bytes */

struct fab *fab;

static uint64_t round_page(uint64_t n)
{
	return (n + 4095) & ~4095ULL;
}

static uint64_t msgs_off(void)
{
	return round_page(sizeof(struct fab));
}

static uint64_t heap_off(void)
{
	return round_page(msgs_off() + (uint64_t)FAB_QPS * FAB_MSGS * sizeof(struct fab_msg));
}

static int init_header(uint32_t link)
{
	pthread_mutexattr_t attr;

	if (pthread_mutexattr_init(&attr) ||
	    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) ||
	    pthread_mutex_init(&fab->lock, &attr))
		return -ENOSYS;
	pthread_mutexattr_destroy(&attr);
	fab->link = link;
	fab->heap_used = 64;
	fab->next_pdn = 0x10;
	fab->size = heap_off() + HEAP_SIZE;
	/* Last: a file without the magic is one whose creator died. */
	atomic_thread_fence(memory_order_release);
	fab->magic = FAB_MAGIC;
	return 0;
}

static int map_file(int fd, uint32_t link)
{
	uint64_t size = heap_off() + HEAP_SIZE;
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return -errno;
	if ((uint64_t)st.st_size < size && ftruncate(fd, (off_t)size))
		return -errno;
	/* The raw call: mmap() itself is interposed by this library. Its last
	 * argument is passed on the stack, as a long: a plain 0 has only half
	 * of one, and the rest is whatever was there. */
	map = (void *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, fd, 0L);
	if (map == MAP_FAILED)
		return -errno;
	/* A core file would hold all of it. */
	madvise(map, size, MADV_DONTDUMP);
	fab = map;
	if (!fab->magic)
		return init_header(link);
	if (fab->magic != FAB_MAGIC || fab->size != size) {
		emu_say("this fabric belongs to another version of the library");
		return -EPROTO;
	}
	if (fab->link != link) {
		emu_say("this fabric has link=%s; all its commands need the same",
			fab->link ? "ib" : "eth");
		return -EINVAL;
	}
	return 0;
}

int fab_open(const char *dir, uint32_t link)
{
	char path[512];
	int fd, ret;

	if (fab)
		return 0;
	snprintf(path, sizeof(path), "%s/shared", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		emu_say("cannot open %s: %s", path, strerror(errno));
		return -errno;
	}
	/* One creates and writes the header, the others wait here. */
	if (flock(fd, LOCK_EX))
		ret = -errno;
	else
		ret = map_file(fd, link);
	/* Said in words: the mapping keeps the file, and with it the lock. */
	flock(fd, LOCK_UN);
	syscall(SYS_close, fd);
	if (ret)
		emu_say("cannot map %s: %s", path, strerror(-ret));
	return ret;
}

static void lock(void)
{
	/* A process that died inside left nothing half done that matters: the
	 * lists are only ever short of an entry. */
	if (pthread_mutex_lock(&fab->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&fab->lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&fab->lock);
}

/*
 * kill(pid, 0) succeeds on zombies, which have no memory any more. The state
 * is the first letter behind the name, and the name may hold parentheses.
 */
static bool pid_alive(pid_t pid)
{
	char path[32], text[512], *state;
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return errno != ENOENT;
	n = syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	state = strrchr(text, ')');
	return !state || (state[2] != 'Z' && state[2] != 'X');
}

bool fab_alive(uint32_t proc)
{
	pid_t pid = fab_pid(proc);

	return pid && pid_alive(pid);
}

pid_t fab_pid(uint32_t proc)
{
	return proc < FAB_PROCS ? atomic_load(&fab->proc[proc].pid) : 0;
}

static void heap_free(uint64_t off, uint64_t bytes);

static void key_release(struct fab_key *key)
{
	if (key->kind == KEY_INDIRECT && key->entries_off)
		heap_free(key->entries_off, (uint64_t)key->max_entries * 16);
	key->kind = KEY_NONE;
	key->entries_off = 0;
	atomic_store(&key->seq, (atomic_load(&key->seq) | 1) + 1);
	atomic_store_explicit(&key->proc, 0, memory_order_release);
}

static void qp_release(struct fab_qp *qp)
{
	atomic_store(&qp->state, IBV_QPS_RESET);
	atomic_fetch_add(&qp->epoch, 1);
	atomic_store(&qp->used, 0);
}

/* Drop everything of one process slot; the fabric's lock is held. */
static void release_all(uint32_t proc)
{
	/* Not past what was ever used: reading a hole of the file fills it. */
	for (uint32_t i = 0; i < fab->qps_used; i++)
		if (atomic_load(&fab->qp[i].used) && fab->qp[i].proc == proc)
			qp_release(&fab->qp[i]);
	for (uint32_t i = 0; i < fab->keys_used; i++)
		if (atomic_load(&fab->key[i].proc) == proc + 1)
			key_release(&fab->key[i]);
	atomic_store(&fab->proc[proc].pid, 0);
}

int fab_attach(uint32_t *proc_p)
{
	int ret = -EMFILE;

	lock();
	for (uint32_t i = 0; i < FAB_PROCS; i++) {
		pid_t pid = atomic_load(&fab->proc[i].pid);

		if (pid && (pid == getpid() || !pid_alive(pid)))
			release_all(i);
	}
	for (uint32_t i = 0; i < FAB_PROCS; i++) {
		if (atomic_load(&fab->proc[i].pid))
			continue;
		atomic_store(&fab->proc[i].sleeping, 0);
		atomic_store(&fab->proc[i].pid, getpid());
		*proc_p = i;
		ret = 0;
		break;
	}
	unlock();
	return ret;
}

void fab_detach(uint32_t proc)
{
	lock();
	release_all(proc);
	unlock();
}

int fab_qp_alloc(uint32_t proc, uint32_t dev, uint32_t *qpn_p)
{
	int ret = -ENOMEM;

	lock();
	for (uint32_t n = 0; n < FAB_QPS; n++) {
		uint32_t i = (fab->next_qp + n) % FAB_QPS;
		struct fab_qp *qp = &fab->qp[i];
		uint32_t epoch = atomic_load(&qp->epoch);

		if (atomic_load(&qp->used))
			continue;
		memset(qp, 0, sizeof(*qp));
		atomic_store(&qp->epoch, epoch + 1);
		qp->proc = proc;
		qp->dev = dev;
		atomic_store(&qp->used, 1);
		/* The next search starts behind it: numbers are used again late. */
		fab->next_qp = i + 1;
		if (fab->qps_used <= i)
			fab->qps_used = i + 1;
		*qpn_p = FAB_QPN_FIRST + i;
		ret = 0;
		break;
	}
	unlock();
	return ret;
}

struct fab_qp *fab_qp(uint32_t qpn)
{
	if (qpn < FAB_QPN_FIRST || qpn - FAB_QPN_FIRST >= FAB_QPS)
		return NULL;
	return &fab->qp[qpn - FAB_QPN_FIRST];
}

void fab_qp_free(uint32_t qpn)
{
	lock();
	qp_release(fab_qp(qpn));
	unlock();
}

struct fab_msg *fab_msg(uint32_t qpn, uint32_t index)
{
	struct fab_msg *all = (void *)((char *)fab + msgs_off());

	return &all[(uint64_t)(qpn - FAB_QPN_FIRST) * FAB_MSGS + index % FAB_MSGS];
}

int fab_key_alloc(uint32_t proc, uint32_t *index_p)
{
	int ret = -ENOMEM;

	lock();
	for (uint32_t n = 0; n < FAB_KEYS - FAB_KEY_FIRST; n++) {
		uint32_t i = fab->next_key + n;
		struct fab_key *key;

		/* Round robin, so that a stale key is not soon valid again. */
		i = FAB_KEY_FIRST + i % (FAB_KEYS - FAB_KEY_FIRST);
		key = &fab->key[i];
		if (atomic_load(&key->proc))
			continue;
		fab_key_write(key);
		atomic_store(&key->proc, proc + 1);
		fab->next_key = i - FAB_KEY_FIRST + 1;
		if (fab->keys_used <= i)
			fab->keys_used = i + 1;
		*index_p = i;
		ret = 0;
		break;
	}
	unlock();
	return ret;
}

struct fab_key *fab_key(uint32_t index)
{
	return index < FAB_KEYS ? &fab->key[index] : NULL;
}

void fab_key_write(struct fab_key *key)
{
	atomic_store_explicit(&key->seq, atomic_load(&key->seq) | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void fab_key_publish(struct fab_key *key)
{
	atomic_store_explicit(&key->seq, (atomic_load(&key->seq) | 1) + 1, memory_order_release);
}

void fab_key_free(uint32_t index)
{
	lock();
	fab_key_write(&fab->key[index]);
	key_release(&fab->key[index]);
	unlock();
}

static unsigned int block_log2(uint64_t bytes)
{
	unsigned int n = MIN_BLOCK;

	while ((1ULL << n) < bytes)
		n++;
	return n;
}

/* The first 8 bytes of a free block hold the offset of the next one. */
int fab_heap_alloc(uint64_t bytes, uint64_t *off_p)
{
	unsigned int n = block_log2(bytes);
	int ret = 0;

	if (n >= 32)
		return -ENOMEM;
	lock();
	if (fab->heap_free[n]) {
		*off_p = fab->heap_free[n];
		fab->heap_free[n] = *(uint64_t *)fab_heap(*off_p);
	} else if (fab->heap_used + (1ULL << n) <= HEAP_SIZE) {
		*off_p = fab->heap_used;
		fab->heap_used += 1ULL << n;
	} else {
		ret = -ENOMEM;
	}
	unlock();
	return ret;
}

static void heap_free(uint64_t off, uint64_t bytes)
{
	unsigned int n = block_log2(bytes);

	*(uint64_t *)fab_heap(off) = fab->heap_free[n];
	fab->heap_free[n] = off;
}

void fab_heap_free(uint64_t off, uint64_t bytes)
{
	lock();
	heap_free(off, bytes);
	unlock();
}

void *fab_heap(uint64_t off)
{
	return (char *)fab + heap_off() + off;
}

void fab_kick(uint32_t proc)
{
	struct fab_proc *p = &fab->proc[proc];

	atomic_fetch_add(&p->kick, 1);
	if (atomic_load(&p->sleeping))
		syscall(SYS_futex, &p->kick, FUTEX_WAKE, 1, NULL, NULL, 0L);
}

void fab_forget(void)
{
	fab = NULL;
}
