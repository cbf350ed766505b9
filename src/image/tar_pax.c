#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/tar_internal.h"

#define XATTR_PREFIX "SCHILY.xattr."

int64_t tar_decimal(const char *text)
{
	int64_t value = 0;

	if (text[0] == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || value > (INT64_MAX - 9) / 10)
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value;
}

void tar_pax_reset(struct tar_pax *pax)
{
	struct buf text = pax->text;

	buf_clear(&text);
	*pax = (struct tar_pax){.text = text,
				.size = -1,
				.uid = -1,
				.gid = -1,
				.sparse_size = -1,
				.sparse_offset = -1};
}

static int wrong(const char *key, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, EINVAL, "PAX record '%.100s': %s", key, why);
}

/* "-12.345": seconds since 1970 with a fraction. */
static bool parse_time(const char *text, struct timespec *ret_time)
{
	bool negative = text[0] == '-';
	char whole[24];
	const char *digits = text + (negative ? 1 : 0);
	size_t len = strcspn(digits, ".");
	long nanoseconds = 0;
	long unit = 100000000;

	if (len == 0 || len >= sizeof(whole) - 4)
		return false;
	memcpy(whole, digits, len);
	whole[len] = '\0';
	int64_t seconds = tar_decimal(whole);
	if (seconds < 0)
		return false;
	for (const char *at = digits + len + (digits[len] == '.'); *at != '\0'; at++, unit /= 10) {
		if (*at < '0' || *at > '9')
			return false;
		nanoseconds += (*at - '0') * unit;
	}
	if (negative && nanoseconds > 0) {
		seconds++;
		nanoseconds = 1000000000 - nanoseconds;
	}
	*ret_time = (struct timespec){negative ? -seconds : seconds, nanoseconds};
	return true;
}

static int set_number(int64_t *number, const char *key, const char *value, struct err *err)
{
	if (value[0] == '\0') {
		*number = -1; /* an empty value takes an earlier one back */
		return 0;
	}
	*number = tar_decimal(value);
	return *number < 0 ? wrong(key, "not a number", err) : 0;
}

static int set_sparse(struct tar_pax *pax, struct tar_map *map, const char *key, char *value,
		      struct err *err)
{
	const char *name = key + strlen("GNU.sparse.");
	int64_t number = -1;

	pax->sparse = true;
	if (strcmp(name, "name") == 0) {
		pax->sparse_name = value;
		return 0;
	}
	if (strcmp(name, "map") == 0)
		return tar_map_parse(map, value, err);
	if (strcmp(name, "size") == 0 || strcmp(name, "realsize") == 0)
		return set_number(&pax->sparse_size, key, value, err);
	if (strcmp(name, "major") == 0)
		return set_number(&pax->sparse_major, key, value, err);
	if (strcmp(name, "minor") == 0)
		return set_number(&pax->sparse_minor, key, value, err);
	if (strcmp(name, "offset") == 0)
		return set_number(&pax->sparse_offset, key, value, err);
	if (strcmp(name, "numbytes") == 0) {
		int rc = set_number(&number, key, value, err);
		if (rc == 0 && (number < 0 || pax->sparse_offset < 0))
			rc = wrong(key, "without its offset", err);
		if (rc == 0)
			rc = tar_map_add(map, pax->sparse_offset, number, err);
		pax->sparse_offset = -1;
		return rc;
	}
	return 0; /* numblocks says what is counted anyway */
}

static int set_xattr(struct tar_pax *pax, const char *name, const char *value, size_t size,
		     struct err *err)
{
	size_t at = 0;

	while (at < pax->xattr_count && strcmp(pax->xattrs[at].name, name) != 0)
		at++;
	if (at == TAR_XATTRS_MAX)
		return wrong(name, "too many extended attributes", err);
	if (at == pax->xattr_count)
		pax->xattr_count++;
	pax->xattrs[at] = (struct tar_xattr){name, value, size};
	return 0;
}

static int set_record(struct tar_pax *pax, struct tar_map *map, char *key, char *value, size_t size,
		      struct err *err)
{
	if (strncmp(key, XATTR_PREFIX, strlen(XATTR_PREFIX)) == 0)
		return set_xattr(pax, key + strlen(XATTR_PREFIX), value, size, err);
	if (memchr(value, '\0', size) != NULL)
		return wrong(key, "a NUL in its value", err);
	if (strncmp(key, "GNU.sparse.", strlen("GNU.sparse.")) == 0)
		return set_sparse(pax, map, key, value, err);
	if (strcmp(key, "path") == 0)
		pax->path = size > 0 ? value : NULL;
	else if (strcmp(key, "linkpath") == 0)
		pax->link = size > 0 ? value : NULL;
	else if (strcmp(key, "size") == 0)
		return set_number(&pax->size, key, value, err);
	else if (strcmp(key, "uid") == 0)
		return set_number(&pax->uid, key, value, err);
	else if (strcmp(key, "gid") == 0)
		return set_number(&pax->gid, key, value, err);
	else if (strcmp(key, "mtime") == 0) {
		pax->has_mtime = size > 0;
		if (size > 0 && !parse_time(value, &pax->mtime))
			return wrong(key, "not a time", err);
	}
	return 0;
}

/* "LENGTH KEY=VALUE\n", the length counting itself. Texts are ended in place. */
int tar_pax_parse(struct tar_pax *pax, struct tar_map *map, struct err *err)
{
	char *at = pax->text.data;
	size_t left = pax->text.len;

	while (left > 0) {
		size_t digits = 0;
		size_t len = 0;
		while (digits < left && digits < 8 && at[digits] >= '0' && at[digits] <= '9')
			len = len * 10 + (size_t)(at[digits++] - '0');
		if (digits == 0 || digits >= left || at[digits] != ' ' || len > left ||
		    len < digits + 4 || at[len - 1] != '\n')
			return err_set(err, ERR_INVALID, EINVAL, "a broken PAX header");
		char *key = at + digits + 1;
		char *equals = memchr(key, '=', len - digits - 2);
		if (equals == NULL || equals == key || memchr(key, '\0', (size_t)(equals - key)))
			return err_set(err, ERR_INVALID, EINVAL, "a PAX record without a name");
		*equals = '\0';
		at[len - 1] = '\0';
		int rc = set_record(pax, map, key, equals + 1,
				    (size_t)(at + len - 1 - (equals + 1)), err);
		if (rc < 0)
			return rc;
		at += len;
		left -= len;
	}
	return 0;
}
