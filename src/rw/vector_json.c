/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/vector_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rw/sizing.h"
#include "util/compiler.h"

/* The page size that the vectors were recorded with. */
#define VECTOR_PAGE_SIZE 4096

static int wrong(struct rw_err *err, const char *key, const char *what)
{
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "\"%s\" is not %s", key, what);
}

static int to_u64(const json_t *json, const char *key, uint64_t max, uint64_t *value_p,
		  struct rw_err *err)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json) || value < 0 || (uint64_t)value > max)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "\"%s\" is not a whole number from 0 to %" PRIu64, key, max);
	*value_p = (uint64_t)value;
	return 0;
}

int rw_vector_get_u64(const json_t *obj, const char *key, uint64_t max, uint64_t *value_p,
		      struct rw_err *err)
{
	return to_u64(json_object_get(obj, key), key, max, value_p, err);
}

int rw_vector_get_u32(const json_t *obj, const char *key, uint32_t *value_p, struct rw_err *err)
{
	uint64_t value = 0;
	int ret = rw_vector_get_u64(obj, key, UINT32_MAX, &value, err);

	if (!ret)
		*value_p = (uint32_t)value;
	return ret;
}

int rw_vector_get_bool(const json_t *obj, const char *key, bool *value_p, struct rw_err *err)
{
	const json_t *value = json_object_get(obj, key);

	if (!json_is_boolean(value))
		return wrong(err, key, "true or false");
	*value_p = json_is_true(value);
	return 0;
}

int rw_vector_get_string(const json_t *obj, const char *key, const char **value_p,
			 struct rw_err *err)
{
	*value_p = json_string_value(json_object_get(obj, key));
	return *value_p ? 0 : wrong(err, key, "a string");
}

int rw_vector_get_array(const json_t *obj, const char *key, const json_t **value_p,
			struct rw_err *err)
{
	*value_p = json_object_get(obj, key);
	return json_is_array(*value_p) ? 0 : wrong(err, key, "an array");
}

int rw_vector_get_op(const json_t *obj, enum rw_op *op_p, struct rw_err *err)
{
	const char *dir;
	int ret = rw_vector_get_string(obj, "dir", &dir, err);

	if (ret)
		return ret;
	if (!strcmp(dir, "read"))
		*op_p = RW_OP_READ;
	else if (!strcmp(dir, "write"))
		*op_p = RW_OP_WRITE;
	else
		return wrong(err, "dir", "\"read\" or \"write\"");
	return 0;
}

int rw_vector_get_attrs(const json_t *vector, struct rw_attrs *attrs, uint32_t *max_qp_wr_p,
			struct rw_err *err)
{
	const json_t *dev = json_object_get(vector, "dev");
	uint32_t list_len;
	bool force_mr;
	int ret;

	*attrs = (struct rw_attrs){
		.page_size = VECTOR_PAGE_SIZE,
		.page_list = true,
		.invalidate = true,
		.rotate_key = true,
		.reg_wqes = 1,
	};
	/* Each line only runs if those before it found what they sought. */
	ret = rw_vector_get_bool(dev, "iwarp", &attrs->iwarp, err);
	ret = ret ?: rw_vector_get_u32(dev, "max_sgl_rd", &attrs->max_sgl_rd, err);
	ret = ret ?: rw_vector_get_u32(dev, "max_sge_rd", &attrs->max_sge_rd, err);
	ret = ret ?: rw_vector_get_u32(dev, "max_send_sge", &attrs->max_send_sge, err);
	ret = ret ?: rw_vector_get_u32(dev, "max_fast_reg_page_list_len", &list_len, err);
	ret = ret ?: rw_vector_get_u32(dev, "max_qp_wr", max_qp_wr_p, err);
	ret = ret ?: rw_vector_get_bool(vector, "force_mr", &force_mr, err);
	if (ret)
		return ret;
	attrs->mr_entries = rw_sizing_mr_entries(list_len);
	attrs->policy = force_mr ? RW_POLICY_MR : RW_POLICY_AUTO;
	return 0;
}

int rw_vector_get_pool(const json_t *vector, struct rw_mr_pool *pool, struct rw_mr **mrs_p,
		       struct rw_err *err)
{
	const json_t *list, *entry;
	struct rw_mr *mrs;
	size_t i;
	int ret;

	ret = rw_vector_get_array(vector, "pool", &list, err);
	if (ret)
		return ret;
	/* One more than needed: an empty pool is no lack of memory. */
	mrs = calloc(json_array_size(list) + 1, sizeof(*mrs));
	if (!mrs)
		return -ENOMEM;
	rw_mr_pool_init(pool, mrs, (uint32_t)json_array_size(list));
	json_array_foreach(list, i, entry)
	{
		/* The list is in order of use, which need not be that of the numbers. */
		ret = rw_vector_get_u32(entry, "mr", &mrs[i].index, err);
		ret = ret ?: rw_vector_get_u32(entry, "lkey", &mrs[i].key, err);
		ret = ret ?: rw_vector_get_bool(entry, "need_inval", &mrs[i].need_inval, err);
		if (ret)
			goto err_free;
	}
	*mrs_p = mrs;
	return 0;

err_free:
	free(mrs);
	return ret;
}

int rw_vector_get_segs(const json_t *io_json, struct rw_seg **segs_p, uint32_t *nr_segs_p,
		       struct rw_err *err)
{
	const json_t *list, *entry;
	struct rw_seg *segs;
	uint64_t length = 0;
	size_t i;
	int ret;

	ret = rw_vector_get_array(io_json, "sg", &list, err);
	if (ret)
		return ret;
	segs = calloc(json_array_size(list) + 1, sizeof(*segs));
	if (!segs)
		return -ENOMEM;
	json_array_foreach(list, i, entry)
	{
		ret = to_u64(json_array_get(entry, 0), "sg", INT64_MAX, &segs[i].addr, err);
		ret = ret ?: to_u64(json_array_get(entry, 1), "sg", UINT32_MAX, &length, err);
		if (ret)
			goto err_free;
		segs[i].length = (uint32_t)length;
	}
	*segs_p = segs;
	*nr_segs_p = (uint32_t)json_array_size(list);
	return 0;

err_free:
	free(segs);
	return ret;
}

json_t *rw_vector_pack_pool(const struct rw_mr_pool *pool)
{
	json_t *list = json_array();

	for (const struct rw_mr *mr = pool->head; mr; mr = mr->next)
		if (json_array_append_new(list,
					  json_pack("{s:I, s:I, s:b}", "mr", (json_int_t)mr->index,
						    "lkey", (json_int_t)mr->key, "need_inval",
						    (int)mr->need_inval)))
			goto err_free;
	return list;

err_free:
	json_decref(list);
	return NULL;
}

static json_t *pack_sges(const struct rw_wr *wr)
{
	json_t *list;

	if (wr->mr)
		return json_pack("[[I, I, I]]", (json_int_t)wr->iova, (json_int_t)wr->length,
				 (json_int_t)wr->key);
	list = json_array();
	for (uint32_t i = 0; i < wr->nr_segs; i++)
		if (json_array_append_new(list, json_pack("[I, I, s]", (json_int_t)wr->segs[i].addr,
							  (json_int_t)wr->segs[i].length, "local")))
			goto err_free;
	return list;

err_free:
	json_decref(list);
	return NULL;
}

/* The fields that go with the opcode; op and signaled are every WR's. */
static json_t *pack_wr(const struct rw_wr *wr)
{
	json_t *json;

	switch (wr->op) {
	case RW_WR_LOCAL_INV:
		json = json_pack("{s:I}", "key", (json_int_t)wr->key);
		break;
	case RW_WR_REG:
		json = json_pack("{s:I, s:I, s:b, s:I, s:I, s:I}", "mr", (json_int_t)wr->mr->index,
				 "key", (json_int_t)wr->key, "remote_write", (int)wr->remote_write,
				 "iova", (json_int_t)wr->iova, "length", (json_int_t)wr->length,
				 "pages", (json_int_t)wr->nr_entries);
		break;
	default:
		json = json_pack("{s:I, s:I, s:o}", "remote_addr", (json_int_t)wr->remote_addr,
				 "rkey", (json_int_t)wr->rkey, "sge", pack_sges(wr));
		if (wr->op == RW_WR_READ_WITH_INV &&
		    json_object_set_new(json, "inv_key", json_integer(wr->inv_key)))
			goto err_free;
		break;
	}
	if (json_object_set_new(json, "op", json_string(rw_wr_op_name(wr->op))) ||
	    json_object_set_new(json, "signaled", json_boolean(wr->signaled)))
		goto err_free;
	return json;

err_free:
	json_decref(json);
	return NULL;
}

json_t *rw_vector_pack_wrs(const struct rw_wr *wrs, uint32_t nr_wrs)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < nr_wrs; i++)
		if (json_array_append_new(list, pack_wr(&wrs[i])))
			goto err_free;
	return list;

err_free:
	json_decref(list);
	return NULL;
}

json_t *rw_vector_pack_ret(int ret)
{
	switch (ret) {
	case -EAGAIN:
		return json_string("EAGAIN");
	case -EINVAL:
		return json_string("EINVAL");
	default:
		return json_integer(ret);
	}
}

const char *rw_vector_type_name(enum rw_ctx_type type)
{
	static const char *const names[] = {
		[RW_CTX_SINGLE] = "single_wr",
		[RW_CTX_MULTI] = "multi_wr",
		[RW_CTX_MR] = "mr",
	};

	return names[type];
}
