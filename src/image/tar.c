#include "image/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/tar_internal.h"

/* Offsets in a header block. */
enum {
	AT_NAME = 0,
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_MTIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_LINK = 157,
	AT_MAGIC = 257,
	AT_MAJOR = 329,
	AT_MINOR = 337,
	AT_PREFIX = 345,
	AT_OLD_SPARSE_SIZE = 483,
};

void tar_init(struct tar *tar, struct stream *from)
{
	*tar = (struct tar){.from = from,
			    .pax = {.text = BUF_INIT(TAR_PAX_BYTES_MAX)},
			    .long_name = BUF_INIT(TAR_LONG_NAME_MAX),
			    .long_link = BUF_INIT(TAR_LONG_NAME_MAX)};
}

void tar_done(struct tar *tar)
{
	buf_done(&tar->pax.text);
	buf_done(&tar->long_name);
	buf_done(&tar->long_link);
	free(tar->map.items);
	tar->map = (struct tar_map){0};
}

static int64_t base256(const uint8_t *field, size_t size, bool *ret_valid)
{
	bool negative = (field[0] & 0x40) != 0;
	uint64_t value = negative ? ~(uint64_t)0 : 0;

	for (size_t i = 0; i < size; i++) {
		uint8_t byte =
			i == 0 ? (uint8_t)((field[0] & 0x7f) | (negative ? 0x80 : 0)) : field[i];
		uint64_t top = value >> 55;
		if (top != 0 && top != 0x1ff)
			*ret_valid = false; /* more than 63 bits */
		value = value << 8 | byte;
	}
	if ((value >> 63 != 0) != negative)
		*ret_valid = false;
	return (int64_t)value;
}

int64_t tar_number(const uint8_t *field, size_t size, bool negative_allowed, bool *ret_valid)
{
	int64_t value = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		value = base256(field, size, ret_valid);
		if (value < 0 && !negative_allowed)
			*ret_valid = false;
		return value;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (field[i] - '0'); /* 12 digits at most: no overflow */
	if (i < size && field[i] != ' ' && field[i] != '\0')
		*ret_valid = false;
	return value;
}

static int invalid(const struct tar *tar, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "tar header before byte %lld: %s",
		       (long long)tar->from->taken, why);
}

static bool all_zero(const uint8_t *block)
{
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
		if (block[i] != 0)
			return false;
	}
	return true;
}

/* The sum of the block with its own field as spaces; old archivers summed signed bytes. */
static bool sum_matches(const uint8_t *block)
{
	bool valid = true;
	int64_t want = tar_number(block + AT_SUM, 8, false, &valid);
	int64_t plain = 0, with_sign = 0;

	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
		uint8_t byte = i >= AT_SUM && i < AT_SUM + 8 ? ' ' : block[i];
		plain += byte;
		with_sign += (int8_t)byte;
	}
	return valid && (want == plain || want == with_sign);
}

/* 1: a header; 0: the end. The end is two blocks of zeros, or where the bytes stop between entries. */
static int read_header(struct tar *tar, uint8_t block[TAR_BLOCK_BYTES], struct err *err)
{
	ssize_t got = stream_read(tar->from, block, TAR_BLOCK_BYTES, err);

	if (got < 0)
		return (int)got;
	if (got == 0)
		return 0;
	if (got < TAR_BLOCK_BYTES)
		return invalid(tar, "it is cut", err);
	if (all_zero(block)) {
		got = stream_read(tar->from, block, TAR_BLOCK_BYTES, err);
		if (got < 0)
			return (int)got;
		if (got == 0 || (got == TAR_BLOCK_BYTES && all_zero(block)))
			return 0;
		return invalid(tar, "a single block of zeros", err);
	}
	if (!sum_matches(block))
		return invalid(tar, "its checksum is wrong, or this is no tar archive", err);
	return 1;
}

static int64_t padding(int64_t size)
{
	return (TAR_BLOCK_BYTES - size % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
}

static int skip(struct tar *tar, int64_t size, struct err *err)
{
	int64_t got = stream_skip(tar->from, size, err);

	if (got < 0)
		return (int)got;
	if (got < size)
		return invalid(tar, "the archive is cut", err);
	return 0;
}

int tar_read_extension(struct tar *tar, int64_t size, struct buf *out, struct err *err)
{
	buf_clear(out);
	if (size > (int64_t)out->max)
		return invalid(tar, "an extension header or a name is too long", err);
	char *to = buf_reserve(out, (size_t)size);
	if (to == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read a tar header");
	ssize_t got = stream_read(tar->from, to, (size_t)size, err);
	if (got < 0)
		return (int)got;
	if (got < size)
		return invalid(tar, "the archive is cut", err);
	out->len = (size_t)size;
	to[size] = '\0';
	return skip(tar, padding(size), err);
}

/* A fixed field that need not end with NUL. */
static void copy_field(char *to, const uint8_t *field, size_t size)
{
	size_t len = strnlen((const char *)field, size);

	memcpy(to, field, len);
	to[len] = '\0';
}

static void header_name(struct tar *tar, const uint8_t *block)
{
	char prefix[156] = "";
	char name[101];
	size_t len = 0;

	/* GNU's magic is "ustar  ": there the prefix is no prefix. */
	if (memcmp(block + AT_MAGIC, "ustar\0", 6) == 0)
		copy_field(prefix, block + AT_PREFIX, 155);
	copy_field(name, block + AT_NAME, 100);
	if (prefix[0] != '\0') {
		len = strlen(prefix);
		memcpy(tar->name, prefix, len);
		tar->name[len++] = '/';
	}
	memcpy(tar->name + len, name, strlen(name) + 1);
}

static int set_name(struct tar *tar, const uint8_t *block, struct err *err)
{
	struct tar_entry *entry = &tar->entry;

	header_name(tar, block);
	copy_field(tar->link, block + AT_LINK, 100);
	entry->name = tar->long_name.len > 0 ? tar->long_name.data : tar->name;
	entry->link = tar->long_link.len > 0 ? tar->long_link.data : tar->link;
	if (tar->pax.path != NULL)
		entry->name = tar->pax.path;
	if (tar->pax.sparse_name != NULL)
		entry->name = tar->pax.sparse_name;
	if (tar->pax.link != NULL)
		entry->link = tar->pax.link;
	if (entry->name[0] == '\0')
		return invalid(tar, "an entry without a name", err);
	if (strlen(entry->name) > TAR_PATH_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG,
			       "entry '%.100s...': its name is longer "
			       "than %d bytes",
			       entry->name, TAR_PATH_MAX);
	if (strlen(entry->link) > TAR_PATH_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG,
			       "entry '%.200s': its link is longer "
			       "than %d bytes",
			       entry->name, TAR_PATH_MAX);
	return 0;
}

static int refuse(const struct tar *tar, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, EINVAL, "entry '%.300s': %s", tar->entry.name, why);
}

static int set_numbers(struct tar *tar, const uint8_t *block, int64_t size, struct err *err)
{
	struct tar_entry *entry = &tar->entry;
	const struct tar_pax *pax = &tar->pax;
	bool valid = true;

	entry->mode = (uint32_t)tar_number(block + AT_MODE, 8, false, &valid) & 07777;
	int64_t uid = tar_number(block + AT_UID, 8, false, &valid);
	int64_t gid = tar_number(block + AT_GID, 8, false, &valid);
	entry->mtime = (struct timespec){tar_number(block + AT_MTIME, 12, true, &valid), 0};
	if (!valid)
		return refuse(tar, "its mode, owner or time is not a number", err);
	uid = pax->uid >= 0 ? pax->uid : uid;
	gid = pax->gid >= 0 ? pax->gid : gid;
	/* The highest id means "leave as it is" to the kernel, and one above would wrap to root. */
	if (uid >= UINT32_MAX || gid >= UINT32_MAX)
		return refuse(tar, "its owner is out of range", err);
	entry->uid = (uint32_t)uid;
	entry->gid = (uint32_t)gid;
	if (pax->has_mtime)
		entry->mtime = pax->mtime;
	if (entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK) {
		int64_t major = tar_number(block + AT_MAJOR, 8, false, &valid);
		int64_t minor = tar_number(block + AT_MINOR, 8, false, &valid);
		if (!valid || major > UINT32_MAX || minor > UINT32_MAX)
			return refuse(tar, "its device number is out of range", err);
		entry->major = (uint32_t)major;
		entry->minor = (uint32_t)minor;
	}
	entry->size_bytes = entry->type == TAR_FILE ? size : 0;
	return 0;
}

static int set_type(struct tar *tar, uint8_t flag, struct err *err)
{
	struct tar_entry *entry = &tar->entry;
	size_t len = strlen(entry->name);

	switch (flag) {
	case '\0':
	case '0':
	case '7':
	case 'S':
		/* Before ustar, a slash at the end made a folder. */
		entry->type = flag != 'S' && entry->name[len - 1] == '/' ? TAR_FOLDER : TAR_FILE;
		return 0;
	case '1':
		entry->type = TAR_HARDLINK;
		return 0;
	case '2':
		entry->type = TAR_SYMLINK;
		return 0;
	case '3':
		entry->type = TAR_CHARACTER;
		return 0;
	case '4':
		entry->type = TAR_BLOCK;
		return 0;
	case '5':
		entry->type = TAR_FOLDER;
		return 0;
	case '6':
		entry->type = TAR_FIFO;
		return 0;
	default:
		return err_set(err, ERR_UNSUPPORTED, 0, "entry '%.300s': unknown type 0x%02x",
			       entry->name, flag);
	}
}

static int set_sparse(struct tar *tar, const uint8_t *block, struct err *err)
{
	struct tar_entry *entry = &tar->entry;
	int rc = 0;

	if (entry->type != TAR_FILE)
		return refuse(tar, "only files can be sparse", err);
	if (block[AT_TYPE] == 'S') {
		bool valid = true;
		entry->size_bytes = tar_number(block + AT_OLD_SPARSE_SIZE, 12, false, &valid);
		rc = valid ? tar_map_read_old(tar, block, err)
			   : refuse(tar, "its size is not a number", err);
	} else {
		if (tar->pax.sparse_size < 0)
			return refuse(tar, "a sparse file without its size", err);
		entry->size_bytes = tar->pax.sparse_size;
		if (tar->pax.sparse_major == 1 && tar->pax.sparse_minor == 0)
			rc = tar_map_read(tar, err);
		else if (tar->pax.sparse_major > 0 || tar->pax.sparse_minor > 1)
			rc = refuse(tar, "an unknown form of sparse file", err);
	}
	if (rc == 0)
		rc = tar_map_check(&tar->map, entry->size_bytes, tar->data_left, err);
	if (rc < 0)
		return err_wrap(err, rc, "entry '%.200s'", entry->name);
	entry->sparse = true;
	entry->segments = tar->map.items;
	entry->segment_count = tar->map.count;
	return 0;
}

static int set_entry(struct tar *tar, const uint8_t *block, int64_t size, struct err *err)
{
	struct tar_entry *entry = &tar->entry;

	*entry = (struct tar_entry){0};
	if (tar->pax.size >= 0)
		size = tar->pax.size;
	int rc = set_name(tar, block, err);
	if (rc == 0)
		rc = set_type(tar, block[AT_TYPE], err);
	if (rc == 0)
		rc = set_numbers(tar, block, size, err);
	if (rc < 0)
		return rc;
	/* Links, folders and devices have no data, whatever their size says: so reads Go's package too. */
	tar->data_left = entry->type == TAR_FILE ? size : 0;
	tar->padding_left = padding(tar->data_left);
	entry->xattr_count = tar->pax.xattr_count;
	memcpy(entry->xattrs, tar->pax.xattrs, tar->pax.xattr_count * sizeof(entry->xattrs[0]));
	if (block[AT_TYPE] == 'S' || tar->pax.sparse)
		return set_sparse(tar, block, err);
	return 0;
}

/* Headers that describe the next entry. 1: it was one; 0: it is an entry. */
static int read_extension(struct tar *tar, const uint8_t *block, int64_t size, struct err *err)
{
	int rc;

	switch (block[AT_TYPE]) {
	case 'x':
		tar_pax_reset(&tar->pax);
		tar->map.count = 0;
		rc = tar_read_extension(tar, size, &tar->pax.text, err);
		if (rc == 0)
			rc = tar_pax_parse(&tar->pax, &tar->map, err);
		break;
	case 'g': /* defaults for all entries: comments in practice, and trusted by nobody */
	case 'V':
		if (size > (int64_t)TAR_PAX_BYTES_MAX)
			return invalid(tar, "an extension header is too long", err);
		rc = skip(tar, size + padding(size), err);
		break;
	case 'L':
		rc = tar_read_extension(tar, size, &tar->long_name, err);
		break;
	case 'K':
		rc = tar_read_extension(tar, size, &tar->long_link, err);
		break;
	default:
		return 0;
	}
	return rc < 0 ? rc : 1;
}

int tar_next(struct tar *tar, struct err *err)
{
	uint8_t block[TAR_BLOCK_BYTES];

	int rc = skip(tar, tar->data_left, err);
	if (rc == 0)
		rc = skip(tar, tar->padding_left, err);
	if (rc < 0)
		return tar->entry.name ? err_wrap(err, rc, "entry '%.200s'", tar->entry.name) : rc;
	tar->data_left = tar->padding_left = 0;
	tar_pax_reset(&tar->pax);
	buf_clear(&tar->long_name);
	buf_clear(&tar->long_link);
	tar->map.count = 0;
	for (int i = 0; i < TAR_EXTENSIONS_MAX; i++) {
		rc = read_header(tar, block, err);
		if (rc <= 0)
			return rc;
		bool valid = true;
		int64_t size = tar_number(block + AT_SIZE, 12, false, &valid);
		if (!valid)
			return invalid(tar, "its size is not a number", err);
		rc = read_extension(tar, block, size, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			continue;
		if (++tar->entries > IMAGE_ENTRIES_MAX)
			return invalid(tar, "too many entries", err);
		rc = set_entry(tar, block, size, err);
		return rc < 0 ? rc : 1;
	}
	return invalid(tar, "too many extension headers in a row", err);
}

int tar_peek(struct tar *tar, const uint8_t **ret_at, size_t *ret_size, struct err *err)
{
	if (tar->data_left == 0)
		return 0;
	int rc = stream_peek(tar->from, err);
	if (rc == 0)
		rc = invalid(tar, "the archive is cut", err);
	if (rc < 0)
		return err_wrap(err, rc, "entry '%.200s'", tar->entry.name);
	*ret_at = tar->from->at;
	*ret_size =
		tar->data_left < (int64_t)tar->from->len ? (size_t)tar->data_left : tar->from->len;
	return 1;
}

void tar_take(struct tar *tar, size_t size)
{
	stream_take(tar->from, size);
	tar->data_left -= (int64_t)size;
}
