#include "cli/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/template_internal.h"
#include "engine/spec/list.h"

#define SHOWN_MAX 100 /* bytes of a template's text in messages */

struct run {
	const struct template *template;
	const struct template_mode *mode;
	struct arena *arena;
	struct buf *out;
	struct err *err;
	size_t steps;
	struct data variables[TEMPLATE_VARIABLES_MAX];
};

enum walk {
	WALK_ON,
	WALK_BREAK,
	WALK_CONTINUE,
};

static int walk(struct run *run, const struct template_node *node, const struct data *dot);
static int eval_pipe(struct run *run, const struct template_pipe *pipe, const struct data *dot,
		     struct data *ret_value);

void template_place(const char *text, size_t pos, char place[TEMPLATE_PLACE_MAX])
{
	size_t line = 1, column = 0;

	for (size_t i = 0; i < pos; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 0;
		}
	}
	(void)snprintf(place, TEMPLATE_PLACE_MAX, "template: :%zu:%zu", line, column);
}

static int fail(struct run *run, size_t pos, const struct json_text *source, const char *fmt, ...)
	PRINTF(4, 5);
static int fail(struct run *run, size_t pos, const struct json_text *source, const char *fmt, ...)
{
	char place[TEMPLATE_PLACE_MAX], text[256];
	size_t len = source->len;
	va_list args;

	while (len > 0 && strchr(" \t\r\n", source->text[len - 1]) != NULL)
		len--;
	bool cut = len > SHOWN_MAX;
	template_place(run->template->text, pos, place);
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(run->err, ERR_INVALID, 0,
		       "template parsing error: %s: executing \"\" at <%.*s%s>: %s", place,
		       (int)(cut ? SHOWN_MAX : len), source->text, cut ? "..." : "", text);
}

/* ---- operands ---- */

static bool zero_of(const struct run *run, const char *name, struct data *ret_value)
{
	const struct template_zero *zero = run->mode->zeros;

	for (; zero != NULL && zero->name != NULL; zero++) {
		if (strcmp(zero->name, name) != 0)
			continue;
		*ret_value = (struct data){.kind = zero->kind};
		if (zero->kind == DATA_TEXT)
			*ret_value = data_text("", 0);
		ret_value->nil = true;
		ret_value->open = zero->kind == DATA_MAP;
		return true;
	}
	return false;
}

static int no_member(struct run *run, const struct template_operand *operand,
		     const struct template_field *field, const struct data *of)
{
	BUF_AUTO(names, 200);

	if (run->mode->row == NULL)
		return fail(run, field->pos, &operand->source, "map has no entry for key \"%s\"",
			    field->name);
	for (size_t i = 0; i < of->map.count; i++)
		buf_fmt(&names, " %s", of->map.items[i].key);
	return fail(run, field->pos, &operand->source, "can't evaluate field %s in type %s:%s",
		    field->name, run->mode->row, names.failed ? "" : names.data);
}

static int eval_field(struct run *run, const struct template_operand *operand,
		      const struct template_field *field, struct data *value)
{
	const struct data *found = NULL;
	struct data zero = {.kind = DATA_NULL};

	if (value->kind == DATA_NULL)
		return fail(run, field->pos, &operand->source, "nil pointer evaluating .%s",
			    field->name);
	if (value->kind != DATA_MAP)
		return fail(run, field->pos, &operand->source, "can't evaluate field %s in type %s",
			    field->name, data_kind_name(value));
	found = data_find(&value->map, field->name);
	bool known = zero_of(run, field->name, &zero);
	if (found == NULL && value->open)
		*value = (struct data){.kind = DATA_NULL};
	else if (found == NULL && !known)
		return no_member(run, operand, field, value);
	else if (found == NULL || (found->kind == DATA_NULL && known))
		*value = zero;
	else
		*value = *found;
	if (value->kind == DATA_MAP)
		value->open = known && zero.kind == DATA_MAP;
	return 0;
}

static int eval_operand(struct run *run, const struct template_operand *operand,
			const struct data *dot, struct data *ret_value)
{
	int rc = 0;

	switch (operand->kind) {
	case OPERAND_DOT:
		*ret_value = *dot;
		break;
	case OPERAND_CONSTANT:
		*ret_value = operand->constant;
		break;
	case OPERAND_VARIABLE:
		*ret_value = run->variables[operand->slot];
		break;
	case OPERAND_PIPE:
		rc = eval_pipe(run, operand->pipe, dot, ret_value);
		break;
	case OPERAND_FUNCTION:
		break; /* called by eval_command() */
	}
	for (size_t i = 0; rc == 0 && i < operand->fields.count; i++)
		rc = eval_field(run, operand, &operand->fields.items[i], ret_value);
	return rc;
}

/* ---- commands ---- */

static int check_count(struct run *run, const struct template_command *command,
		       const struct template_function *function, size_t count)
{
	if (count < function->min)
		return fail(run, command->pos, &command->source,
			    "wrong number of args for %s: want %s%zu got %zu", function->name,
			    function->max > function->min ? "at least " : "", function->min, count);
	if (count > function->max)
		return fail(run, command->pos, &command->source,
			    "wrong number of args for %s: want %zu got %zu", function->name,
			    function->max, count);
	return 0;
}

static int eval_argument(struct run *run, const struct template_operand *operand,
			 const struct data *dot, struct data *ret_value);

static int call_function(struct run *run, const struct template_function *function,
			 const struct template_command *command, const struct data *dot,
			 const struct data *final, struct data *ret_value)
{
	size_t given = command->operands.count - 1, count = given + (final != NULL), used = 0;
	struct data *args = arena_alloc(run->arena, (count + 1) * sizeof(*args));
	struct err reason = {.kind = ERR_NONE};
	char text[256];

	if (args == NULL)
		return fail(run, command->pos, &command->source, "too many values");
	int rc = check_count(run, command, function, count);
	bool stops = false;
	for (; rc == 0 && used < count && !stops; used++) {
		if (used < given)
			rc = eval_argument(run, &command->operands.items[used + 1], dot,
					   &args[used]);
		else
			args[used] = *final;
		stops = rc == 0 &&
			((template_function_is_and(function) && !data_is_true(&args[used])) ||
			 (template_function_is_or(function) && data_is_true(&args[used])));
	}
	if (rc < 0)
		return rc;
	struct template_call call = {.function = function,
				     .args = args,
				     .count = used,
				     .head = run->mode->head,
				     .arena = run->arena,
				     .result = ret_value,
				     .err = &reason};
	rc = function->run(&call);
	if (rc == 0)
		return 0;
	/* Go shows the argument whose type is wrong, and the whole call for the rest. */
	const struct template_operand *blamed = NULL;
	if (call.blamed > 0 && call.blamed <= given)
		blamed = &command->operands.items[call.blamed];
	return fail(run, blamed != NULL ? blamed->pos : command->pos,
		    blamed != NULL ? &blamed->source : &command->source, "%s",
		    err_format(&reason, text, sizeof(text)));
}

/* A function without arguments may stand as an argument: `{{if not .}}` has none of them. */
static int eval_argument(struct run *run, const struct template_operand *operand,
			 const struct data *dot, struct data *ret_value)
{
	struct template_command alone = {.pos = operand->pos,
					 .source = operand->source,
					 .operands = {(struct template_operand *)NULL, 1}};

	if (operand->kind != OPERAND_FUNCTION)
		return eval_operand(run, operand, dot, ret_value);
	return call_function(run, operand->function, &alone, dot, NULL, ret_value);
}

/* `.Label "name"`: the value of that label; where heads of columns are wanted, the name's last part. */
static int call_label(struct run *run, const struct data *labels, const struct data *name,
		      struct data *ret_value)
{
	const struct data *found = data_find(&labels->map, name->text.text);

	if (!run->mode->head) {
		*ret_value = found != NULL ? *found : data_text("", 0);
		return 0;
	}
	const char *dot = strrchr(name->text.text, '.');
	const char *last = dot != NULL ? dot + 1 : name->text.text;
	char *copy = arena_strndup(run->arena, last, strlen(last));
	if (copy == NULL)
		return list_no_memory(run->err);
	for (char *at = copy; *at != '\0'; at++) {
		if (*at == '-' || *at == '_')
			*at = ' ';
	}
	*ret_value = data_text(copy, strlen(copy));
	return 0;
}

static int eval_command(struct run *run, const struct template_command *command,
			const struct data *dot, const struct data *final, struct data *ret_value)
{
	const struct template_operand *first = &command->operands.items[0];
	size_t count = command->operands.count - 1 + (final != NULL);
	struct data value, name;

	if (++run->steps > TEMPLATE_STEPS_MAX)
		return fail(run, command->pos, &command->source, "more than %d steps",
			    TEMPLATE_STEPS_MAX);
	if (first->kind == OPERAND_FUNCTION)
		return call_function(run, first->function, command, dot, final, ret_value);
	int rc = eval_operand(run, first, dot, &value);
	if (rc < 0)
		return rc;
	if (value.kind != DATA_LABELS) {
		if (count > 0)
			return fail(run, command->pos, &first->source,
				    "can't give argument to non-function %.*s",
				    (int)first->source.len, first->source.text);
		*ret_value = value;
		return 0;
	}
	if (count != 1)
		return fail(run, command->pos, &first->source,
			    "wrong number of args for %.*s: want 1 got %zu", (int)first->source.len,
			    first->source.text, count);
	rc = final != NULL ? (name = *final, 0)
			   : eval_argument(run, &command->operands.items[1], dot, &name);
	if (rc == 0 && name.kind != DATA_TEXT)
		rc = fail(run, command->pos, &command->source,
			  "wrong type for value; expected string; got %s", data_kind_name(&name));
	return rc < 0 ? rc : call_label(run, &value, &name, ret_value);
}

static int eval_pipe(struct run *run, const struct template_pipe *pipe, const struct data *dot,
		     struct data *ret_value)
{
	struct data value = {.kind = DATA_NULL};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < pipe->commands.count; i++) {
		struct data before = value;
		rc = eval_command(run, &pipe->commands.items[i], dot, i > 0 ? &before : NULL,
				  &value);
	}
	if (rc == 0 && pipe->declared > 0)
		run->variables[pipe->slots[pipe->declared - 1]] = value;
	*ret_value = value;
	return rc;
}

/* ---- nodes ---- */

static int range_body(struct run *run, const struct template_node *node, const struct data *key,
		      const struct data *value)
{
	const struct template_pipe *pipe = node->pipe;

	if (++run->steps > TEMPLATE_STEPS_MAX)
		return fail(run, pipe->pos, &pipe->source, "more than %d steps",
			    TEMPLATE_STEPS_MAX);
	if (pipe->declared > 0)
		run->variables[pipe->slots[pipe->declared - 1]] = *value;
	if (pipe->declared > 1)
		run->variables[pipe->slots[0]] = *key;
	return walk(run, node->body, value);
}

static int range_map(struct run *run, const struct template_node *node, const data_map *map)
{
	const struct data_entry **sorted = data_sorted(map, run->arena);
	int rc = WALK_ON;

	if (sorted == NULL)
		return fail(run, node->pipe->pos, &node->pipe->source, "too many values");
	for (size_t i = 0; rc >= 0 && rc != WALK_BREAK && i < map->count; i++) {
		struct data key = data_text(sorted[i]->key, strlen(sorted[i]->key));
		rc = range_body(run, node, &key, &sorted[i]->value);
	}
	return rc < 0 ? rc : WALK_ON;
}

static int walk_range(struct run *run, const struct template_node *node, const struct data *dot)
{
	struct data over;
	int rc = eval_pipe(run, node->pipe, dot, &over);

	if (rc < 0)
		return rc;
	if (over.kind != DATA_LIST && over.kind != DATA_MAP && over.kind != DATA_NULL) {
		BUF_AUTO(text, SHOWN_MAX);
		data_print(&over, &text);
		return fail(run, node->pipe->pos, &node->pipe->source,
			    "range can't iterate over %s",
			    text.failed || text.len == 0 ? data_kind_name(&over) : text.data);
	}
	if (!data_is_true(&over))
		return walk(run, node->otherwise, dot);
	if (over.kind == DATA_MAP)
		return range_map(run, node, &over.map);
	for (size_t i = 0; rc >= 0 && rc != WALK_BREAK && i < over.list.count; i++) {
		struct data key = {.kind = DATA_INTEGER, .integer = (int64_t)i};
		rc = range_body(run, node, &key, &over.list.items[i]);
	}
	return rc < 0 ? rc : WALK_ON;
}

static int walk_action(struct run *run, const struct template_node *node, const struct data *dot)
{
	struct data value;
	int rc = eval_pipe(run, node->pipe, dot, &value);

	if (rc < 0 || node->pipe->declared > 0)
		return rc;
	if (value.kind == DATA_NULL && !value.nil)
		buf_str(run->out, "<no value>");
	else
		data_print(&value, run->out);
	return 0;
}

static int walk_if(struct run *run, const struct template_node *node, const struct data *dot)
{
	struct data value;
	int rc = eval_pipe(run, node->pipe, dot, &value);

	if (rc < 0)
		return rc;
	if (!data_is_true(&value))
		return walk(run, node->otherwise, dot);
	return walk(run, node->body, node->kind == NODE_WITH ? &value : dot);
}

static int walk(struct run *run, const struct template_node *node, const struct data *dot)
{
	int rc = WALK_ON;

	for (; node != NULL && rc == WALK_ON && !run->out->failed; node = node->next) {
		switch (node->kind) {
		case NODE_TEXT:
			buf_add(run->out, node->text.text, node->text.len);
			break;
		case NODE_ACTION:
			rc = walk_action(run, node, dot);
			break;
		case NODE_IF:
		case NODE_WITH:
			rc = walk_if(run, node, dot);
			break;
		case NODE_RANGE:
			rc = walk_range(run, node, dot);
			break;
		case NODE_BREAK:
			return WALK_BREAK;
		case NODE_CONTINUE:
			return WALK_CONTINUE;
		}
	}
	return rc;
}

int template_run(const struct template *template, const struct template_mode *mode,
		 const struct data *dot, struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, TEMPLATE_MEMORY_MAX);
	struct run run = {.template = template,
			  .mode = mode,
			  .arena = &arena,
			  .out = out,
			  .err = err,
			  .variables = {*dot}};

	int rc = walk(&run, template->first, dot);
	return rc < 0 ? rc : buf_check(out, "the output", err);
}
