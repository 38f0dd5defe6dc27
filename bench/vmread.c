/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The bare loop that the software device is held against: a child's memory
 * read with process_vm_readv, nothing else. Prints MB/s (10^6).
 *
 *	vmread BYTES COUNT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 65536;
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	char *there = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *here = malloc(size);
	struct iovec l = { here, size }, r = { there, size };
	struct timespec a, b;
	double ns;
	pid_t pid;

	if (there == MAP_FAILED || !here)
		return 1;
	memset(there, 1, size);
	memset(here, 2, size);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(there, 3, size); /* pages of its own */
		for (;;)
			pause();
	}
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned long i = 0; i < count; i++)
		if (process_vm_readv(pid, &l, 1, &r, 1, 0) != (ssize_t)size)
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
	printf("%.0f\n", (double)size * (double)count * 1e3 / ns);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
