/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is said of made-up facts, and what facts a made-up sysfs gives. */
#include "made_sysfs.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "topo/warn.h"

/* A host and a device that spoil nothing. */
static struct rw_warn_facts fine(void)
{
	return (struct rw_warn_facts){
		.device = "mlx5_0",
		.governor = "performance",
		.pu = 2,
		.sibling_pu = 10,
		.sibling_busy = RW_WARN_SIBLING_BUSY - 1,
		.thread_node = 1,
		.device_node = 1,
		.memory_node = 1,
		.pages_sampled = 256,
		.pages_on_node = 256,
		.link_gts = 16,
		.max_link_gts = 16,
		.link_width = 16,
		.max_link_width = 16,
		.iommu = { .mode = RW_IOMMU_PASSTHROUGH, .type = "identity" },
		.memlock_bytes = 64 << 20,
		.pinned_bytes = 60 << 20,
	};
}

/* Exactly @warning is due, in one line with each of the blank-separated @words. */
static void assert_only(const struct rw_warn_facts *facts, int warning, const char *words)
{
	char text[RW_WARN_TEXT], copy[RW_WARN_TEXT];

	for (int i = 0; i < RW_NR_WARNINGS; i++) {
		const char *line = rw_warn_text(facts, i, text);

		if (i != warning && line)
			fail_msg("not due: %s", line);
		if (i != warning)
			continue;
		assert_ptr_equal(line, text);
		assert_true(strlen(text) < RW_WARN_TEXT - 1);
		strcpy(copy, words);
		for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
			if (!strstr(text, word))
				fail_msg("no '%s' in '%s'", word, text);
		assert_null(strpbrk(text, "\n"));
	}
}

static void test_texts(void **state)
{
	struct rw_warn_facts f = fine();

	assert_only(&f, -1, "");
	strcpy(f.governor, "powersave");
	assert_only(&f, RW_WARN_GOVERNOR, "powersave -F");
	*f.governor = '\0';
	assert_only(&f, -1, "");

	f.sibling_busy = RW_WARN_SIBLING_BUSY;
	assert_only(&f, RW_WARN_SIBLING, "10, 2), 20 --cores");
	f.sibling_pu = -1;
	assert_only(&f, -1, "");

	f = fine();
	f.thread_node = 0;
	assert_only(&f, RW_WARN_NODE, "0 mlx5_0 1: --cores");
	f.device_node = -1;
	assert_only(&f, -1, "");
	f.device_node = 1;
	f.thread_node = -1;
	assert_only(&f, -1, "");

	f = fine();
	f.pages_on_node = 192;
	assert_only(&f, RW_WARN_MEMORY, "25 node 1, huge");
	f.pages_sampled = f.pages_on_node = 0;
	assert_only(&f, -1, "");
}

static void test_link(void **state)
{
	struct rw_warn_facts f = fine();

	f.link_gts = 8;
	assert_only(&f, RW_WARN_LINK, "mlx5_0 8.0 16.0 x16:");
	f = fine();
	f.link_width = 8;
	assert_only(&f, RW_WARN_LINK, "mlx5_0 x8 x16:");
	/* a virtual function tells neither */
	f.link_width = 0;
	f.link_gts = 0;
	assert_only(&f, -1, "");
	f = fine();
	f.max_link_width = 0;
	f.max_link_gts = 0;
	assert_only(&f, -1, "");
}

static void test_limits(void **state)
{
	struct rw_warn_facts f = fine();

	f.pinned_bytes++;
	assert_only(&f, RW_WARN_MEMLOCK, "65536 -l");
	f.pinned_bytes = UINT64_C(1) << 30;
	assert_only(&f, RW_WARN_MEMLOCK, "65536 1052672");
	f.memlock_bytes = UINT64_MAX;
	assert_only(&f, -1, "");
	f.memlock_bytes = 0;
	f.pinned_bytes = 0;
	assert_only(&f, -1, "");

	f = fine();
	f.iommu.mode = RW_IOMMU_TRANSLATED;
	strcpy(f.iommu.type, "DMA-FQ");
	assert_only(&f, RW_WARN_IOMMU, "mlx5_0 (DMA-FQ) iommu=pt");
	f.iommu.mode = RW_IOMMU_UNKNOWN;
	assert_only(&f, -1, "");
}

/* Once, and not what was silenced. */
static void test_tell(void **state)
{
	struct rw_warnings told = { 0 };
	struct rw_warn_facts f = fine();

	strcpy(f.governor, "powersave");
	f.thread_node = 0;
	rw_warn_tell(&f, 1u << RW_WARN_GOVERNOR, &told);
	assert_string_equal(told.text[RW_WARN_GOVERNOR], "");
	assert_non_null(strstr(told.text[RW_WARN_NODE], "NUMA node 0"));
	/* as it was told first */
	f.thread_node = 3;
	rw_warn_tell(&f, 0, &told);
	assert_non_null(strstr(told.text[RW_WARN_NODE], "NUMA node 0"));
	assert_non_null(strstr(told.text[RW_WARN_GOVERNOR], "powersave"));
	assert_string_equal(told.text[RW_WARN_LINK], "");
}

/* ---- a made-up sysfs */

#define DEVICE "class/infiniband/mlx5_9/device/"

static void test_gather(void **state)
{
	struct rw_warn_facts f;

	rw_warn_gather("mlx5_9", false, 3, &f);
	f.memlock_bytes = 0;
	assert_only(&f, -1, "");
	assert_int_equal(f.iommu.mode, RW_IOMMU_UNKNOWN);

	put("devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n");
	put("devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n");
	put(DEVICE "current_link_speed", "8.0 GT/s PCIe\n");
	put(DEVICE "max_link_speed", "16.0 GT/s PCIe\n");
	put(DEVICE "current_link_width", "4\n");
	put(DEVICE "max_link_width", "16\n");
	put(DEVICE "iommu_group/type", "DMA\n");
	rw_warn_gather("mlx5_9", false, 3, &f);
	assert_string_equal(f.governor, "powersave");
	assert_true(f.link_gts == 8 && f.max_link_gts == 16);
	assert_int_equal(f.link_width, 4);
	assert_int_equal(f.max_link_width, 16);
	assert_int_equal(f.iommu.mode, RW_IOMMU_TRANSLATED);
	rw_warn_gather("mlx5_9", false, -1, &f);
	assert_string_equal(f.governor, "ondemand");

	/* what a virtual function says */
	put(DEVICE "current_link_speed", "Unknown\n");
	put(DEVICE "max_link_speed", "Unknown\n");
	put(DEVICE "current_link_width", "255\n");
	put(DEVICE "max_link_width", "255\n");
	rw_warn_gather("mlx5_9", false, 3, &f);
	assert_true(f.link_gts == 0 && f.max_link_gts == 0);
	assert_int_equal(f.link_width + f.max_link_width, 0);
}

/* Of software only the host's part is read. */
static void test_software(void **state)
{
	struct rw_warn_facts f;

	put("devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
	put("class/infiniband/rxe9/device/current_link_width", "4\n");
	put("class/infiniband/rxe9/device/max_link_width", "16\n");
	put("class/infiniband/rxe9/device/iommu_group/type", "DMA\n");
	rw_warn_gather("rxe9", true, 1, &f);
	f.memlock_bytes = 0;
	assert_only(&f, RW_WARN_GOVERNOR, "powersave");
}

/* In a child of no rights, or with all that this process has: the limit that it finds. */
static int memlock_in_child(bool with_rights)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct rlimit limit;
	struct rw_warn_facts f;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		getrlimit(RLIMIT_MEMLOCK, &limit);
		limit.rlim_cur = 4096;
		if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
		    (!with_rights && syscall(SYS_capset, &header, none)))
			_exit(9);
		rw_warn_gather("mlx5_9", true, 0, &f);
		_exit(f.memlock_bytes == 4096 ? 1 : f.memlock_bytes == UINT64_MAX ? 2 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The limit counts for who has no CAP_IPC_LOCK. */
static void test_memlock(void **state)
{
	assert_int_equal(memlock_in_child(false), 1);
	assert_in_range(memlock_in_child(true), 1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	 cmocka_unit_test(test_link),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_tell),
		cmocka_unit_test(test_gather),	 cmocka_unit_test(test_software),
		cmocka_unit_test(test_memlock),
	};

	return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
