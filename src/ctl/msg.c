/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "ctl/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/field.h"

#define MAX_SLOTS_HEX (1 << 15) /* 2^17 slots, four to a digit */

/* Two hexadecimal digits a byte. */
static json_t *hex_pack(const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * n + 1);
	json_t *value;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	value = json_stringn(text, 2 * n);
	free(text);
	return value;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int hex_unpack(const json_t *obj, const char *name, uint8_t *bytes, size_t n,
		      struct rw_err *err)
{
	const char *text;
	int ret = rw_field_str(obj, name, MAX_SLOTS_HEX, &text, err);

	if (ret)
		return ret;
	if (strlen(text) != 2 * n)
		goto wrong;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			goto wrong;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
wrong:
	return rw_fail(err, RW_EXIT_PEER, -EPROTO,
		       "message from the peer: field \"%s\" is not %zu bytes in hexadecimal", name,
		       n);
}

static int u32_unpack(const json_t *obj, const char *name, uint32_t min, uint32_t max,
		      uint32_t *v_p, struct rw_err *err)
{
	uint64_t value;
	int ret = rw_field_u64(obj, name, min, max, &value, err);

	if (!ret)
		*v_p = (uint32_t)value;
	return ret;
}

json_t *rw_msg_port_pack(const struct rw_msg_port *port)
{
	return json_pack("{s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:o}", "roce", port->is_roce,
			 "iwarp", port->is_iwarp, "grh", port->has_grh, "lid", (int)port->lid, "mtu", (int)port->mtu_bytes,
			 "max_rd_atom", (int)port->max_rd_atom, "gid_type", (int)port->gid_type,
			 "gid", hex_pack(port->gid, sizeof(port->gid)));
}

int rw_msg_port_unpack(const json_t *obj, struct rw_msg_port *port, struct rw_err *err)
{
	int ret = rw_field_bool(obj, "roce", &port->is_roce, err);

	if (!ret)
		ret = rw_field_bool(obj, "iwarp", &port->is_iwarp, err);
	if (!ret)
		ret = rw_field_bool(obj, "grh", &port->has_grh, err);
	if (!ret)
		ret = u32_unpack(obj, "lid", 0, 0xffff, &port->lid, err);
	if (!ret)
		ret = u32_unpack(obj, "mtu", 256, 4096, &port->mtu_bytes, err);
	if (!ret && (port->mtu_bytes & (port->mtu_bytes - 1)))
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: %u is no MTU", port->mtu_bytes);
	if (!ret)
		ret = u32_unpack(obj, "max_rd_atom", 1, 255, &port->max_rd_atom, err);
	if (!ret)
		ret = u32_unpack(obj, "gid_type", 0, 3, &port->gid_type, err);
	if (!ret)
		ret = hex_unpack(obj, "gid", port->gid, sizeof(port->gid), err);
	return ret;
}

json_t *rw_msg_cm_pack(const struct rw_msg_cm *cm)
{
	return json_pack("{s:i, s:o}", "port", (int)cm->port, "token", rw_json_hex64(cm->token));
}

int rw_msg_cm_unpack(const json_t *obj, struct rw_msg_cm *cm, struct rw_err *err)
{
	uint32_t port;
	int ret = u32_unpack(obj, "port", 1, UINT16_MAX, &port, err);

	if (ret)
		return ret;
	cm->port = (uint16_t)port;
	return rw_field_hex64(obj, "token", &cm->token, err);
}

json_t *rw_msg_qps_pack(const struct rw_msg_qp *qps, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_pack("{s:i, s:i}", "qpn", (int)qps[i].qpn, "psn",
						      (int)qps[i].psn));
	return list;
}

int rw_msg_qps_unpack(const json_t *obj, struct rw_msg_qp *qps, uint32_t n, struct rw_err *err)
{
	json_t *list, *item;
	size_t i;
	int ret = rw_field_array(obj, "qps", RW_MSG_MAX_QPS, &list, err);

	if (ret)
		return ret;
	if (json_array_size(list) != n)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: %zu QPs instead of %u",
			       json_array_size(list), n);
	json_array_foreach(list, i, item)
	{
		ret = u32_unpack(item, "qpn", 0, 0xffffff, &qps[i].qpn, err);
		if (!ret)
			ret = u32_unpack(item, "psn", 0, 0xffffff, &qps[i].psn, err);
		if (ret)
			return ret;
	}
	return 0;
}

json_t *rw_msg_buffer_pack(const struct rw_msg_buffer *buffer)
{
	json_t *rkeys = json_array();

	for (uint32_t i = 0; rkeys && i < buffer->nr_rkeys; i++)
		json_array_append_new(rkeys, json_integer(buffer->rkeys[i]));
	return json_pack("{s:o, s:I, s:o}", "addr", rw_json_hex64(buffer->addr), "slot_bytes",
			 (json_int_t)buffer->slot_bytes, "rkeys", rkeys);
}

static int rkeys_unpack(const json_t *obj, struct rw_msg_buffer *buffer, struct rw_err *err)
{
	json_t *list, *item;
	size_t i;
	int ret = rw_field_array(obj, "rkeys", RW_MSG_MAX_QPS, &list, err);

	if (ret)
		return ret;
	if (json_array_size(list) != buffer->nr_rkeys)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: %zu rkeys instead of %u",
			       json_array_size(list), buffer->nr_rkeys);
	json_array_foreach(list, i, item)
	{
		json_int_t rkey = json_integer_value(item);

		if (!json_is_integer(item) || rkey < 0 || rkey > UINT32_MAX)
			return rw_fail(err, RW_EXIT_PEER, -EPROTO,
				       "message from the peer: rkeys[%zu] is no number of 32 bits",
				       i);
		buffer->rkeys[i] = (uint32_t)rkey;
	}
	return 0;
}

int rw_msg_buffer_unpack(const json_t *obj, struct rw_msg_buffer *buffer, struct rw_err *err)
{
	int ret = rw_field_hex64(obj, "addr", &buffer->addr, err);

	if (!ret)
		ret = rw_field_u64(obj, "slot_bytes", 1, INT64_MAX, &buffer->slot_bytes, err);
	return ret ? ret : rkeys_unpack(obj, buffer, err);
}

json_t *rw_msg_prepare_pack(const struct rw_msg_prepare *prepare)
{
	return json_pack("{s:s, s:b, s:b, s:I, s:I}", "type", "prepare", "write",
			 prepare->is_write, "verify", prepare->verify, "size",
			 (json_int_t)prepare->size_bytes, "seed", (json_int_t)prepare->seed);
}

int rw_msg_prepare_unpack(const json_t *obj, struct rw_msg_prepare *prepare, struct rw_err *err)
{
	int ret = rw_field_bool(obj, "write", &prepare->is_write, err);

	if (!ret)
		ret = rw_field_bool(obj, "verify", &prepare->verify, err);
	if (!ret)
		ret = rw_field_u64(obj, "size", 1, UINT32_MAX, &prepare->size_bytes, err);
	if (!ret)
		ret = rw_field_u64(obj, "seed", 0, INT64_MAX, &prepare->seed, err);
	return ret;
}

static size_t bitmap_bytes(uint32_t nr_slots)
{
	return rw_div_ceil((size_t)nr_slots, 8);
}

json_t *rw_msg_finish_pack(const struct rw_msg_finish *finish)
{
	return json_pack("{s:s, s:I, s:o}", "type", "finish", "operations",
			 (json_int_t)finish->operations, "done",
			 hex_pack(finish->done, bitmap_bytes(finish->nr_slots)));
}

int rw_msg_finish_unpack(const json_t *obj, struct rw_msg_finish *finish, struct rw_err *err)
{
	int ret = rw_field_u64(obj, "operations", 0, INT64_MAX, &finish->operations, err);

	if (!ret)
		ret = hex_unpack(obj, "done", finish->done, bitmap_bytes(finish->nr_slots), err);
	if (!ret && finish->nr_slots % 8 &&
	    finish->done[finish->nr_slots / 8] >> finish->nr_slots % 8)
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: field \"done\" tells of more than the %u slots there are",
			      finish->nr_slots);
	return ret;
}

json_t *rw_msg_finished_pack(const struct rw_corrupt *corrupt)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:i, s:i}", "type", "finished", "corrupt_bytes",
			 (json_int_t)corrupt->bytes, "slot", (json_int_t)corrupt->slot, "offset",
			 (json_int_t)corrupt->offset, "expected", (int)corrupt->expected, "found",
			 (int)corrupt->found);
}

int rw_msg_finished_unpack(const json_t *obj, struct rw_corrupt *corrupt, struct rw_err *err)
{
	uint32_t expected = 0, found = 0;
	int ret = rw_field_u64(obj, "corrupt_bytes", 0, INT64_MAX, &corrupt->bytes, err);

	if (!ret)
		ret = rw_field_u64(obj, "slot", 0, UINT32_MAX, &corrupt->slot, err);
	if (!ret)
		ret = rw_field_u64(obj, "offset", 0, UINT32_MAX, &corrupt->offset, err);
	if (!ret)
		ret = u32_unpack(obj, "expected", 0, 255, &expected, err);
	if (!ret)
		ret = u32_unpack(obj, "found", 0, 255, &found, err);
	corrupt->expected = (uint8_t)expected;
	corrupt->found = (uint8_t)found;
	return ret;
}

json_t *rw_msg_word(const char *type)
{
	return json_pack("{s:s}", "type", type);
}
