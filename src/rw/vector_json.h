/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside vector.c: the planner's structs out of and into JSON. */
#ifndef RW_RW_VECTOR_JSON_H
#define RW_RW_VECTOR_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rw/ctx.h"
#include "rw/pool.h"
#include "util/err.h"

/* Read a field of @obj: 0, or -EINVAL with @err filled. */
int rw_vector_get_u64(const json_t *obj, const char *key, uint64_t max, uint64_t *value_p,
		      struct rw_err *err);
int rw_vector_get_u32(const json_t *obj, const char *key, uint32_t *value_p, struct rw_err *err);
int rw_vector_get_bool(const json_t *obj, const char *key, bool *value_p, struct rw_err *err);
int rw_vector_get_string(const json_t *obj, const char *key, const char **value_p,
			 struct rw_err *err);
int rw_vector_get_array(const json_t *obj, const char *key, const json_t **value_p,
			struct rw_err *err);

/* "dir" of @obj. */
int rw_vector_get_op(const json_t *obj, enum rw_op *op_p, struct rw_err *err);

/* "dev" and "force_mr" of @vector, as the kernel would read that device. */
int rw_vector_get_attrs(const json_t *vector, struct rw_attrs *attrs, uint32_t *max_qp_wr_p,
			struct rw_err *err);

/* "pool" of @vector; *mrs_p is to be freed. */
int rw_vector_get_pool(const json_t *vector, struct rw_mr_pool *pool, struct rw_mr **mrs_p,
		       struct rw_err *err);

/* "sg" of @io_json; *segs_p is to be freed. */
int rw_vector_get_segs(const json_t *io_json, struct rw_seg **segs_p, uint32_t *nr_segs_p,
		       struct rw_err *err);

/* New JSON, NULL without memory. */
json_t *rw_vector_pack_pool(const struct rw_mr_pool *pool);
json_t *rw_vector_pack_wrs(const struct rw_wr *wrs, uint32_t nr_wrs);
json_t *rw_vector_pack_ret(int ret);
const char *rw_vector_type_name(enum rw_ctx_type type);

#endif
