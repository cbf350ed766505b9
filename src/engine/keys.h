/*
 * keys.h - the key sequence that detaches a terminal.
 *
 * Format     Comma-separated: a letter or other single character, or ctrl- and one of a-z @ [ \ ] ^ _
 * Errors     ERR_INVALID for anything else.
 */
#ifndef CORTEN_ENGINE_KEYS_H
#define CORTEN_ENGINE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KEYS_MAX 16

struct keys {
	uint8_t codes[KEYS_MAX];
	size_t count;
	size_t matched; /* of the sequence, at the end of what was typed */
	bool complete;
};

/* "" is no sequence at all: nothing detaches. */
int keys_parse(const char *text, struct keys *ret_keys, struct err *err);

/*
 * Takes the sequence out of what was typed: keys that may be its beginning are held back and given out
 * when it turns out otherwise. bytes has KEYS_MAX bytes of room more than size. Returns the new size;
 * what follows a complete sequence is dropped.
 */
size_t keys_filter(struct keys *keys, uint8_t *bytes, size_t size);

#endif
