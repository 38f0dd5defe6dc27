/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emu/fabric.h"
#include "emu/gid.h"
#include "emu/log.h"
#include "emu/sysfs.h"

struct tree {
	const char *root;
	int ret; /* the first error; later calls do nothing */
};

/* Make the directories above @path (which starts inside the tree). */
static void make_parents(struct tree *t, char *path)
{
	for (char *p = path + strlen(t->root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(path, 0755) && errno != EEXIST && !t->ret)
			t->ret = -errno;
		*p = '/';
	}
}

/* A file with @text and a newline, as sysfs files end. */
static void put(struct tree *t, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct tree *t, const char *name, const char *fmt, ...)
{
	char path[1024];
	va_list ap;
	FILE *f;

	if (t->ret)
		return;
	snprintf(path, sizeof(path), "%s/%s", t->root, name);
	make_parents(t, path);
	f = fopen(path, "we");
	if (!f) {
		t->ret = -errno;
		return;
	}
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	if (fclose(f))
		t->ret = -errno;
}

static const char *format_gid(const union ibv_gid *gid, char text[40])
{
	for (unsigned int i = 0; i < 8; i++)
		snprintf(text + 5 * i, 40 - 5 * i, "%02x%02x%s", gid->raw[2 * i],
			 gid->raw[2 * i + 1], i < 7 ? ":" : "");
	return text;
}

static void put_gids(struct tree *t, const struct emu_settings *set, unsigned int dev)
{
	char text[40], name[128];

	for (unsigned int i = 0; i < emu_gid_table_len(set); i++) {
		enum ibv_gid_type type;
		union ibv_gid gid;
		bool used = emu_gid(set, dev, i, &gid, &type);

		snprintf(name, sizeof(name), "class/infiniband/mlx5_%u/ports/1/gids/%u", dev, i);
		put(t, name, "%s", format_gid(&gid, text));
		if (!used)
			continue;
		snprintf(name, sizeof(name),
			 "class/infiniband/mlx5_%u/ports/1/gid_attrs/types/%u", dev, i);
		put(t, name, "%s", type == IBV_GID_TYPE_ROCE_V2 ? "RoCE v2" : "IB/RoCE v1");
		if (set->link == EMU_LINK_IB)
			continue;
		snprintf(name, sizeof(name),
			 "class/infiniband/mlx5_%u/ports/1/gid_attrs/ndevs/%u", dev, i);
		/* The name of an interface that every host has: programs turn
		 * it into an index. */
		put(t, name, "lo");
	}
}

static void put_counters(struct tree *t, const char *dir, const char *const *names)
{
	char path[160];

	for (; *names; names++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *names);
		put(t, path, "0");
	}
}

static void put_port(struct tree *t, const struct emu_settings *set, unsigned int dev)
{
	static const char *const counters[] = {
		"port_rcv_data", "port_xmit_data", "port_rcv_packets", "port_xmit_packets",
		"port_rcv_errors", "port_xmit_discards", "port_xmit_wait", "symbol_error",
		"link_downed", "link_error_recovery", "unicast_rcv_packets",
		"unicast_xmit_packets", NULL
	};
	static const char *const hw_counters[] = {
		"out_of_sequence", "out_of_buffer", "packet_seq_err", "local_ack_timeout_err",
		"rnr_nak_retry_err", "req_cqe_error", "req_cqe_flush_error", "resp_cqe_error",
		"resp_cqe_flush_error", "req_remote_access_errors", "resp_remote_access_errors",
		"rx_read_requests", "rx_write_requests", "duplicate_request", "lifespan", NULL
	};
	bool ib = set->link == EMU_LINK_IB;
	bool down = set->port_down >> dev & 1;
	char base[96], name[128];

	snprintf(base, sizeof(base), "class/infiniband/mlx5_%u/ports/1", dev);
#define PORT(file) (snprintf(name, sizeof(name), "%s/%s", base, file), name)
	put(t, PORT("link_layer"), "%s", ib ? "InfiniBand" : "Ethernet");
	put(t, PORT("state"), "%s", down ? "1: DOWN" : "4: ACTIVE");
	put(t, PORT("phys_state"), "%s", down ? "3: Disabled" : "5: LinkUp");
	put(t, PORT("rate"), "100 Gb/sec (4X EDR)");
	put(t, PORT("lid"), "0x%x", emu_lid(set, dev));
	put(t, PORT("lid_mask_count"), "0");
	put(t, PORT("sm_lid"), "0x%x", ib ? 1 : 0);
	put(t, PORT("sm_sl"), "0");
	put(t, PORT("cap_mask"), "0x%08x", ib ? 0x2651e848 : 0x04010000);
	put(t, PORT("pkeys/0"), "0xffff");
	put(t, PORT("pkeys/1"), "0x8001");
	put_counters(t, PORT("counters"), counters);
	put_counters(t, PORT("hw_counters"), hw_counters);
#undef PORT
	put_gids(t, set, dev);
}

/* "0-3" and "f" for the processors of the machine, as sysfs writes them. */
static void put_cpus(struct tree *t, const char *base)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	char name[128], mask[64] = "";
	size_t len = 0;

	for (long word = (n - 1) / 32; word >= 0 && len < sizeof(mask) - 10; word--) {
		long left = n - 32 * word;
		unsigned int bits = left >= 32 ? 0xffffffffU : (1U << left) - 1;

		len += (size_t)snprintf(mask + len, sizeof(mask) - len, "%s%0*x", len ? "," : "",
					len ? 8 : 1, bits);
	}
	snprintf(name, sizeof(name), "%s/local_cpus", base);
	put(t, name, "%s", mask);
	snprintf(name, sizeof(name), "%s/local_cpulist", base);
	put(t, name, n > 1 ? "0-%ld" : "%ld", n - 1);
}

static void put_pci(struct tree *t, const struct emu_settings *set, unsigned int dev)
{
	char base[96], name[128];

	snprintf(base, sizeof(base), "class/infiniband/mlx5_%u/device", dev);
#define PCI(file) (snprintf(name, sizeof(name), "%s/%s", base, file), name)
	put(t, PCI("modalias"), "pci:v000015B3d%08Xsv000015B3sd00000007bc02sc%02Xi00",
	    (unsigned int)set->device_id, set->link == EMU_LINK_IB ? 7 : 0);
	put(t, PCI("vendor"), "0x15b3");
	put(t, PCI("device"), "0x%04x", (unsigned int)set->device_id);
	put(t, PCI("subsystem_vendor"), "0x15b3");
	put(t, PCI("subsystem_device"), "0x0007");
	put(t, PCI("class"), "%s", set->link == EMU_LINK_IB ? "0x020700" : "0x020000");
	put(t, PCI("numa_node"), "%u", (unsigned int)set->numa_node);
	put(t, PCI("current_link_speed"), "%s", set->pcie_speed);
	put(t, PCI("max_link_speed"), "%s", set->pcie_speed);
	put(t, PCI("current_link_width"), "%u", (unsigned int)set->pcie_width);
	put(t, PCI("max_link_width"), "%u", (unsigned int)set->pcie_width);
	put(t, PCI("uevent"), "DRIVER=mlx5_core\nPCI_SLOT_NAME=0000:%02x:00.0", 0x3b + dev);
#undef PCI
	put_cpus(t, base);
}

static void put_device(struct tree *t, const struct emu_settings *set, unsigned int dev)
{
	uint64_t guid = emu_guid(dev);
	char name[128];

#define DEV(file) (snprintf(name, sizeof(name), "class/infiniband/mlx5_%u/%s", dev, file), name)
	put(t, DEV("node_type"), "1: CA");
	put(t, DEV("node_guid"), "%04x:%04x:%04x:%04x", (unsigned int)(guid >> 48),
	    (unsigned int)(guid >> 32 & 0xffff), (unsigned int)(guid >> 16 & 0xffff),
	    (unsigned int)(guid & 0xffff));
	put(t, DEV("sys_image_guid"), "%04x:%04x:%04x:%04x", (unsigned int)(guid >> 48),
	    (unsigned int)(guid >> 32 & 0xffff), (unsigned int)(guid >> 16 & 0xffff),
	    (unsigned int)(emu_guid(0) & 0xffff));
	put(t, DEV("node_desc"), "rw_emu mlx5_%u", dev);
	put(t, DEV("fw_ver"), "%s", set->fw_ver);
	put(t, DEV("hw_rev"), "0");
	put(t, DEV("hca_type"), "MT%u", (unsigned int)set->device_id);
	put(t, DEV("board_id"), "RWEMU00000%u", dev);
#undef DEV
#define VERBS(file) (snprintf(name, sizeof(name), "class/infiniband_verbs/uverbs%u/%s", dev, file), name)
	put(t, VERBS("ibdev"), "mlx5_%u", dev);
	put(t, VERBS("abi_version"), "1");
	/* The opened /dev/null must pass for this device. */
	put(t, VERBS("dev"), "1:3");
#undef VERBS
	put_port(t, set, dev);
	put_pci(t, set, dev);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

int emu_sysfs_build(const char *dir, const struct emu_settings *set)
{
	char aside[512], final[512];
	struct tree t = { .root = aside };
	struct in_addr addr;

	snprintf(final, sizeof(final), "%s/sys", dir);
	if (!access(final, F_OK))
		return 0;
	if (inet_pton(AF_INET, set->ipv4, &addr) != 1) {
		emu_say("ipv4 must be an IPv4 address, not \"%s\"", set->ipv4);
		return -EINVAL;
	}
	snprintf(aside, sizeof(aside), "%s/sys.%d", dir, (int)getpid());
	if (mkdir(aside, 0755) && errno != EEXIST)
		t.ret = -errno;
	put(&t, "class/infiniband_verbs/abi_version", "6");
	/* Backwards: a tmpfs lists what came last first, libibverbs keeps that
	 * order, and programs take the first device. */
	for (unsigned int dev = FAB_DEVS; dev-- > 0;)
		put_device(&t, set, dev);
	if (!t.ret && rename(aside, final))
		t.ret = errno == EEXIST || errno == ENOTEMPTY ? 0 : -errno;
	/* Also when another process was faster. */
	if (!access(aside, F_OK))
		nftw(aside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (t.ret)
		emu_say("cannot build %s: %s", final, strerror(-t.ret));
	return t.ret;
}

static void replace(const char *dir, unsigned int dev, const char *file, const char *text)
{
	char path[512], aside[540];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/class/infiniband/mlx5_%u/ports/1/%s", dir, dev, file);
	snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());
	f = fopen(aside, "we");
	if (!f)
		return;
	fprintf(f, "%s\n", text);
	if (fclose(f) || rename(aside, path))
		unlink(aside);
}

void emu_sysfs_port_state(const char *dir, unsigned int dev, uint32_t down)
{
	replace(dir, dev, "state", down ? "1: DOWN" : "4: ACTIVE");
	replace(dir, dev, "phys_state", down ? "3: Disabled" : "5: LinkUp");
}
