/*
 * list.h - growing lists in an arena, of any JSON_LIST_OF type.
 *
 * Ownership  Items live in the arena; the room of a list that grew dies with the arena.
 * Limits     A list that list_push() grows must have been empty when it began: its room follows
 *            from its count. Shrinking it between is fine.
 */
#ifndef CORTEN_ENGINE_SPEC_LIST_H
#define CORTEN_ENGINE_SPEC_LIST_H

#include "base/json.h"

/* Appends a zeroed item to a JSON_LIST_OF and returns it; NULL when the arena is full. */
void *list_push(void *list, size_t item_size, struct arena *arena);

/* Appends one text, not copied. */
int list_push_text(json_strings *list, const char *text, struct arena *arena, struct err *err);

/* Text by format, in the arena, up to LIST_TEXT_MAX bytes; NULL when it does not fit. */
#define LIST_TEXT_MAX 65536
const char *list_text(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);

/* Appends "a, b, c" of words that end with NULL, for errors that say what there is. */
void list_words(const char *const *words, struct buf *out);

/* Whether the list holds the text. */
bool list_has(const json_strings *list, const char *text);

int list_no_memory(struct err *err);

#endif
