/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "kernel/control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug"
#define ROOT	DEBUGFS "/rw_bench"

#define REQUEST_BYTES 1024 /* the module's own limit */

static int too_old(const struct utsname *uts)
{
	int major = 0, minor = 0;

	return sscanf(uts->release, "%d.%d", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 1));
}

/* Its file is not there: what has to be done first? */
static int tell_absent(const char *host, struct rw_err *err)
{
	struct utsname uts = { .release = "?" };
	struct statfs fs;

	uname(&uts);
	if (too_old(&uts))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--engine=kernel: rw_bench needs Linux 6.1 or later, and %s has %s",
			       host, uts.release);
	if (statfs(DEBUGFS, &fs) || fs.f_type != DEBUGFS_MAGIC)
		return rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
			       "--engine=kernel: debugfs is not mounted on %s; run: mount -t debugfs none %s",
			       host, DEBUGFS);
	return rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
		       "--engine=kernel: the module rw_bench is not loaded on %s; run: modprobe rw_bench, or insmod kmod/rw_bench.ko if it was built by hand (kmod/README.md says how)",
		       host);
}

int rw_kernel_open(struct rw_kernel *kernel, struct rw_err *err)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	*kernel = (struct rw_kernel){ .control = open(ROOT "/control", O_RDWR | O_CLOEXEC) };
	if (kernel->control >= 0) {
		snprintf(kernel->name, sizeof(kernel->name), "rwperf-%d-%lx", (int)getpid(),
			 (unsigned long)random());
		return 0;
	}
	if (errno == ENOENT)
		return tell_absent(host, err);
	if (errno == EACCES || errno == EPERM)
		return rw_fail(err, RW_EXIT_DEVICE, -errno,
			       "--engine=kernel: only root may use the module rw_bench on %s; run this as root there",
			       host);
	return rw_fail(err, RW_EXIT_DEVICE, -errno, "--engine=kernel: %s/control on %s: %s", ROOT,
		       host, strerror(errno));
}

void rw_kernel_close(struct rw_kernel *kernel)
{
	if (kernel->control >= 0)
		close(kernel->control);
	kernel->control = -1;
	kernel->made = false;
}

/* Why the last request was refused, in the module's words. */
static const char *why(const struct rw_kernel *kernel, char *buf, size_t len)
{
	ssize_t n = pread(kernel->control, buf, len - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

/* What any request may end with, whatever it asks for. 0: something else. */
static int tell_any(int error, struct rw_err *err)
{
	if (error == EPERM)
		return rw_fail(err, RW_EXIT_DEVICE, -error,
			       "--engine=kernel: rw_bench wants CAP_SYS_ADMIN; run this as root");
	if (error == ENOMEM)
		return rw_fail(err, RW_EXIT_DEVICE, -error,
			       "--engine=kernel: rw_bench gets no memory from this kernel; free some, and try again");
	return 0;
}

static int refuse(const struct rw_kernel *kernel, int error, struct rw_err *err)
{
	char text[192];
	int ret = tell_any(error, err);

	if (ret)
		return ret;
	why(kernel, text, sizeof(text));
	if (!strncmp(text, "a key is unknown", 16))
		return rw_fail(err, RW_EXIT_DEVICE, -error,
			       "--engine=kernel: the rw_bench that is loaded is older than this program; rmmod it, and build and load the one of its kmod/");
	/* A bare word is the key whose value it does not take. */
	return rw_fail(err, RW_EXIT_DEVICE, -error, "--engine=kernel: rw_bench refuses the run: %s%s (%s)",
		       strchr(text, ' ') ? "" : "it takes no such value of ", text,
		       strerror(error));
}

int rw_kernel_create(struct rw_kernel *kernel, struct rw_err *err, const char *fmt, ...)
{
	char keys[REQUEST_BYTES - 128], text[REQUEST_BYTES];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(keys, sizeof(keys), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(keys))
		return rw_fail(err, RW_EXIT_RUN, -E2BIG, "--engine=kernel: the request is too long");
	len = snprintf(text, sizeof(text), "create name=%s while_open=1 %s", kernel->name, keys);
	if (write(kernel->control, text, (size_t)len) < 0)
		return refuse(kernel, errno, err);
	kernel->made = true;
	return 0;
}

static int open_run(const struct rw_kernel *kernel, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/runs/%s", ROOT, kernel->name);
	return open(path, flags | O_CLOEXEC);
}

int rw_kernel_read(const struct rw_kernel *kernel, json_t **doc_p, struct rw_err *err)
{
	int fd = open_run(kernel, O_RDONLY);
	json_error_t why_not;

	if (fd < 0)
		return rw_fail(err, RW_EXIT_RUN, -errno,
			       "--engine=kernel: the run is gone: %s; was rw_bench unloaded, or the run removed?",
			       strerror(errno));
	*doc_p = json_loadfd(fd, 0, &why_not);
	close(fd);
	if (*doc_p)
		return 0;
	return rw_fail(err, RW_EXIT_RUN, -EPROTO,
		       "--engine=kernel: what rw_bench says of the run is no JSON: %s", why_not.text);
}

void rw_kernel_stop(const struct rw_kernel *kernel)
{
	int fd = open_run(kernel, O_WRONLY);

	if (fd < 0)
		return;
	/* If it cannot be stopped it ends by itself, or with the control file. */
	if (write(fd, "stop", 4) < 0)
		rw_warn("--engine=kernel: the run cannot be stopped: %s", strerror(errno));
	close(fd);
}

void rw_kernel_remove(struct rw_kernel *kernel)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "remove %s", kernel->name);

	/* Who else removed it has done what was wanted. */
	if (kernel->made && write(kernel->control, text, (size_t)len) < 0 && errno != ENOENT)
		rw_warn("--engine=kernel: the run cannot be removed: %s", strerror(errno));
	kernel->made = false;
}

static int tell_no_plan(const char *addr, int error, struct rw_err *err)
{
	int ret = tell_any(error, err);

	if (ret)
		return ret;
	if (error == EBUSY)
		return rw_fail(err, RW_EXIT_DEVICE, -error,
			       "--engine=kernel: another run of rw_bench has another max_sgl_rd on the device at %s; wait for its end, or remove it (" ROOT "/runs has its name)",
			       addr);
	if (error == ENODEV || error == EADDRNOTAVAIL)
		return rw_fail(err, RW_EXIT_DEVICE, -error,
			       "--engine=kernel: rw_bench finds no device at %s: %s", addr,
			       strerror(error));
	return rw_fail(err, RW_EXIT_DEVICE, -error,
		       "--engine=kernel: rw_bench does not say which paths the device at %s has: %s",
		       addr, strerror(error));
}

int rw_kernel_forces_mr(const char *addr, bool *forces_p, struct rw_err *err)
{
	char text[256], answer[256] = "";
	int fd = open(ROOT "/plan", O_RDWR | O_CLOEXEC);
	int len = snprintf(text, sizeof(text), "addr=%s op=write pool=0 sg=0:4096", addr), ret = 0;
	json_t *plan = NULL;

	if (fd < 0 || write(fd, text, (size_t)len) < 0 ||
	    pread(fd, answer, sizeof(answer) - 1, 0) < 0)
		ret = tell_no_plan(addr, errno, err);
	if (fd >= 0)
		close(fd);
	if (ret)
		return ret;
	plan = json_loads(answer, 0, NULL);
	*forces_p = !strcmp(json_string_value(json_object_get(plan, "type")) ?: "", "mr");
	json_decref(plan);
	return 0;
}
