/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Everything about the software device that can be set. One table (in
 * settings.c) holds name, default, limits and meaning; the environment
 * (RW_EMU_<NAME>), a profile file (RW_EMU_PROFILE) and "rw_emu --settings"
 * all go through it.
 */
#ifndef EMU_SETTINGS_H
#define EMU_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum emu_link { EMU_LINK_ETH, EMU_LINK_IB };

/* One number per row of the table in settings.c; text rows follow. */
struct emu_settings {
	/* device attributes */
	uint64_t link; /* enum emu_link */
	uint64_t max_sgl_rd;
	uint64_t max_sge;
	uint64_t max_sge_rd;
	uint64_t max_recv_sge;
	uint64_t max_wqe_size;
	uint64_t max_read_wqe;
	uint64_t max_qp_wr;
	uint64_t max_qp_rd_atom;
	uint64_t max_cqe;
	uint64_t max_klms;
	uint64_t max_msg_size;
	uint64_t mtu;
	uint64_t port_down;
	uint64_t device_id;
	uint64_t active_speed;
	uint64_t active_width;
	uint64_t numa_node;
	uint64_t pcie_width;
	/* how the engine is driven */
	uint64_t tick;
	uint64_t tick_us;
	uint64_t tick_idle_us;
	uint64_t read_batch;
	uint64_t scatter_cqe;
	uint64_t relaxed_ordering;
	uint64_t say_mrs;
	uint64_t odp;
	uint64_t nak_kills_responder;
	/* adversarial mode */
	uint64_t adversarial;
	uint64_t seed;
	uint64_t late_wqes;
	uint64_t late_polls;
	/* cost profile */
	uint64_t cost_wqe_ns;
	uint64_t cost_sge_ns;
	uint64_t cost_klm_inline_ns;
	uint64_t cost_klm_fetch_ns;
	uint64_t cost_inv_ns;
	uint64_t cost_byte_ps;
	uint64_t cost_latency_ns;
	uint64_t stall_ms;
	/* text */
	char ipv4[64];
	char fw_ver[64];
	char pcie_speed[64];
	char fault[256];
	/* derived from the above when they are loaded */
	bool cost_on;
};

/*
 * Read defaults, then the profile file, then the environment.
 * Returns 0, or -EINVAL after one line on stderr that names the bad setting.
 */
int emu_settings_load(struct emu_settings *set);

/* Write the table (name, default, meaning) to stdout, for rw_emu --settings. */
void emu_settings_print(void);

#endif
