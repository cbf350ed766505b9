#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template_internal.h"
#include "cli/template_lex.h"
#include "engine/spec/list.h"

struct parser {
	struct template_lexer lexer;
	struct arena *arena;
	unsigned depth;
	unsigned loops; /* ranges around */
	struct json_text variables[TEMPLATE_VARIABLES_MAX];
	size_t variable_count;
};

/* How a list of nodes ended. */
enum list_end {
	LIST_TEXT_ENDS,
	LIST_END,
	LIST_ELSE,
};

static int parse_pipe(struct parser *p, const char *context, bool range,
		      struct template_pipe **ret_pipe);
static int parse_nodes(struct parser *p, struct template_node **ret_first, enum list_end *ret_end);

static int fail_at(struct parser *p, size_t pos, const char *fmt, ...) PRINTF(3, 4);
static int fail_at(struct parser *p, size_t pos, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return template_lex_fail(&p->lexer, pos, "%s", text);
}

static int no_memory(struct parser *p)
{
	return err_set(p->lexer.err, ERR_INVALID, ENOMEM, "template parsing error: too long");
}

static int unexpected(struct parser *p, const char *context)
{
	const struct template_token *token = &p->lexer.token;

	if (token->kind == TOKEN_TEXT_ENDS)
		return fail_at(p, token->pos, "unclosed action");
	if (token->kind == TOKEN_END)
		return fail_at(p, token->pos, "unexpected \"}}\" in %s", context);
	return fail_at(p, token->pos, "unexpected \"%.*s\" in %s", (int)token->source.len,
		       token->source.text, context);
}

static int enter(struct parser *p)
{
	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail_at(p, p->lexer.token.pos, "nested deeper than %d levels",
			       TEMPLATE_DEPTH_MAX);
	return 0;
}

static bool is_word(const struct template_token *token, const char *word)
{
	return token->kind == TOKEN_WORD && token->source.len == strlen(word) &&
	       memcmp(token->source.text, word, token->source.len) == 0;
}

/* ---- operands ---- */

static int find_variable(struct parser *p, const struct template_token *token, size_t *ret_slot)
{
	for (size_t i = p->variable_count; i-- > 0;) {
		if (p->variables[i].len == token->source.len &&
		    memcmp(p->variables[i].text, token->source.text, token->source.len) == 0) {
			*ret_slot = i;
			return 0;
		}
	}
	return fail_at(p, token->pos, "undefined variable \"%.*s\"", (int)token->source.len,
		       token->source.text);
}

static int declare_variable(struct parser *p, const struct template_token *token, size_t *ret_slot)
{
	if (p->variable_count == TEMPLATE_VARIABLES_MAX)
		return fail_at(p, token->pos, "more than %d variables", TEMPLATE_VARIABLES_MAX - 1);
	p->variables[p->variable_count] = token->source;
	*ret_slot = p->variable_count++;
	return 0;
}

static int add_field(struct parser *p, struct template_operand *operand)
{
	const struct template_token *token = &p->lexer.token;
	struct template_field *field = list_push(&operand->fields, sizeof(*field), p->arena);

	if (field == NULL)
		return no_memory(p);
	/* Without the dot that it begins with. */
	field->name = arena_strndup(p->arena, token->source.text + 1, token->source.len - 1);
	field->pos = token->pos;
	return field->name == NULL ? no_memory(p) : 0;
}

static int parse_word(struct parser *p, struct template_operand *operand)
{
	const struct template_token *token = &p->lexer.token;

	operand->kind = OPERAND_CONSTANT;
	if (is_word(token, "true") || is_word(token, "false")) {
		operand->constant =
			(struct data){.kind = DATA_BOOL, .truth = is_word(token, "true")};
		return 0;
	}
	if (is_word(token, "nil"))
		return 0;
	operand->kind = OPERAND_FUNCTION;
	operand->function = template_function_find(token->source.text, token->source.len);
	if (operand->function == NULL)
		return fail_at(p, token->pos, "function \"%.*s\" not defined",
			       (int)token->source.len, token->source.text);
	return 0;
}

static int parse_parentheses(struct parser *p, struct template_operand *operand)
{
	struct template_pipe *pipe = NULL;

	operand->kind = OPERAND_PIPE;
	int rc = enter(p);
	if (rc == 0)
		rc = template_lex(&p->lexer);
	if (rc == 0)
		rc = parse_pipe(p, "parenthesized pipeline", false, &pipe);
	p->depth--;
	if (rc == 0 && p->lexer.token.kind != TOKEN_RIGHT)
		rc = p->lexer.token.kind == TOKEN_END
			     ? fail_at(p, p->lexer.token.pos, "unclosed left paren")
			     : unexpected(p, "parenthesized pipeline");
	operand->pipe = pipe;
	return rc;
}

/* The token is the operand's first; behind it the next one that does not belong is read. */
static int parse_operand(struct parser *p, const char *context, struct template_operand *operand)
{
	const struct template_token first = p->lexer.token;
	int rc = 0;

	*operand = (struct template_operand){.pos = first.pos};
	switch (first.kind) {
	case TOKEN_DOT:
		operand->kind = OPERAND_DOT;
		break;
	case TOKEN_FIELD:
		operand->kind = OPERAND_DOT;
		rc = add_field(p, operand);
		break;
	case TOKEN_VARIABLE:
		operand->kind = OPERAND_VARIABLE;
		rc = find_variable(p, &first, &operand->slot);
		break;
	case TOKEN_CONSTANT:
		operand->kind = OPERAND_CONSTANT;
		operand->constant = first.value;
		break;
	case TOKEN_WORD:
		rc = parse_word(p, operand);
		break;
	case TOKEN_LEFT:
		rc = parse_parentheses(p, operand);
		break;
	case TOKEN_TEXT_ENDS:
	case TOKEN_END:
	case TOKEN_RIGHT:
	case TOKEN_PIPE:
	case TOKEN_COMMA:
	case TOKEN_ASSIGN:
	case TOKEN_DECLARE:
		rc = unexpected(p, context);
		break;
	}
	size_t end = p->lexer.token.pos + p->lexer.token.source.len;
	if (rc == 0)
		rc = template_lex(&p->lexer);
	while (rc == 0 && p->lexer.token.kind == TOKEN_FIELD && !p->lexer.token.spaced) {
		if (operand->kind == OPERAND_CONSTANT || operand->kind == OPERAND_FUNCTION ||
		    first.kind == TOKEN_DOT)
			return unexpected(p, "operand");
		rc = add_field(p, operand);
		end = p->lexer.token.pos + p->lexer.token.source.len;
		if (rc == 0)
			rc = template_lex(&p->lexer);
	}
	operand->source = (struct json_text){p->lexer.start + first.pos, end - first.pos};
	return rc;
}

/* ---- commands and pipelines ---- */

static bool ends_command(const struct template_token *token)
{
	return token->kind == TOKEN_END || token->kind == TOKEN_RIGHT || token->kind == TOKEN_PIPE;
}

static int parse_command(struct parser *p, const char *context, struct template_command *command)
{
	size_t end = 0;

	command->pos = p->lexer.token.pos;
	do {
		if (command->operands.count > 0 && !p->lexer.token.spaced)
			return unexpected(p, "operand");
		struct template_operand *operand =
			list_push(&command->operands, sizeof(*operand), p->arena);
		int rc = operand == NULL ? no_memory(p) : parse_operand(p, context, operand);
		if (rc < 0)
			return rc;
		end = operand->pos + operand->source.len;
	} while (!ends_command(&p->lexer.token));
	command->source = (struct json_text){p->lexer.start + command->pos, end - command->pos};
	return 0;
}

/* `$x := `, `$x = `, and for range `$i, $x := `; when there is none of it, the text is as before. */
static int parse_declaration(struct parser *p, bool range, struct template_pipe *pipe)
{
	struct template_lexer before = p->lexer;
	struct template_token names[2];
	size_t count = 0;
	int rc = 0;

	while (p->lexer.token.kind == TOKEN_VARIABLE && count < 2) {
		names[count++] = p->lexer.token;
		rc = template_lex(&p->lexer);
		if (rc < 0)
			return rc;
		if (p->lexer.token.kind != TOKEN_COMMA || !range)
			break;
		rc = template_lex(&p->lexer);
		if (rc < 0)
			return rc;
	}
	bool declares = p->lexer.token.kind == TOKEN_DECLARE;
	if (count == 0 || (!declares && p->lexer.token.kind != TOKEN_ASSIGN)) {
		p->lexer = before;
		return 0;
	}
	rc = template_lex(&p->lexer);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = declares ? declare_variable(p, &names[i], &pipe->slots[i])
			      : find_variable(p, &names[i], &pipe->slots[i]);
	pipe->declared = count;
	return rc;
}

/* Up to the "}}" or ")" behind it, which stays the token. */
static int parse_pipe(struct parser *p, const char *context, bool range,
		      struct template_pipe **ret_pipe)
{
	struct template_pipe *pipe = arena_alloc(p->arena, sizeof(*pipe));

	if (pipe == NULL)
		return no_memory(p);
	pipe->pos = p->lexer.token.pos;
	int rc = parse_declaration(p, range, pipe);
	if (rc == 0 && (p->lexer.token.kind == TOKEN_END || p->lexer.token.kind == TOKEN_RIGHT))
		return fail_at(p, p->lexer.token.pos, "missing value for %s", context);
	while (rc == 0) {
		struct template_command *command =
			list_push(&pipe->commands, sizeof(*command), p->arena);
		rc = command == NULL ? no_memory(p) : parse_command(p, context, command);
		if (rc == 0 && pipe->commands.count > 1 &&
		    command->operands.items[0].kind == OPERAND_CONSTANT)
			rc = fail_at(p, command->pos,
				     "non executable command in pipeline stage %zu",
				     pipe->commands.count);
		if (rc < 0 || p->lexer.token.kind != TOKEN_PIPE)
			break;
		rc = template_lex(&p->lexer);
		if (rc == 0 && ends_command(&p->lexer.token))
			rc = fail_at(p, p->lexer.token.pos, "missing value for %s", context);
	}
	pipe->source =
		(struct json_text){p->lexer.start + pipe->pos, p->lexer.token.pos - pipe->pos};
	*ret_pipe = pipe;
	return rc;
}

/* ---- nodes ---- */

static int close_action(struct parser *p, const char *context)
{
	if (p->lexer.token.kind != TOKEN_END)
		return unexpected(p, context);
	template_lex_close(&p->lexer);
	return 0;
}

static int parse_block(struct parser *p, enum node_kind kind, const char *word,
		       struct template_node *node);

/* The token is what stands behind `else`. */
static int parse_else(struct parser *p, struct template_node *node)
{
	enum list_end end = LIST_END;

	if (is_word(&p->lexer.token, "if") || is_word(&p->lexer.token, "with")) {
		bool with = is_word(&p->lexer.token, "with");
		node->otherwise = arena_alloc(p->arena, sizeof(*node->otherwise));
		if (node->otherwise == NULL)
			return no_memory(p);
		/* One `end` closes both. */
		return parse_block(p, with ? NODE_WITH : NODE_IF, with ? "with" : "if",
				   node->otherwise);
	}
	int rc = close_action(p, "else");
	if (rc == 0)
		rc = parse_nodes(p, &node->otherwise, &end);
	if (rc == 0 && end == LIST_TEXT_ENDS)
		rc = fail_at(p, (size_t)(p->lexer.at - p->lexer.start), "unexpected EOF");
	if (rc == 0 && end == LIST_ELSE)
		rc = fail_at(p, p->lexer.token.pos, "expected end; found {{else}}");
	return rc == 0 ? close_action(p, "end") : rc;
}

static int parse_block(struct parser *p, enum node_kind kind, const char *word,
		       struct template_node *node)
{
	size_t variables = p->variable_count;
	enum list_end end = LIST_END;

	node->kind = kind;
	int rc = enter(p);
	if (rc == 0)
		rc = template_lex(&p->lexer);
	if (rc == 0)
		rc = parse_pipe(p, word, kind == NODE_RANGE, &node->pipe);
	if (rc == 0)
		rc = close_action(p, word);
	p->loops += kind == NODE_RANGE;
	if (rc == 0)
		rc = parse_nodes(p, &node->body, &end);
	p->loops -= kind == NODE_RANGE;
	if (rc == 0 && end == LIST_TEXT_ENDS)
		rc = fail_at(p, (size_t)(p->lexer.at - p->lexer.start), "unexpected EOF");
	if (rc == 0 && end == LIST_ELSE)
		rc = parse_else(p, node);
	else if (rc == 0)
		rc = close_action(p, "end");
	p->depth--;
	p->variable_count = variables;
	return rc;
}

static int parse_jump(struct parser *p, bool breaks, struct template_node *node)
{
	node->kind = breaks ? NODE_BREAK : NODE_CONTINUE;
	if (p->loops == 0)
		return fail_at(p, p->lexer.token.pos, "{{%s}} outside {{range}}",
			       breaks ? "break" : "continue");
	int rc = template_lex(&p->lexer);
	return rc < 0 ? rc : close_action(p, breaks ? "{{break}}" : "{{continue}}");
}

/* The token is the action's first. LIST_END: a node was made; others: the list ends here. */
static int parse_action(struct parser *p, struct template_node *node, enum list_end *ret_end)
{
	static const char *const foreign[] = {"define", "template", "block", NULL};
	const struct template_token *token = &p->lexer.token;

	*ret_end = LIST_TEXT_ENDS;
	if (is_word(token, "end") || is_word(token, "else")) {
		*ret_end = is_word(token, "end") ? LIST_END : LIST_ELSE;
		return template_lex(&p->lexer);
	}
	if (is_word(token, "if"))
		return parse_block(p, NODE_IF, "if", node);
	if (is_word(token, "range"))
		return parse_block(p, NODE_RANGE, "range", node);
	if (is_word(token, "with"))
		return parse_block(p, NODE_WITH, "with", node);
	if (is_word(token, "break") || is_word(token, "continue"))
		return parse_jump(p, is_word(token, "break"), node);
	for (size_t i = 0; foreign[i] != NULL; i++) {
		if (is_word(token, foreign[i]))
			return fail_at(p, token->pos, "{{%s}} is not supported here", foreign[i]);
	}
	node->kind = NODE_ACTION;
	int rc = parse_pipe(p, "command", false, &node->pipe);
	return rc < 0 ? rc : close_action(p, "command");
}

static int parse_nodes(struct parser *p, struct template_node **ret_first, enum list_end *ret_end)
{
	struct template_node **last = ret_first;

	for (;;) {
		struct template_node *node = arena_alloc(p->arena, sizeof(*node));
		enum lex_next following = LEX_ENDS;
		if (node == NULL)
			return no_memory(p);
		int rc = template_lex_text(&p->lexer, &node->text, &following);
		if (rc < 0)
			return rc;
		if (node->text.len > 0) {
			*last = node;
			last = &node->next;
			node = arena_alloc(p->arena, sizeof(*node));
			if (node == NULL)
				return no_memory(p);
		}
		*ret_end = LIST_TEXT_ENDS;
		if (following == LEX_ENDS)
			return 0;
		if (following == LEX_COMMENT)
			continue;
		rc = template_lex(&p->lexer);
		if (rc == 0)
			rc = parse_action(p, node, ret_end);
		if (rc < 0 || *ret_end != LIST_TEXT_ENDS)
			return rc;
		*last = node;
		last = &node->next;
	}
}

int template_parse(const char *text, size_t len, struct arena *arena,
		   const struct template **ret_template, struct err *err)
{
	struct parser p = {
		.lexer = {.start = text, .at = text, .end = text + len, .arena = arena, .err = err},
		.arena = arena,
		.variables = {{"$", 1}},
		.variable_count = 1};
	struct template *template = arena_alloc(arena, sizeof(*template));
	struct template_node *first = NULL;
	enum list_end end;

	if (len > TEMPLATE_TEXT_MAX)
		return err_set(err, ERR_INVALID, 0, "template parsing error: longer than %d bytes",
			       TEMPLATE_TEXT_MAX);
	if (template == NULL)
		return no_memory(&p);
	int rc = parse_nodes(&p, &first, &end);
	if (rc == 0 && end != LIST_TEXT_ENDS)
		rc = fail_at(&p, p.lexer.token.pos, "unexpected {{%s}}",
			     end == LIST_END ? "end" : "else");
	if (rc < 0)
		return rc;
	*template = (struct template){.text = text, .len = len, .first = first};
	*ret_template = template;
	return 0;
}
