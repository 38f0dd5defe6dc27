/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Vectors: cases of the kernel's R/W API as JSON, answered by the planner
 * that posts. tests/vectors/README.md describes their form.
 */
#ifndef RW_RW_VECTOR_H
#define RW_RW_VECTOR_H

#include <jansson.h>

#include "util/err.h"

/*
 * Answer @vector, of kind ctx, seq or size, by planning what it asks.
 * Expectations in @vector are not read. The answer of a ctx or a size has the
 * form of its "expect", that of a seq is {"steps": [...], "pool_end": [...]}.
 * Returns 0, -EINVAL (@err says what is wrong with @vector) or -ENOMEM.
 */
int rw_vector_answer(const json_t *vector, json_t **answer_p, struct rw_err *err);

#endif
