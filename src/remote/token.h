/*
 * token.h - the document with which a token server answers.
 *
 * Ownership  The token lives in the arena.
 * Errors     ERR_INVALID when it holds no token, or one that could not stand in a header.
 */
#ifndef CORTEN_REMOTE_TOKEN_H
#define CORTEN_REMOTE_TOKEN_H

#include "base/arena.h"
#include "base/err.h"

int token_parse(const char *text, size_t len, struct arena *arena, const char **ret_token,
		struct err *err);

#endif
