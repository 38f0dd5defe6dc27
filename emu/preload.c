/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The library's only exported functions: the few calls of libibverbs and
 * libmlx5 that would reach the kernel driver, and those that read the real
 * /sys/class/infiniband. Everything else passes through untouched, by raw
 * system calls where that can be: these run before any constructor.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emu/channel.h"
#include "emu/emu.h"
#include "emu/engine.h"
#include "emu/log.h"
#include "emu/sysfs.h"
#include "emu/uverbs.h"

#define EXPORT       __attribute__((visibility("default")))
#define CDEV_DIR     "/dev/infiniband/"
#define SYSFS_CLASS  "/sys/class/infiniband"
#define MAX_FD       65536
#define NETLINK_RDMA_PROTOCOL 20

struct emu emu = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Atomic uint8_t fd_kind[MAX_FD];

enum emu_fd_kind emu_fd_kind(int fd)
{
	if (fd < 0 || fd >= MAX_FD)
		return FD_OTHER;
	return atomic_load_explicit(&fd_kind[fd], memory_order_acquire);
}

int emu_fd_set(int fd, enum emu_fd_kind kind)
{
	if (fd < 0 || fd >= MAX_FD)
		return -EMFILE;
	atomic_store_explicit(&fd_kind[fd], (uint8_t)kind, memory_order_release);
	return 0;
}

uint64_t emu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* ---- start and fork */

/* What rw_emu asks of the library before it starts the command. */
static int do_job(const char *job)
{
	unsigned int dev;

	if (!strcmp(job, "settings")) {
		emu_settings_print();
		return fflush(stdout) ? -EIO : 0;
	}
	if (!strcmp(job, "build")) {
		int ret = emu_sysfs_build(emu.dir, &emu.set);

		if (!ret)
			ret = engine_check_faults();
		return ret ? ret : fab_open(emu.dir, (uint32_t)emu.set.link);
	}
	if (sscanf(job, "port_down:%u", &dev) == 1 && dev < FAB_DEVS)
		return engine_set_port(dev, true);
	if (sscanf(job, "port_up:%u", &dev) == 1 && dev < FAB_DEVS)
		return engine_set_port(dev, false);
	emu_say("unknown job \"%s\"", job);
	return -EINVAL;
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&emu.lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&emu.lock);
}

/*
 * The child has no background thread and owns no objects: what it inherited
 * stays the parent's. It gets a slot of its own with its first open.
 */
static void fork_child(void)
{
	for (int fd = 0; fd < MAX_FD; fd++)
		if (emu_fd_kind(fd) != FD_OTHER)
			emu_fd_set(fd, FD_OTHER);
	pthread_mutex_init(&emu.lock, NULL);
	engine_forget();
}

__attribute__((constructor)) static void start(void)
{
	const char *dir = getenv("RW_EMU_DIR");
	const char *job = getenv("RW_EMU_JOB");

	if (!dir || strlen(dir) >= sizeof(emu.dir))
		return;
	if (emu_settings_load(&emu.set))
		_exit(2);
	strcpy(emu.dir, dir);
	if (job)
		_exit(do_job(job) ? 2 : 0);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- paths */

static bool device_path(const char *path, uint32_t *dev_p)
{
	unsigned int dev;
	char rest;

	if (!emu.dir[0] || !path || strncmp(path, CDEV_DIR, sizeof(CDEV_DIR) - 1) ||
	    sscanf(path, CDEV_DIR "uverbs%u%c", &dev, &rest) != 1 || dev >= FAB_DEVS)
		return false;
	*dev_p = dev;
	return true;
}

/* The tree's counterpart of a path below /sys/class/infiniband. */
static const char *redirect(const char *path, char buf[512])
{
	if (!emu.dir[0] || !path || strncmp(path, SYSFS_CLASS, sizeof(SYSFS_CLASS) - 1))
		return path;
	snprintf(buf, 512, "%s%s", emu.dir, path);
	return buf;
}

static int do_open(const char *path, int flags, mode_t mode)
{
	char buf[512];
	uint32_t dev;
	int fd;

	if (!device_path(path, &dev))
		return (int)syscall(SYS_openat, AT_FDCWD, redirect(path, buf), flags, mode);
	fd = uv_open(dev);
	if (fd < 0) {
		errno = -fd;
		return -1;
	}
	return fd;
}

static mode_t open_mode(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...);
EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = open_mode(flags, ap);
	va_end(ap);
	return do_open(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...);
EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = open_mode(flags, ap);
	va_end(ap);
	return do_open(path, flags | O_LARGEFILE, mode);
}

/* For fopen and opendir the C library's own is wanted, by name. */
static void *next(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);
	char buf[512];

	if (!real)
		*(void **)&real = next("fopen");
	return real(redirect(path, buf), mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode);
EXPORT FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

EXPORT DIR *opendir(const char *path)
{
	static DIR *(*real)(const char *);
	char buf[512];

	if (!real)
		*(void **)&real = next("opendir");
	return real(redirect(path, buf));
}

EXPORT int access(const char *path, int mode)
{
	char buf[512];
	uint32_t dev;

	if (device_path(path, &dev))
		return 0;
	return (int)syscall(SYS_faccessat, AT_FDCWD, redirect(path, buf), mode);
}

EXPORT int stat(const char *path, struct stat *st)
{
	char buf[512];
	uint32_t dev;

	/* The context is an open /dev/null: a character device, 1:3. */
	return fstatat(AT_FDCWD, device_path(path, &dev) ? "/dev/null" : redirect(path, buf), st,
		       0);
}

/* ---- descriptors */

EXPORT int socket(int domain, int type, int protocol)
{
	/* Without RDMA's netlink, libibverbs falls back to sysfs. */
	if (emu.dir[0] && domain == AF_NETLINK && protocol == NETLINK_RDMA_PROTOCOL) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}

EXPORT int close(int fd)
{
	enum emu_fd_kind kind = emu_fd_kind(fd);

	/* A child of vfork() shares our memory and not our descriptors: what
	 * it closes is not ours. */
	if (kind != FD_OTHER && getpid() != emu.pid)
		kind = FD_OTHER;
	switch (kind) {
	case FD_CTX:
		uv_close(fd);
		break;
	case FD_CHANNEL:
		channel_close(fd);
		break;
	case FD_OTHER:
		break;
	}
	return (int)syscall(SYS_close, fd);
}

EXPORT ssize_t write(int fd, const void *buf, size_t count)
{
	if (emu_fd_kind(fd) == FD_CTX) {
		uv_unsupported("the write(2) interface of uverbs");
		errno = EOPNOTSUPP;
		return -1;
	}
	return syscall(SYS_write, fd, buf, count);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (emu_fd_kind(fd) != FD_CTX)
		return (int)syscall(SYS_ioctl, fd, request, arg);
	ret = request == RDMA_VERBS_IOCTL ? uv_ioctl(fd, arg) : -ENOTTY;
	if (ret) {
		errno = -ret;
		return -1;
	}
	return 0;
}

static void *do_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	/* Doorbell pages: nobody looks at what is written there, because the
	 * doorbell records in memory say the same. */
	if (!(flags & MAP_ANONYMOUS) && emu_fd_kind(fd) == FD_CTX) {
		prot |= PROT_READ;
		flags = MAP_SHARED | MAP_ANONYMOUS;
		fd = -1;
		off = 0;
	}
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return do_mmap(addr, len, prot, flags, fd, off);
}

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off);
EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return do_mmap(addr, len, prot, flags, fd, off);
}
