#include "image/tar_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "image/limits.h"

#define BLOCK 512

/* POSIX's ustar header, field by field. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char sum[8];
	char type;
	char link[100];
	char magic[8];
	char user[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};

void tar_writer_init(struct tar_writer *writer, int fd)
{
	*writer = (struct tar_writer){.fd = fd, .pax = BUF_INIT(TAR_PAX_BYTES_MAX)};
}

void tar_writer_done(struct tar_writer *writer)
{
	buf_done(&writer->pax);
}

void tar_writer_record(struct tar_writer *writer, const char *key, const void *value, size_t size)
{
	/* "LENGTH KEY=VALUE\n": the length counts its own digits. */
	size_t body = strlen(key) + size + 3;
	size_t len = body + 1;
	char digits[24];

	for (;;) {
		(void)snprintf(digits, sizeof(digits), "%zu", len);
		if (strlen(digits) + body == len)
			break;
		len = strlen(digits) + body;
	}
	buf_fmt(&writer->pax, "%s %s=", digits, key);
	buf_add(&writer->pax, value, size);
	buf_char(&writer->pax, '\n');
}

static int put(struct tar_writer *writer, const void *data, size_t size, struct err *err)
{
	int rc = fd_write_all(writer->fd, data, size);

	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write the tree") : 0;
}

int tar_writer_pad(struct tar_writer *writer, int64_t size, struct err *err)
{
	static const char zeros[BLOCK];

	return put(writer, zeros, (size_t)((BLOCK - size % BLOCK) % BLOCK), err);
}

int tar_writer_end(struct tar_writer *writer, struct err *err)
{
	static const char zeros[2 * BLOCK];

	return put(writer, zeros, sizeof(zeros), err);
}

/* Octal digits and a NUL, when they fit. */
static bool set_octal(char *field, size_t size, uint64_t value)
{
	char text[32];

	if (snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)value) >=
	    (int)size)
		return false;
	memcpy(field, text, size);
	return true;
}

static void set_sum(struct header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned int sum = 0;

	memset(header->sum, ' ', sizeof(header->sum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	(void)snprintf(header->sum, sizeof(header->sum), "%06o", sum & 0777777);
	header->sum[7] = ' ';
}

static void record_number(struct tar_writer *writer, const char *key, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	tar_writer_record(writer, key, text, strlen(text));
}

static void set_text(struct tar_writer *writer, char *field, size_t size, const char *key,
		     const char *text)
{
	size_t len = strlen(text);

	if (len > size)
		tar_writer_record(writer, key, text, len);
	memcpy(field, text, len < size ? len : size);
}

static void set_number(struct tar_writer *writer, char *field, size_t size, const char *key,
		       int64_t value)
{
	if (value < 0 || !set_octal(field, size, (uint64_t)value)) {
		record_number(writer, key, value);
		(void)set_octal(field, size, 0);
	}
}

static void set_mtime(struct tar_writer *writer, struct header *header, const struct stat *st)
{
	char text[48];

	if (st->st_mtim.tv_nsec == 0 || st->st_mtim.tv_sec < 0) {
		set_number(writer, header->mtime, sizeof(header->mtime), "mtime",
			   st->st_mtim.tv_sec);
		return;
	}
	(void)set_octal(header->mtime, sizeof(header->mtime), (uint64_t)st->st_mtim.tv_sec);
	(void)snprintf(text, sizeof(text), "%lld.%09ld", (long long)st->st_mtim.tv_sec,
		       st->st_mtim.tv_nsec);
	tar_writer_record(writer, "mtime", text, strlen(text));
}

/* The header that carries the records gathered so far. */
static int put_pax(struct tar_writer *writer, struct err *err)
{
	struct header header = {.name = "pax", .type = 'x'};

	int rc = buf_check(&writer->pax, "extended attributes", err);
	if (rc < 0 || writer->pax.len == 0)
		return rc;
	memcpy(header.magic, magic, sizeof(magic));
	(void)set_octal(header.mode, sizeof(header.mode), 0600);
	(void)set_octal(header.size, sizeof(header.size), writer->pax.len);
	set_sum(&header);
	rc = put(writer, &header, sizeof(header), err);
	if (rc == 0)
		rc = put(writer, writer->pax.data, writer->pax.len, err);
	if (rc == 0)
		rc = tar_writer_pad(writer, (int64_t)writer->pax.len, err);
	buf_clear(&writer->pax);
	return rc;
}

int tar_writer_entry(struct tar_writer *writer, const char *name, const char *link, char type,
		     const struct stat *st, struct err *err)
{
	struct header header = {.type = type};

	_Static_assert(sizeof(header) == BLOCK, "a tar header has 512 bytes");
	memcpy(header.magic, magic, sizeof(magic));
	set_text(writer, header.name, sizeof(header.name), "path", name);
	if (link != NULL)
		set_text(writer, header.link, sizeof(header.link), "linkpath", link);
	(void)set_octal(header.mode, sizeof(header.mode), st->st_mode & 07777);
	set_number(writer, header.uid, sizeof(header.uid), "uid", st->st_uid);
	set_number(writer, header.gid, sizeof(header.gid), "gid", st->st_gid);
	set_number(writer, header.size, sizeof(header.size), "size", type == '0' ? st->st_size : 0);
	set_mtime(writer, &header, st);
	if (type == '3' || type == '4') {
		/* Linux's numbers have 12 and 20 bits: seven digits hold them. */
		(void)set_octal(header.major, sizeof(header.major), major(st->st_rdev));
		(void)set_octal(header.minor, sizeof(header.minor), minor(st->st_rdev));
	}
	set_sum(&header);
	int rc = put_pax(writer, err);
	return rc < 0 ? rc : put(writer, &header, sizeof(header), err);
}
