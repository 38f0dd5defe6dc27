/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A preloaded library that counts what a process asks of the allocator, and
 * writes the numbers to the file that RW_MALLOC_COUNT names when it ends:
 * allocations, then frees. What the emulated device asks for is not counted.
 */
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNT(counter) count(&(counter), (uintptr_t)__builtin_return_address(0))

/* The C library's own, by names that nobody interposes. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static atomic_ulong allocations, frees;
static uintptr_t device_begin, device_end;

static void count(atomic_ulong *counter, uintptr_t caller)
{
	if (caller < device_begin || caller >= device_end)
		(*counter)++;
}

static int find_device(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (!strstr(info->dlpi_name, "/librwemu.so"))
		return 0;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		device_begin = info->dlpi_addr + part->p_vaddr;
		device_end = device_begin + part->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void start(void)
{
	dl_iterate_phdr(find_device, NULL);
}

EXPORT void *malloc(size_t size)
{
	COUNT(allocations);
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	COUNT(allocations);
	return __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	COUNT(allocations);
	return __libc_realloc(p, size);
}

EXPORT void *memalign(size_t align, size_t size)
{
	COUNT(allocations);
	return __libc_memalign(align, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	COUNT(allocations);
	return __libc_memalign(align, size);
}

EXPORT int posix_memalign(void **p, size_t align, size_t size)
{
	COUNT(allocations);
	*p = __libc_memalign(align, size);
	return *p ? 0 : ENOMEM;
}

EXPORT void free(void *p)
{
	if (p)
		COUNT(frees);
	__libc_free(p);
}

__attribute__((destructor)) static void tell(void)
{
	unsigned long a = allocations, f = frees;
	const char *name = getenv("RW_MALLOC_COUNT");
	FILE *file = name ? fopen(name, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "%lu %lu\n", a, f);
	fclose(file);
}
