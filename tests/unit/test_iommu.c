/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a made-up sysfs says of IOMMUs. */
#include "made_sysfs.h"

#include "topo/iommu.h"

static void assert_device(const char *device, enum rw_iommu_mode mode, const char *type)
{
	struct rw_iommu iommu;

	rw_iommu_of_device(device, &iommu);
	assert_string_equal(iommu.type, type);
	assert_int_equal(iommu.mode, mode);
}

static void test_devices(void **state)
{
	put("class/infiniband/pass/device/iommu_group/type", "identity\n");
	put("class/infiniband/strict/device/iommu_group/type", "DMA\n");
	put("class/infiniband/lazy/device/iommu_group/type", "DMA-FQ\n");
	put("class/infiniband/vfio/device/iommu_group/type", "unmanaged\n");
	put("class/infiniband/old/device/iommu_group/devices", NULL);
	put("class/infiniband/bare/device/vendor", "0x15b3\n");
	put("class/infiniband/soft/node_type", "1: CA\n");
	assert_device("pass", RW_IOMMU_PASSTHROUGH, "identity");
	assert_device("strict", RW_IOMMU_TRANSLATED, "DMA");
	assert_device("lazy", RW_IOMMU_TRANSLATED, "DMA-FQ");
	assert_device("vfio", RW_IOMMU_UNKNOWN, "unmanaged");
	assert_device("old", RW_IOMMU_UNKNOWN, "");
	assert_device("bare", RW_IOMMU_NONE, "");
	assert_device("soft", RW_IOMMU_NONE, "");
	assert_device("absent", RW_IOMMU_UNKNOWN, "");
}

static void assert_host(enum rw_iommu_mode mode, uint32_t groups, uint32_t passthrough,
			uint32_t translated)
{
	struct rw_iommu iommu;

	rw_iommu_of_host(&iommu);
	assert_int_equal(iommu.mode, mode);
	assert_int_equal(iommu.groups, groups);
	assert_int_equal(iommu.passthrough, passthrough);
	assert_int_equal(iommu.translated, translated);
}

static void test_host(void **state)
{
	assert_host(RW_IOMMU_NONE, 0, 0, 0);
	put("kernel/iommu_groups", NULL);
	assert_host(RW_IOMMU_NONE, 0, 0, 0);
	put("kernel/iommu_groups/0/type", "identity\n");
	put("kernel/iommu_groups/10/type", "identity\n");
	assert_host(RW_IOMMU_PASSTHROUGH, 2, 2, 0);
	put("kernel/iommu_groups/11/type", "DMA-FQ\n");
	assert_host(RW_IOMMU_MIXED, 3, 2, 1);
	put("kernel/iommu_groups/0/type", "DMA\n");
	put("kernel/iommu_groups/10/type", "DMA\n");
	assert_host(RW_IOMMU_TRANSLATED, 3, 0, 3);
	put("kernel/iommu_groups/12/devices", NULL);
	assert_host(RW_IOMMU_MIXED, 4, 0, 3);
}

static void test_host_that_tells_nothing(void **state)
{
	put("kernel/iommu_groups/0/devices", NULL);
	assert_host(RW_IOMMU_UNKNOWN, 1, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_devices, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_host, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_host_that_tells_nothing, make_tree, drop_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
