/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where segments lie: properties of every layout, and each error. */
#include "unit.h"

#include <errno.h>

#include "rw/layout.h"

#define NONE UINT64_MAX
#define KIB  UINT64_C(1024)
#define MIB  (UINT64_C(1024) * 1024)
#define GIB  (UINT64_C(1024) * 1024 * 1024)

static const uint64_t sizes[] = { 64, 4 * KIB, 64 * KIB, MIB };
static const uint64_t counts[] = { 1, 4, 16, 30, 32, 33, 256 };

/* What a layout must be, whatever was asked for; found by walking over it. */
static void check_properties(const struct rw_layout *layout, uint64_t size, bool default_stride)
{
	bool whole = true;
	uint64_t sum = 0, end = 0;

	assert_int_equal(layout->size_bytes, size);
	assert_in_range(layout->nr_segs, 1, RW_MAX_SEGMENTS);
	for (uint32_t i = 0; i < layout->nr_segs; i++) {
		uint64_t start = i * layout->stride_bytes;
		uint32_t length = rw_layout_length(layout, i);

		assert_in_range(length, 1, layout->seg_bytes);
		assert_true(start >= end);
		if (default_stride) {
			assert_int_equal(start % RW_PAGE_BYTES, 0);
			assert_true(i == 0 || start > end);
		}
		whole = whole && start % RW_PAGE_BYTES == 0 &&
			(i == layout->nr_segs - 1 || length % RW_PAGE_BYTES == 0);
		sum += length;
		end = start + length;
	}
	assert_int_equal(sum, size);
	assert_int_equal(rw_layout_span(layout), end);
	assert_int_equal(rw_layout_is_whole_pages(layout), whole);
}

static void lay(uint64_t size, uint64_t sges, uint64_t segment, uint64_t stride,
		struct rw_layout *layout)
{
	struct rw_err err = { 0 };

	if (rw_layout_init(layout, size, sges, segment, stride, &err))
		fail_msg("size %llu: %s", (unsigned long long)size, err.text);
	check_properties(layout, size, stride == NONE);
}

static void refuse(uint64_t size, uint64_t sges, uint64_t segment, uint64_t stride,
		   const char *option)
{
	struct rw_err err = { 0 };
	struct rw_layout layout;

	assert_int_equal(rw_layout_init(&layout, size, sges, segment, stride, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, option);
}

static void test_matrix_of_sges(void **state)
{
	struct rw_layout layout;

	for (size_t s = 0; s < RW_ARRAY_SIZE(sizes); s++)
		for (size_t c = 0; c < RW_ARRAY_SIZE(counts); c++) {
			if (counts[c] > sizes[s]) {
				refuse(sizes[s], counts[c], NONE, NONE, "--sges");
				continue;
			}
			lay(sizes[s], counts[c], NONE, NONE, &layout);
			assert_int_equal(layout.nr_segs, counts[c]);
			/* lengths differ by one byte at the most, longer ones first */
			for (uint32_t i = 0; i < layout.nr_segs; i++)
				assert_int_equal(rw_layout_length(&layout, i),
						 sizes[s] / counts[c] + (i < sizes[s] % counts[c]));
		}
}

static void test_matrix_of_segments(void **state)
{
	static const uint64_t segments[] = { 1, 63, 64, 4095, 4096, 4097, 8192, 65536, GIB };
	struct rw_layout layout;

	for (size_t s = 0; s < RW_ARRAY_SIZE(sizes); s++)
		for (size_t i = 0; i < RW_ARRAY_SIZE(segments); i++) {
			uint64_t needed = (sizes[s] + segments[i] - 1) / segments[i];

			if (needed > RW_MAX_SEGMENTS) {
				refuse(sizes[s], NONE, segments[i], NONE, "--segment");
				continue;
			}
			lay(sizes[s], NONE, segments[i], NONE, &layout);
			assert_int_equal(layout.nr_segs, needed);
			for (uint32_t j = 0; j + 1 < needed; j++)
				assert_int_equal(rw_layout_length(&layout, j), segments[i]);
			/* both given and in agreement: the same; else refused */
			lay(sizes[s], needed, segments[i], NONE, &layout);
			refuse(sizes[s], needed + 1, segments[i], NONE, "--sges");
			if (needed > 1)
				refuse(sizes[s], needed - 1, segments[i], NONE, "--sges");
		}
}

static void test_defaults(void **state)
{
	struct rw_layout layout;

	lay(64 * KIB, NONE, NONE, NONE, &layout);
	assert_int_equal(layout.nr_segs, 16);
	assert_int_equal(layout.seg_bytes, 4096);
	assert_int_equal(layout.stride_bytes, 8192);
	lay(64, NONE, NONE, NONE, &layout);
	assert_int_equal(layout.nr_segs, 1);
	assert_int_equal(layout.seg_bytes, 64);
	assert_int_equal(rw_layout_span(&layout), 64);
	lay(8193, NONE, NONE, NONE, &layout);
	assert_int_equal(layout.nr_segs, 3);
	assert_int_equal(rw_layout_length(&layout, 2), 1);
}

static void test_any(void **state)
{
	uint64_t random = 1;
	struct rw_layout layout;

	for (int i = 0; i < 3000; i++) {
		uint64_t size =
			unit_between(&random, 1, UINT64_C(1) << unit_between(&random, 0, 21));
		uint64_t sges = unit_between(&random, 1, rw_min(size, 600));
		uint64_t segment = unit_between(&random, rw_div_ceil(size, 600), 2 * size);
		uint64_t longest;

		lay(size, sges, NONE, NONE, &layout);
		longest = layout.seg_bytes;
		lay(size, sges, NONE, unit_between(&random, longest, 3 * longest), &layout);
		lay(size, sges, NONE, longest, &layout); /* contiguous, when asked for */
		lay(size, sges, NONE, rw_div_ceil(longest, 4096) * 4096, &layout);
		lay(size, NONE, segment, NONE, &layout);
		longest = layout.seg_bytes;
		lay(size, NONE, segment, unit_between(&random, longest, 3 * longest), &layout);
	}
}

/* Sizes are at home in 64 bits: the largest of all cannot wrap. */
static void test_large(void **state)
{
	struct rw_layout layout;

	lay(GIB, 65536, NONE, 2 * GIB, &layout);
	assert_int_equal(rw_layout_span(&layout), 65535 * 2 * GIB + 16384);
	lay(GIB, NONE, GIB, NONE, &layout);
	assert_int_equal(layout.nr_segs, 1);
	lay(GIB, 2, NONE, NONE, &layout);
}

static void test_whole_pages(void **state)
{
	static const struct {
		uint64_t size, sges, segment, stride;
		bool whole;
	} rows[] = {
		{ 65536, NONE, 4096, NONE, true },  { 65536, NONE, 4096, 4096, true },
		{ 65536, NONE, 4096, 12288, true }, { 65536, NONE, 4096, 6144, false },
		{ 65536, NONE, 2048, NONE, false }, { 65536, NONE, 6144, NONE, false },
		{ 65536, NONE, 8192, NONE, true },  { 65537, NONE, 4096, NONE, true },
		{ 100, NONE, 4096, NONE, true },    { 100, 2, NONE, NONE, false },
		{ 8191, 2, NONE, NONE, true },	    { 8193, 2, NONE, NONE, false },
		{ 12286, 3, NONE, NONE, false },    { 12288, 3, NONE, NONE, true },
		{ 4097, 1, NONE, NONE, true },
	};
	struct rw_layout layout;

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		lay(rows[i].size, rows[i].sges, rows[i].segment, rows[i].stride, &layout);
		if (rw_layout_is_whole_pages(&layout) != rows[i].whole)
			fail_msg("row %zu: not %d", i, rows[i].whole);
	}
}

static void test_errors(void **state)
{
	refuse(64, 65, NONE, NONE, "lower --sges or raise --size");
	refuse(GIB, RW_MAX_SEGMENTS + 1, NONE, NONE, "--sges");
	refuse(GIB, UINT64_C(1) << 32, NONE, NONE, "--sges");
	refuse(GIB, NONE, 16383, NONE, "raise --segment");
	refuse(65536, 15, 4096, NONE, "give --sges=16");
	refuse(65536, 17, 4096, NONE, "give --sges=16");
	refuse(65536, NONE, 4096, 4095, "--segment_stride");
	refuse(65537, 16, NONE, 4096, "--segment_stride");
	refuse(65536, NONE, NONE, 1, "--segment_stride");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix_of_sges), cmocka_unit_test(test_matrix_of_segments),
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_any),
		cmocka_unit_test(test_large),	       cmocka_unit_test(test_whole_pages),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
