#include "engine/spec/list.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define LIST_ROOM_FIRST 8

int list_no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOMEM, "build the container's configuration");
}

void *list_push(void *list, size_t item_size, struct arena *arena)
{
	struct json_list *any = list;
	size_t count = any->count;
	bool full = count == 0 || (count >= LIST_ROOM_FIRST && (count & (count - 1)) == 0);

	if (full) {
		size_t room = count == 0 ? LIST_ROOM_FIRST : count * 2;
		void *items = arena_alloc(arena, room * item_size);
		if (items == NULL)
			return NULL;
		if (count > 0)
			memcpy(items, any->items, count * item_size);
		any->items = items;
	}
	any->count++;
	return (char *)any->items + count * item_size;
}

int list_push_text(json_strings *list, const char *text, struct arena *arena, struct err *err)
{
	const char **item = list_push(list, sizeof(*item), arena);

	if (item == NULL)
		return list_no_memory(err);
	*item = text;
	return 0;
}

void list_words(const char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i] != NULL; i++)
		buf_fmt(out, "%s%s", i > 0 ? ", " : "", words[i]);
}

const char *list_text(struct arena *arena, const char *fmt, ...)
{
	BUF_AUTO(text, LIST_TEXT_MAX);
	va_list args;

	va_start(args, fmt);
	buf_vfmt(&text, fmt, args);
	va_end(args);
	if (text.failed)
		return NULL;
	return arena_strndup(arena, text.data != NULL ? text.data : "", text.len);
}

bool list_has(const json_strings *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}
