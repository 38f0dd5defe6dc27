/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Placement on this host: what topo/place.h decided is done, checked and told. */
#ifndef RW_TOPO_PLACEMENT_H
#define RW_TOPO_PLACEMENT_H

#include <jansson.h>

#include "topo/place.h"
#include "topo/warn.h"

struct rw_placement {
	struct rw_place place;
	bool foreign; /* decided for another host's topology (HWLOC_XMLFILE), not done here */
	uint32_t nr_cpus; /* on which the process may run; 0: not known */
	struct rw_warn_facts facts;
	uint32_t silent; /* bit 1 << enum rw_warning */
	struct rw_warnings told;
};

/*
 * Decide as @asked says (allowed, busy, current_pu and pci are found here), then
 * pin this thread to the first core and let it allocate on the node. This takes
 * some 40 ms if there is a choice of cores: they are watched for being busy.
 * Returns 0 or -errno, told in @err.
 */
int rw_placement_make(const struct rw_place_want *asked, struct rw_placement *placement,
		      struct rw_err *err);

/* Pin the calling thread to where thread @index was decided to be. 0 or -errno, told in @err. */
int rw_placement_join(const struct rw_placement *placement, uint32_t index, struct rw_err *err);

/* Do the @n threads that were placed have to take turns on their CPUs? */
bool rw_placement_is_crowded(const struct rw_placement *placement, uint32_t n);

/*
 * Tell what spoils the figures of @device, but for @silent (rw_warn_tell). Where
 * it is software, nobody's figures are spoilt by where a thread or a page is.
 */
void rw_placement_warn(struct rw_placement *placement, const char *device, bool is_software,
		       uint32_t silent);

/*
 * Look where the buffers at @base came to lie, and warn, as rw_placement_warn
 * was told to, if not where they were to be, or if @pinned_bytes are more than
 * may be locked.
 */
void rw_placement_check(struct rw_placement *placement, const void *base, size_t bytes,
			size_t page_bytes, uint64_t pinned_bytes);

/* The same for memory beside that: buffers of other threads. */
void rw_placement_check_more(struct rw_placement *placement, const void *base, size_t bytes,
			     size_t page_bytes, uint64_t pinned_bytes);

/* What a report says of it; "text" is for people. NULL: out of memory. */
json_t *rw_placement_json(const struct rw_placement *placement);

#endif
