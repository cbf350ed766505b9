#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/tar_internal.h"

enum {
	OLD_AT_MAP = 386, /* four pairs in the header */
	OLD_AT_MORE = 482,
	OLD_PAIRS = 4,
	MORE_PAIRS = 21, /* in each block after it */
	MORE_AT_MORE = 504,
};

int tar_map_add(struct tar_map *map, int64_t offset, int64_t size, struct err *err)
{
	if (map->count == map->room) {
		size_t room = map->room == 0 ? 64 : 2 * map->room;
		if (map->count >= TAR_SEGMENTS_MAX)
			return err_set(err, ERR_INVALID, E2BIG,
				       "a sparse map of more than %d parts", TAR_SEGMENTS_MAX);
		struct tar_segment *items = realloc(map->items, room * sizeof(*items));
		if (items == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "read a sparse map");
		map->items = items;
		map->room = room;
	}
	map->items[map->count++] = (struct tar_segment){offset, size};
	return 0;
}

static int broken(struct err *err)
{
	return err_set(err, ERR_INVALID, EINVAL, "a broken sparse map");
}

int tar_map_parse(struct tar_map *map, char *text, struct err *err)
{
	map->count = 0;
	while (*text != '\0') {
		int64_t pair[2];
		for (int i = 0; i < 2; i++) {
			char *comma = text + strcspn(text, ",");
			bool last = *comma == '\0';
			*comma = '\0';
			pair[i] = tar_decimal(text);
			if (pair[i] < 0 || (last && i == 0))
				return broken(err);
			text = last ? comma : comma + 1;
		}
		int rc = tar_map_add(map, pair[0], pair[1], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A block of the data in which the map of form 1.0 is written. */
struct map_text {
	struct tar *tar;
	char block[TAR_BLOCK_BYTES];
	size_t at;
	size_t len;
};

/* A decimal number and a newline. */
static int64_t map_number(struct map_text *text, struct err *err)
{
	int64_t value = 0;

	for (int digits = 0; digits < 20; digits++) {
		if (text->at == text->len) {
			struct tar *tar = text->tar;
			if (tar->data_left < TAR_BLOCK_BYTES)
				return broken(err);
			ssize_t got = stream_read(tar->from, text->block, TAR_BLOCK_BYTES, err);
			if (got < 0)
				return got;
			if (got < TAR_BLOCK_BYTES)
				return broken(err);
			tar->data_left -= TAR_BLOCK_BYTES;
			text->at = 0;
			text->len = TAR_BLOCK_BYTES;
		}
		char c = text->block[text->at++];
		if (c == '\n' && digits > 0)
			return value;
		if (c < '0' || c > '9' || value > (INT64_MAX - 9) / 10)
			return broken(err);
		value = value * 10 + (c - '0');
	}
	return broken(err);
}

int tar_map_read(struct tar *tar, struct err *err)
{
	struct map_text text = {.tar = tar};

	tar->map.count = 0;
	int64_t count = map_number(&text, err);
	if (count < 0)
		return (int)count;
	if (count > TAR_SEGMENTS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "a sparse map of more than %d parts",
			       TAR_SEGMENTS_MAX);
	for (int64_t i = 0; i < count; i++) {
		int64_t offset = map_number(&text, err);
		int64_t size = offset < 0 ? offset : map_number(&text, err);
		if (size < 0)
			return (int)size;
		int rc = tar_map_add(&tar->map, offset, size, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_pairs(struct tar_map *map, const uint8_t *at, int count, struct err *err)
{
	for (int i = 0; i < count; i++, at += 24) {
		bool valid = true;
		if (at[0] == '\0')
			break;
		int64_t offset = tar_number(at, 12, false, &valid);
		int64_t size = tar_number(at + 12, 12, false, &valid);
		if (!valid)
			return broken(err);
		int rc = tar_map_add(map, offset, size, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int tar_map_read_old(struct tar *tar, const uint8_t *header, struct err *err)
{
	uint8_t block[TAR_BLOCK_BYTES];
	bool more = header[OLD_AT_MORE] != 0;

	tar->map.count = 0;
	int rc = add_pairs(&tar->map, header + OLD_AT_MAP, OLD_PAIRS, err);
	while (rc == 0 && more) {
		/* These blocks come before the data and do not count as its size. */
		ssize_t got = stream_read(tar->from, block, TAR_BLOCK_BYTES, err);
		if (got < 0)
			return (int)got;
		if (got < TAR_BLOCK_BYTES)
			return broken(err);
		size_t before = tar->map.count;
		rc = add_pairs(&tar->map, block, MORE_PAIRS, err);
		more = block[MORE_AT_MORE] != 0;
		if (rc == 0 && more && tar->map.count == before)
			return broken(err); /* empty blocks without end */
	}
	return rc;
}

int tar_map_check(const struct tar_map *map, int64_t size_bytes, int64_t data_bytes,
		  struct err *err)
{
	int64_t end = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < map->count; i++) {
		const struct tar_segment *part = &map->items[i];
		if (part->offset < end || part->offset > size_bytes ||
		    part->size > size_bytes - part->offset)
			return err_set(
				err, ERR_INVALID, EINVAL,
				"part %zu of the sparse map (%lld bytes at %lld) overlaps or "
				"passes the end at %lld",
				i, (long long)part->size, (long long)part->offset,
				(long long)size_bytes);
		end = part->offset + part->size;
		sum += part->size;
	}
	if (sum != data_bytes)
		return err_set(err, ERR_INVALID, EINVAL,
			       "the sparse map covers %lld bytes, the archive holds %lld",
			       (long long)sum, (long long)data_bytes);
	return 0;
}
