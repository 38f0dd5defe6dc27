/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "ctl/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/text.h"

#define SHOWN 41 /* so much of a peer's text is repeated in an error, with its NUL */

static const char *type_text(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a real number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

/* "field NAME" and what is wrong with it. */
static int bad_field(struct rw_err *err, const char *name, const char *fmt, ...) RW_PRINTF(3, 4);

static int bad_field(struct rw_err *err, const char *name, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return rw_fail(err, RW_EXIT_PEER, -EPROTO, "message from the peer: field \"%s\" %s", name,
		       what);
}

/* The field, if it is there; else NULL and the error is told. */
static const json_t *find(const json_t *obj, const char *name, struct rw_err *err)
{
	const json_t *v = json_object_get(obj, name);

	if (!v)
		bad_field(err, name, "is missing");
	return v;
}

static int wrong_type(struct rw_err *err, const char *name, const json_t *v, const char *wanted)
{
	return bad_field(err, name, "is %s, must be %s", type_text(v), wanted);
}

int rw_field_u64(const json_t *obj, const char *name, uint64_t min, uint64_t max, uint64_t *v_p,
		 struct rw_err *err)
{
	const json_t *v = find(obj, name, err);
	json_int_t i;

	if (!v)
		return -EPROTO;
	if (!json_is_integer(v))
		return wrong_type(err, name, v, "an integer");
	i = json_integer_value(v);
	if (i < 0 || (uint64_t)i < min || (uint64_t)i > max)
		return bad_field(err, name,
				 "is %" JSON_INTEGER_FORMAT ", must be %" PRIu64 "..%" PRIu64, i,
				 min, max);
	*v_p = (uint64_t)i;
	return 0;
}

int rw_field_hex64(const json_t *obj, const char *name, uint64_t *v_p, struct rw_err *err)
{
	const json_t *v = find(obj, name, err);
	const char *text;
	char shown[SHOWN];
	size_t digits;

	if (!v)
		return -EPROTO;
	if (!json_is_string(v))
		return wrong_type(err, name, v, "a string like \"0x1f\"");
	text = json_string_value(v);
	digits = strncmp(text, "0x", 2) ? 0 : strspn(text + 2, "0123456789abcdefABCDEF");
	if (!digits || digits > 16 || text[2 + digits])
		return bad_field(err, name, "is \"%s\", must be 0x and 1 to 16 hexadecimal digits",
				 rw_text_clean(shown, sizeof(shown), text));
	*v_p = strtoull(text + 2, NULL, 16);
	return 0;
}

json_t *rw_json_hex64(uint64_t v)
{
	char text[sizeof("0x0123456789abcdef")];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_string(text);
}

int rw_field_double(const json_t *obj, const char *name, double min, double max, double *v_p,
		    struct rw_err *err)
{
	const json_t *v = find(obj, name, err);
	double d;

	if (!v)
		return -EPROTO;
	if (!json_is_number(v))
		return wrong_type(err, name, v, "a number");
	d = json_number_value(v);
	if (!(d >= min && d <= max)) /* so put, a NaN would fail too */
		return bad_field(err, name, "is %g, must be %g..%g", d, min, max);
	*v_p = d;
	return 0;
}

int rw_field_bool(const json_t *obj, const char *name, bool *v_p, struct rw_err *err)
{
	const json_t *v = find(obj, name, err);

	if (!v)
		return -EPROTO;
	if (!json_is_boolean(v))
		return wrong_type(err, name, v, "true or false");
	*v_p = json_is_true(v);
	return 0;
}

int rw_field_str(const json_t *obj, const char *name, size_t max_len, const char **v_p,
		 struct rw_err *err)
{
	const json_t *v = find(obj, name, err);
	const char *text;

	if (!v)
		return -EPROTO;
	if (!json_is_string(v))
		return wrong_type(err, name, v, "a string");
	text = json_string_value(v);
	if (json_string_length(v) > max_len)
		return bad_field(err, name, "is a string of %zu bytes, must be at most %zu",
				 json_string_length(v), max_len);
	/* the length is jansson's, the end the reader sees is the NUL's: they must agree */
	if (strlen(text) != json_string_length(v) || !rw_text_is_clean(text))
		return bad_field(err, name, "holds control characters");
	*v_p = text;
	return 0;
}

int rw_field_enum(const json_t *obj, const char *name, const char *const *names, size_t n, int *v_p,
		  struct rw_err *err)
{
	const json_t *v = find(obj, name, err);
	char list[200] = "", shown[SHOWN];
	const char *text;

	if (!v)
		return -EPROTO;
	if (!json_is_string(v))
		return wrong_type(err, name, v, "a string");
	text = json_string_value(v);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(text, names[i])) {
			*v_p = (int)i;
			return 0;
		}
	}
	for (size_t i = 0, len = 0; i < n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
					names[i]);
	return bad_field(err, name, "is \"%s\", must be one of: %s",
			 rw_text_clean(shown, sizeof(shown), text), list);
}

int rw_field_obj(const json_t *obj, const char *name, json_t **v_p, struct rw_err *err)
{
	const json_t *v = find(obj, name, err);

	if (!v)
		return -EPROTO;
	if (!json_is_object(v))
		return wrong_type(err, name, v, "an object");
	*v_p = (json_t *)v;
	return 0;
}

int rw_field_array(const json_t *obj, const char *name, size_t max_items, json_t **v_p,
		   struct rw_err *err)
{
	const json_t *v = find(obj, name, err);

	if (!v)
		return -EPROTO;
	if (!json_is_array(v))
		return wrong_type(err, name, v, "an array");
	if (json_array_size(v) > max_items)
		return bad_field(err, name, "has %zu items, must have at most %zu",
				 json_array_size(v), max_items);
	*v_p = (json_t *)v;
	return 0;
}

static bool is_allowed(const char *name, const char *const *allowed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, allowed[i]))
			return true;
	return false;
}

int rw_fields_only(const json_t *obj, const char *const *allowed, size_t n, struct rw_err *err)
{
	const char *name;
	char shown[SHOWN];

	if (!json_is_object(obj))
		return rw_fail(err, RW_EXIT_PEER, -EPROTO, "message from the peer: not an object");
	/* jansson iterates over what is not const only; nothing is changed */
	for (void *it = json_object_iter((json_t *)obj); it;
	     it = json_object_iter_next((json_t *)obj, it)) {
		name = json_object_iter_key(it);
		if (!is_allowed(name, allowed, n))
			return bad_field(err, rw_text_clean(shown, sizeof(shown), name),
					 "is unknown here: run the same version on both sides");
	}
	return 0;
}

int rw_msg_expect(const json_t *msg, const char *type, struct rw_err *err)
{
	const json_t *v = find(msg, "type", err);
	char shown[SHOWN];

	if (!v)
		return -EPROTO;
	if (!json_is_string(v))
		return wrong_type(err, "type", v, "a string");
	if (strcmp(json_string_value(v), type))
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "the peer sent \"%s\" where \"%s\" was expected: run the same "
			       "version on both sides",
			       rw_text_clean(shown, sizeof(shown), json_string_value(v)), type);
	return 0;
}
