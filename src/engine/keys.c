#include "engine/keys.h"

#include <ctype.h>
#include <string.h>

static int parse_key(const char *text, size_t len, uint8_t *ret_code)
{
	if (len == 1) {
		*ret_code = (uint8_t)text[0];
		return 0;
	}
	if (len != 6 || memcmp(text, "ctrl-", 5) != 0)
		return -1;
	int c = tolower((unsigned char)text[5]);
	if ((c >= 'a' && c <= 'z') || strchr("@[\\]^_", c) != NULL) {
		*ret_code = (uint8_t)(c & 0x1f);
		return 0;
	}
	return -1;
}

int keys_parse(const char *text, struct keys *ret_keys, struct err *err)
{
	struct keys keys = {.count = 0};

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, ",");
		if (keys.count == KEYS_MAX || parse_key(at, len, &keys.codes[keys.count]) < 0)
			return err_set(err, ERR_INVALID, 0,
				       "invalid detach keys (%s): such as ctrl-p,ctrl-q", text);
		keys.count++;
		at += len + (at[len] == ',');
	}
	*ret_keys = keys;
	return 0;
}

/* The longest beginning of the sequence that ends what was typed, once one more key came. */
static size_t next_match(const struct keys *keys, uint8_t code)
{
	uint8_t typed[KEYS_MAX + 1];
	size_t len = keys->matched;

	memcpy(typed, keys->codes, len);
	typed[len++] = code;
	for (size_t skip = 0; skip < len; skip++) {
		if (memcmp(typed + skip, keys->codes, len - skip) == 0)
			return len - skip;
	}
	return 0;
}

size_t keys_filter(struct keys *keys, uint8_t *bytes, size_t size)
{
	uint8_t held[KEYS_MAX];
	size_t out = 0, held_size = keys->matched;

	if (keys->count == 0)
		return size;
	/* Held keys come first again: at most KEYS_MAX - 1, for which there is room. */
	memcpy(held, keys->codes, held_size);
	memmove(bytes + held_size, bytes, size);
	memcpy(bytes, held, held_size);
	size += held_size;
	for (size_t i = held_size; i < size && !keys->complete; i++) {
		size_t before = keys->matched;
		size_t now = next_match(keys, bytes[i]);
		/* before + 1 keys are at hand, the last `now` of them are held. */
		size_t released = before + 1 - now;
		memmove(bytes + out, bytes + i - before, released);
		out += released;
		keys->matched = now;
		keys->complete = now == keys->count;
	}
	return out;
}
