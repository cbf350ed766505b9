#include "monitor/wire/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define MESSAGE_MAX  2048
#define CHECKSUM_LEN 8 /* hex digits; a blank follows */

static const char *const type_names[] = {"none",   "created", "started",   "failed",
					 "exited", "removed", "restarted", NULL};

static const struct json_field record_fields[] = {
	JSON_ENUM(struct journal_record, type, "type", type_names),
	JSON_INT64(struct journal_record, time_ns, "time"),
	JSON_INT32(struct journal_record, pid, "pid"),
	JSON_UINT64(struct journal_record, pid_start_ticks, "pidStart"),
	JSON_STRING(struct journal_record, boot_id, "bootId"),
	JSON_INT32(struct journal_record, exit_code, "exitCode"),
	JSON_INT32(struct journal_record, signal, "signal"),
	JSON_BOOL(struct journal_record, oom, "oom"),
	JSON_UINT64(struct journal_record, log_lost_bytes, "logLost"),
	JSON_UINT32(struct journal_record, restarts, "restarts"),
	JSON_STRING(struct journal_record, message, "message"),
};

static JSON_SHAPE(record_shape, struct journal_record, record_fields);

/* CRC-32C bit by bit: records are short and few. */
static uint32_t crc32c(const char *data, size_t size)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= (uint8_t)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

void journal_encode(const struct journal_record *record, struct buf *out)
{
	struct journal_record cut = *record;
	char message[MESSAGE_MAX];
	BUF_AUTO(json, JOURNAL_RECORD_MAX - CHECKSUM_LEN - 2);

	if (record->message != NULL && strlen(record->message) >= sizeof(message)) {
		memcpy(message, record->message, sizeof(message) - 1);
		message[sizeof(message) - 1] = '\0';
		cut.message = message;
	}
	json_write(&record_shape, &cut, JSON_COMPACT, &json);
	if (json.failed) {
		/* Escapes have blown the message up: the facts matter more. */
		buf_clear(&json);
		cut.message = "(a message too long to record)";
		json_write(&record_shape, &cut, JSON_COMPACT, &json);
	}
	if (json.failed || json.data == NULL) {
		out->failed = true;
		return;
	}
	buf_fmt(out, "%08x ", crc32c(json.data, json.len));
	buf_add(out, json.data, json.len);
	buf_char(out, '\n');
}

/* Whether the file's last line lacks its end. */
static bool journal_torn(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

int journal_append_at(int dirfd, const char *name, const struct journal_record *record, bool sync,
		      struct err *err)
{
	BUF_AUTO(line, JOURNAL_RECORD_MAX + 1);
	auto_fd fd =
		openat(dirfd, name,
		       O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return err_errno(err, "open the journal '%s'", name);
	if (journal_torn(fd))
		buf_char(&line, '\n');
	journal_encode(record, &line);
	int rc = buf_check(&line, "journal record", err);
	if (rc < 0)
		return rc;
	rc = fd_write_all(fd, line.data, line.len);
	if (rc == 0 && sync && fdatasync(fd) < 0)
		rc = -errno;
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "append to the journal '%s'", name);
	}
	return 0;
}

static bool take_checksum(const char *line, size_t len, uint32_t *ret_crc)
{
	uint32_t crc = 0;

	if (len < CHECKSUM_LEN + 2 || line[CHECKSUM_LEN] != ' ')
		return false;
	for (size_t i = 0; i < CHECKSUM_LEN; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = line[i] == '\0' ? NULL : strchr(digits, line[i]);
		if (digit == NULL)
			return false;
		crc = crc << 4 | (uint32_t)(digit - digits);
	}
	*ret_crc = crc;
	return true;
}

static bool line_parse(const char *line, size_t len, struct arena *arena,
		       struct journal_record *record)
{
	struct err ignored;
	uint32_t crc;

	if (len > JOURNAL_RECORD_MAX || !take_checksum(line, len, &crc))
		return false;
	line += CHECKSUM_LEN + 1;
	len -= CHECKSUM_LEN + 1;
	return crc32c(line, len) == crc &&
	       json_parse(&record_shape, line, len, arena, record, &ignored) == 0 &&
	       record->type != JOURNAL_NONE;
}

int journal_next(struct journal_reader *reader, struct arena *arena,
		 struct journal_record *ret_record)
{
	while (reader->at < reader->len) {
		const char *line = reader->text + reader->at;
		size_t left = reader->len - reader->at;
		const char *end = memchr(line, '\n', left);
		size_t len = end == NULL ? left : (size_t)(end - line);

		reader->at += end == NULL ? len : len + 1;
		/* A last line without its newline is still being written, or torn. */
		if (end != NULL && line_parse(line, len, arena, ret_record))
			return 1;
		reader->skipped++;
	}
	return 0;
}
