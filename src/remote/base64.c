#include "remote/base64.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct buf *out, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i += 3) {
		size_t here = size - i < 3 ? size - i : 3;
		uint32_t value = (uint32_t)bytes[i] << 16;
		if (here > 1)
			value |= (uint32_t)bytes[i + 1] << 8;
		if (here > 2)
			value |= bytes[i + 2];
		for (size_t n = 0; n < 4; n++)
			buf_char(out, n <= here ? alphabet[value >> (18 - 6 * n) & 63] : '=');
	}
}

int base64_read(const char *text, char *buf, size_t size)
{
	size_t digits = strspn(text, alphabet);
	size_t padding = strspn(text + digits, "=");
	size_t len = digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0);
	uint32_t value = 0;
	size_t at = 0;

	if (text[digits + padding] != '\0' || digits % 4 == 1 ||
	    (padding > 0 && (digits + padding) % 4 != 0) || padding > 2)
		return -EINVAL;
	if (len >= size || len > INT_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < digits; i++) {
		value = value << 6 | (uint32_t)(strchr(alphabet, text[i]) - alphabet);
		if (i % 4 > 0)
			buf[at++] = (char)(value >> (6 - 2 * (i % 4)) & 0xff);
	}
	buf[at] = '\0';
	return (int)at;
}
