/*
 * template_internal.h - the parsed form of a template; shared by template*.c alone.
 *
 * Ownership  All of it lives in the template's arena; `source` members point into the text.
 */
#ifndef CORTEN_CLI_TEMPLATE_INTERNAL_H
#define CORTEN_CLI_TEMPLATE_INTERNAL_H

#include "cli/template.h"

enum operand_kind {
	OPERAND_DOT,
	OPERAND_CONSTANT,
	OPERAND_VARIABLE, /* slot */
	OPERAND_FUNCTION,
	OPERAND_PIPE,
};

struct template_pipe;

struct template_field {
	const char *name;
	size_t pos; /* in the text, for messages */
};

struct template_operand {
	enum operand_kind kind;
	size_t pos;
	struct json_text source;
	struct data constant;
	size_t slot;
	const struct template_function *function;
	const struct template_pipe *pipe;
	JSON_LIST_OF(struct template_field) fields; /* looked up one after the other */
};

struct template_command {
	size_t pos;
	struct json_text source;
	JSON_LIST_OF(struct template_operand) operands; /* one or more */
};

struct template_pipe {
	size_t pos;
	struct json_text source;
	size_t declared; /* how many variables are set: 0, 1, or with range 2 */
	size_t slots[2];
	JSON_LIST_OF(struct template_command) commands;
};

enum node_kind {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_RANGE,
	NODE_WITH,
	NODE_BREAK,
	NODE_CONTINUE,
};

struct template_node {
	enum node_kind kind;
	struct json_text text;
	struct template_pipe *pipe;
	struct template_node *body;
	struct template_node *otherwise;
	struct template_node *next;
};

struct template
{
	const char *text;
	size_t len;
	const struct template_node *first;
};

/* "template: :LINE:COLUMN", as Go counts: columns from 0. */
#define TEMPLATE_PLACE_MAX 64
void template_place(const char *text, size_t pos, char place[TEMPLATE_PLACE_MAX]);

/* ---- template_call.c ---- */

struct template_call {
	const struct template_function *function;
	const struct data *args;
	size_t count;
	bool head;
	size_t blamed; /* which argument a function finds wrong, from 1; 0: none */
	struct arena *arena;
	struct data *result;
	struct err *err; /* a function sets the bare reason; the caller adds the place */
};

struct template_function {
	const char *name;
	size_t min;
	size_t max; /* SIZE_MAX: any number */
	int (*run)(struct template_call *call);
};

/* NULL when there is none of that name. */
const struct template_function *template_function_find(const char *name, size_t len);

/* Whether the function may leave arguments unevaluated: `and` stops at false, `or` at true. */
bool template_function_is_and(const struct template_function *function);
bool template_function_is_or(const struct template_function *function);

/* Go's Sprintf over the arguments, the first of which is the format. */
int template_printf(struct template_call *call);

int template_fail(struct template_call *call, const char *fmt, ...) PRINTF(2, 3);

/* The buffer's bytes as the call's result, copied into the arena. */
int template_give_text(struct template_call *call, const struct buf *text);

#endif
