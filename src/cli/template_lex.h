/*
 * template_lex.h - the words of a template; template_parse.c alone includes it.
 *
 * Ownership  Tokens point into the text; the characters of quoted constants lie in the arena.
 */
#ifndef CORTEN_CLI_TEMPLATE_LEX_H
#define CORTEN_CLI_TEMPLATE_LEX_H

#include "cli/data.h"

enum token_kind {
	TOKEN_TEXT_ENDS, /* inside an action */
	TOKEN_END,       /* }} */
	TOKEN_LEFT,      /* ( */
	TOKEN_RIGHT,
	TOKEN_PIPE,
	TOKEN_COMMA,
	TOKEN_ASSIGN,
	TOKEN_DECLARE,
	TOKEN_DOT,
	TOKEN_FIELD,    /* .Name */
	TOKEN_VARIABLE, /* $, $name */
	TOKEN_WORD,     /* a keyword or a function */
	TOKEN_CONSTANT, /* a number or a string */
};

struct template_token {
	enum token_kind kind;
	size_t pos;
	struct json_text source;
	bool spaced; /* space stands before it */
	struct data value;
};

struct template_lexer {
	const char *start;
	const char *at;
	const char *end;
	bool trims; /* the action that ended last takes the space behind it away */
	struct arena *arena;
	struct template_token token; /* what was read last */
	struct err *err;
};

enum lex_next {
	LEX_ENDS,
	LEX_ACTION,
	LEX_COMMENT, /* stepped over */
};

/* The text up to what ret_next says. */
int template_lex_text(struct template_lexer *lexer, struct json_text *ret_text,
		      enum lex_next *ret_next);

/* Reads the action's next token. */
int template_lex(struct template_lexer *lexer);

/* Steps over the "}}" that is the token. */
void template_lex_close(struct template_lexer *lexer);

int template_lex_fail(struct template_lexer *lexer, size_t pos, const char *fmt, ...) PRINTF(3, 4);

#endif
