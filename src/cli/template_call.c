#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template_internal.h"
#include "engine/spec/list.h"

#define TEXT_MAX   (16 << 20)
#define REASON_MAX 160

int template_fail(struct template_call *call, const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(call->err, ERR_INVALID, 0, "%s", text);
}

int template_give_text(struct template_call *call, const struct buf *text)
{
	char *copy = text->failed ? NULL : arena_strndup(call->arena, text->data, text->len);

	if (copy == NULL)
		return template_fail(call, "the result is too large");
	*call->result = data_text(copy, text->len);
	return 0;
}

static int want(struct template_call *call, size_t at, enum data_kind kind, const char *name)
{
	if (call->args[at].kind == kind)
		return 0;
	call->blamed = at + 1;
	return template_fail(call, "wrong type for value; expected %s; got %s", name,
			     data_kind_name(&call->args[at]));
}

static int want_text(struct template_call *call, size_t at)
{
	return want(call, at, DATA_TEXT, "string");
}

/* ---- Docker's ---- */

static int call_json(struct template_call *call)
{
	BUF_AUTO(out, TEXT_MAX);

	if (call->head)
		data_print(&call->args[0], &out);
	else
		data_write_json(&call->args[0], &out);
	return template_give_text(call, &out);
}

static int add_part(struct template_call *call, data_list *list, const char *text, size_t len)
{
	struct data *part = list_push(list, sizeof(*part), call->arena);
	char *copy = arena_strndup(call->arena, text, len);

	if (part == NULL || copy == NULL)
		return template_fail(call, "the result is too large");
	*part = data_text(copy, len);
	return 0;
}

static int call_split(struct template_call *call)
{
	data_list list = {0};

	int rc = want_text(call, 0);
	if (rc == 0)
		rc = want_text(call, 1);
	if (rc < 0)
		return rc;
	const char *at = call->args[0].text.text, *end = at + call->args[0].text.len;
	const struct json_text *separator = &call->args[1].text;
	while (rc == 0) {
		const char *cut = NULL;
		if (separator->len == 0)
			cut = end - at > 1 ? at + 1 : NULL;
		else
			cut = memmem(at, (size_t)(end - at), separator->text, separator->len);
		rc = add_part(call, &list, at, (size_t)((cut != NULL ? cut : end) - at));
		if (cut == NULL)
			break;
		at = cut + separator->len;
	}
	*call->result = (struct data){.kind = DATA_LIST, .list = list};
	return rc;
}

static int call_join(struct template_call *call)
{
	BUF_AUTO(out, TEXT_MAX);
	bool texts = call->args[0].kind == DATA_LIST;

	int rc = want_text(call, 1);
	if (rc < 0)
		return rc;
	for (size_t i = 0; texts && i < call->args[0].list.count; i++)
		texts = call->args[0].list.items[i].kind == DATA_TEXT;
	call->blamed = !texts;
	if (!texts)
		return template_fail(call, "wrong type for value; expected []string; got %s",
				     data_kind_name(&call->args[0]));
	for (size_t i = 0; i < call->args[0].list.count; i++) {
		if (i > 0)
			buf_add(&out, call->args[1].text.text, call->args[1].text.len);
		data_print(&call->args[0].list.items[i], &out);
	}
	return template_give_text(call, &out);
}

/* ASCII alone: other letters stay as they are. */
static int change_case(struct template_call *call, bool title, int (*change)(int))
{
	int rc = want_text(call, 0);
	bool begins = true;

	if (rc < 0)
		return rc;
	*call->result = call->args[0];
	if (call->head)
		return 0;
	char *copy = arena_strndup(call->arena, call->args[0].text.text, call->args[0].text.len);
	if (copy == NULL)
		return template_fail(call, "the result is too large");
	for (size_t i = 0; i < call->args[0].text.len; i++) {
		unsigned char c = (unsigned char)copy[i];
		if (c < 0x80 && (!title || begins))
			copy[i] = (char)change(c);
		begins = !isalnum(c) && c != '_' && c < 0x80;
	}
	*call->result = data_text(copy, call->args[0].text.len);
	return 0;
}

static int call_title(struct template_call *call)
{
	return change_case(call, true, toupper);
}

static int call_upper(struct template_call *call)
{
	return change_case(call, false, toupper);
}

static int call_lower(struct template_call *call)
{
	return change_case(call, false, tolower);
}

static int call_truncate(struct template_call *call)
{
	int rc = want_text(call, 0);

	if (rc == 0)
		rc = want(call, 1, DATA_INTEGER, "int");
	if (rc < 0)
		return rc;
	if (call->args[1].integer < 0)
		return template_fail(call, "slice bounds out of range");
	*call->result = call->args[0];
	size_t len = (size_t)call->args[1].integer;
	if (call->head || call->args[0].text.len <= len)
		return 0;
	char *copy = arena_strndup(call->arena, call->args[0].text.text, len);
	if (copy == NULL)
		return template_fail(call, "the result is too large");
	*call->result = data_text(copy, len);
	return 0;
}

/* pad TEXT BEFORE AFTER: that many spaces around it, unless it is empty. */
static int call_pad(struct template_call *call)
{
	BUF_AUTO(out, TEXT_MAX);

	int rc = want_text(call, 0);
	for (size_t i = 1; rc == 0 && i < 3; i++) {
		rc = want(call, i, DATA_INTEGER, "int");
		if (rc == 0 && (call->args[i].integer < 0 || call->args[i].integer > 1000))
			rc = template_fail(call, "padding is 0 to 1000");
	}
	if (rc < 0)
		return rc;
	if (call->args[0].text.len > 0) {
		buf_fmt(&out, "%*s", (int)call->args[1].integer, "");
		buf_add(&out, call->args[0].text.text, call->args[0].text.len);
		buf_fmt(&out, "%*s", (int)call->args[2].integer, "");
	}
	return template_give_text(call, &out);
}

/* ---- Go's ---- */

static int call_len(struct template_call *call)
{
	const struct data *of = &call->args[0];
	size_t len = 0;

	if (of->kind == DATA_TEXT)
		len = of->text.len;
	else if (of->kind == DATA_LIST)
		len = of->list.count;
	else if (of->kind == DATA_MAP)
		len = of->map.count;
	else
		return template_fail(call,
				     of->kind == DATA_NULL ? "error calling len: len of nil pointer"
							   : "error calling len: len of type %s",
				     data_kind_name(of));
	*call->result = (struct data){.kind = DATA_INTEGER, .integer = (int64_t)len};
	return 0;
}

/* A map of texts gives "" for what it lacks, as Go's map of strings. */
static struct data missing_value(const data_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		if (map->items[i].value.kind != DATA_TEXT)
			return (struct data){.kind = DATA_NULL};
	}
	return data_text("", 0);
}

static int index_once(struct template_call *call, const struct data *key)
{
	struct data *at = call->result;

	if (at->kind == DATA_NULL)
		return template_fail(call, "error calling index: index of untyped nil");
	if (at->kind == DATA_MAP) {
		if (key->kind != DATA_TEXT)
			return template_fail(call,
					     "error calling index: value has type %s; should be "
					     "string",
					     data_kind_name(key));
		const struct data *found = data_find(&at->map, key->text.text);
		*at = found != NULL ? *found : missing_value(&at->map);
		return 0;
	}
	if (at->kind != DATA_LIST && at->kind != DATA_TEXT)
		return template_fail(call, "error calling index: can't index item of type %s",
				     data_kind_name(at));
	size_t count = at->kind == DATA_LIST ? at->list.count : at->text.len;
	if (key->kind != DATA_INTEGER)
		return template_fail(call,
				     "error calling index: cannot index slice/array with "
				     "type %s",
				     data_kind_name(key));
	if (key->integer < 0 || (uint64_t)key->integer >= count)
		return template_fail(call, "error calling index: index out of range: %lld",
				     (long long)key->integer);
	if (at->kind == DATA_TEXT)
		*at = (struct data){.kind = DATA_INTEGER,
				    .integer = (unsigned char)at->text.text[key->integer]};
	else
		*at = at->list.items[key->integer];
	return 0;
}

static int call_index(struct template_call *call)
{
	int rc = 0;

	*call->result = call->args[0];
	for (size_t i = 1; rc == 0 && i < call->count; i++)
		rc = index_once(call, &call->args[i]);
	return rc;
}

static int call_slice(struct template_call *call)
{
	const struct data *of = &call->args[0];
	size_t count = of->kind == DATA_LIST ? of->list.count : of->text.len;
	size_t bounds[2] = {0, count};

	if (of->kind != DATA_LIST && of->kind != DATA_TEXT)
		return template_fail(call, "error calling slice: can't slice item of type %s",
				     data_kind_name(of));
	for (size_t i = 1; i < call->count; i++) {
		int rc = want(call, i, DATA_INTEGER, "int");
		if (rc < 0)
			return rc;
		if (call->args[i].integer < 0 || (uint64_t)call->args[i].integer > count)
			return template_fail(call, "error calling slice: index out of range: %lld",
					     (long long)call->args[i].integer);
		bounds[i - 1] = (size_t)call->args[i].integer;
	}
	if (bounds[0] > bounds[1])
		return template_fail(call, "error calling slice: invalid slice index: %zu > %zu",
				     bounds[0], bounds[1]);
	*call->result = *of;
	if (of->kind == DATA_LIST) {
		call->result->list.items = of->list.count > 0 ? of->list.items + bounds[0] : NULL;
		call->result->list.count = bounds[1] - bounds[0];
		return 0;
	}
	char *copy = arena_strndup(call->arena, of->text.text + bounds[0], bounds[1] - bounds[0]);
	if (copy == NULL)
		return template_fail(call, "the result is too large");
	*call->result = data_text(copy, bounds[1] - bounds[0]);
	return 0;
}

static int call_not(struct template_call *call)
{
	*call->result = (struct data){.kind = DATA_BOOL, .truth = !data_is_true(&call->args[0])};
	return 0;
}

/* What decides is the last argument that was evaluated. */
static int call_and_or(struct template_call *call)
{
	*call->result = call->args[call->count - 1];
	return 0;
}

/* As Go's Sprint: a space between two of which neither is text. Sprintln: between all. */
static int print_all(struct template_call *call, bool line)
{
	BUF_AUTO(out, TEXT_MAX);

	for (size_t i = 0; i < call->count; i++) {
		const struct data *args = call->args;
		if (i > 0 && (line || (args[i].kind != DATA_TEXT && args[i - 1].kind != DATA_TEXT)))
			buf_char(&out, ' ');
		data_print(&args[i], &out);
	}
	if (line)
		buf_char(&out, '\n');
	return template_give_text(call, &out);
}

static int call_print(struct template_call *call)
{
	return print_all(call, false);
}

static int call_println(struct template_call *call)
{
	return print_all(call, true);
}

/* ---- comparisons ---- */

static bool is_number(const struct data *data)
{
	return data->kind == DATA_INTEGER || data->kind == DATA_REAL;
}

static double number_of(const struct data *data)
{
	return data->kind == DATA_INTEGER ? (double)data->integer : strtod(data->text.text, NULL);
}

static int order(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare(struct template_call *call, const struct data *a, const struct data *b,
		   bool equality, int *ret_order)
{
	if (equality && (a->kind == DATA_NULL || b->kind == DATA_NULL)) {
		*ret_order = a->kind != b->kind;
		return 0;
	}
	if (a->kind == DATA_INTEGER && b->kind == DATA_INTEGER) {
		*ret_order = (a->integer > b->integer) - (a->integer < b->integer);
		return 0;
	}
	if (is_number(a) && is_number(b)) {
		*ret_order = order(number_of(a), number_of(b));
		return 0;
	}
	if (a->kind != b->kind)
		return template_fail(call, "error calling %s: incompatible types for comparison",
				     call->function->name);
	if (a->kind == DATA_TEXT) {
		*ret_order = strcmp(a->text.text, b->text.text);
		return 0;
	}
	if (a->kind == DATA_BOOL && equality) {
		*ret_order = a->truth != b->truth;
		return 0;
	}
	return template_fail(call, "error calling %s: %s", call->function->name,
			     equality ? "non-comparable type" : "invalid type for comparison");
}

static int give_order(struct template_call *call, bool equality, bool less, bool equal, bool more)
{
	bool holds = false;
	int found = 0, rc = 0;

	for (size_t i = 1; rc == 0 && !holds && i < call->count; i++) {
		rc = compare(call, &call->args[0], &call->args[i], equality, &found);
		holds = found < 0 ? less : found > 0 ? more : equal;
	}
	*call->result = (struct data){.kind = DATA_BOOL, .truth = holds};
	return rc;
}

static int call_eq(struct template_call *call)
{
	return give_order(call, true, false, true, false);
}

static int call_ne(struct template_call *call)
{
	return give_order(call, true, true, false, true);
}

static int call_lt(struct template_call *call)
{
	return give_order(call, false, true, false, false);
}

static int call_le(struct template_call *call)
{
	return give_order(call, false, true, true, false);
}

static int call_gt(struct template_call *call)
{
	return give_order(call, false, false, false, true);
}

static int call_ge(struct template_call *call)
{
	return give_order(call, false, false, true, true);
}

static const struct template_function functions[] = {
	{"and", 1, SIZE_MAX, call_and_or},
	{"or", 1, SIZE_MAX, call_and_or},
	{"not", 1, 1, call_not},
	{"eq", 2, SIZE_MAX, call_eq},
	{"ge", 2, 2, call_ge},
	{"gt", 2, 2, call_gt},
	{"index", 1, SIZE_MAX, call_index},
	{"join", 2, 2, call_join},
	{"json", 1, 1, call_json},
	{"le", 2, 2, call_le},
	{"len", 1, 1, call_len},
	{"lower", 1, 1, call_lower},
	{"lt", 2, 2, call_lt},
	{"ne", 2, 2, call_ne},
	{"pad", 3, 3, call_pad},
	{"print", 0, SIZE_MAX, call_print},
	{"printf", 1, SIZE_MAX, template_printf},
	{"println", 0, SIZE_MAX, call_println},
	{"slice", 1, 3, call_slice},
	{"split", 2, 2, call_split},
	{"title", 1, 1, call_title},
	{"truncate", 2, 2, call_truncate},
	{"upper", 1, 1, call_upper},
};

const struct template_function *template_function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return &functions[i];
	}
	return NULL;
}

bool template_function_is_and(const struct template_function *function)
{
	return function == &functions[0];
}

bool template_function_is_or(const struct template_function *function)
{
	return function == &functions[1];
}
