/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fields of objects that the peer sent: present, of the right type and in range,
 * or an error that names the field. All return 0 or -EPROTO with RW_EXIT_PEER and
 * set their last argument but @err only on success. Pointers that come out belong
 * to @obj. A field that may be missing is looked for with json_object_get() first.
 */
#ifndef RW_CTL_FIELD_H
#define RW_CTL_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/*
 * An integer in @min..@max. JSON integers of jansson are signed 64 bits: what may be
 * over INT64_MAX (addresses) travels as text, see rw_field_hex64.
 */
int rw_field_u64(const json_t *obj, const char *name, uint64_t min, uint64_t max, uint64_t *v_p,
		 struct rw_err *err);

/* A string of "0x" and 1 to 16 hexadecimal digits. */
int rw_field_hex64(const json_t *obj, const char *name, uint64_t *v_p, struct rw_err *err);

/* What rw_field_hex64 reads: a new reference, NULL when out of memory. */
json_t *rw_json_hex64(uint64_t v);

/* A number, also a whole one, in @min..@max. */
int rw_field_double(const json_t *obj, const char *name, double min, double max, double *v_p,
		    struct rw_err *err);

/* true or false; 0 and 1 are not booleans. */
int rw_field_bool(const json_t *obj, const char *name, bool *v_p, struct rw_err *err);

/*
 * A string of at most @max_len bytes, possibly empty, that can be printed: without
 * control characters (senders pass theirs through rw_text_clean).
 */
int rw_field_str(const json_t *obj, const char *name, size_t max_len, const char **v_p,
		 struct rw_err *err);

/* A string that is one of @names[0..@n); gives its index. */
int rw_field_enum(const json_t *obj, const char *name, const char *const *names, size_t n, int *v_p,
		  struct rw_err *err);

int rw_field_obj(const json_t *obj, const char *name, json_t **v_p, struct rw_err *err);

/* An array of at most @max_items items, of any type. */
int rw_field_array(const json_t *obj, const char *name, size_t max_items, json_t **v_p,
		   struct rw_err *err);

/* @obj has no field but those in @allowed[0..@n); name "type" there as well. */
int rw_fields_only(const json_t *obj, const char *const *allowed, size_t n, struct rw_err *err);

/* @msg is an object whose field "type" is @type. */
int rw_msg_expect(const json_t *msg, const char *type, struct rw_err *err);

#endif
