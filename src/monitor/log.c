#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "monitor/wire/config.h"

#define OUT_FULL 32768 /* bytes after which records are written at once */
#define KEEP_CAP 65536 /* a buffer that has grown beyond it is given back */

static int log_reopen(struct log *log, struct err *err)
{
	struct stat st;
	auto_fd fd =
		openat(log->dirfd, MONITOR_LOG,
		       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return err_errno(err, "open the log '%s'", MONITOR_LOG);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at the log '%s'", MONITOR_LOG);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, ERR_DENIED, 0,
			       "the log '%s' is not a regular file of its own; remove it",
			       MONITOR_LOG);
	log->size_bytes = (uint64_t)st.st_size;
	fd_closep(&log->fd);
	log->fd = fd_take(&fd);
	return 0;
}

int log_open(struct log *ret_log, int dirfd, uint64_t max_bytes, unsigned files, struct err *err)
{
	memset(ret_log, 0, sizeof(*ret_log));
	ret_log->dirfd = dirfd;
	ret_log->fd = FD_NONE;
	ret_log->max_bytes = max_bytes;
	ret_log->files = files;
	ret_log->partial[0] = BUF_INIT(LOGLINE_MAX);
	ret_log->partial[1] = BUF_INIT(LOGLINE_MAX);
	ret_log->out = BUF_INIT(OUT_FULL + LOGLINE_ENCODED_MAX);
	return log_reopen(ret_log, err);
}

static const char *file_name(unsigned number, char buf[32])
{
	(void)snprintf(buf, 32, number == 0 ? "%s" : "%s.%u", MONITOR_LOG, number);
	return buf;
}

/* Failing to rename loses old records, not new ones. */
static void log_rotate(struct log *log)
{
	char from[32], to[32];
	struct err ignored;

	if (log->files == 1)
		(void)unlinkat(log->dirfd, MONITOR_LOG, 0);
	for (unsigned i = log->files - 1; i > 0; i--)
		(void)renameat(log->dirfd, file_name(i - 1, from), log->dirfd, file_name(i, to));
	fd_closep(&log->fd);
	(void)log_reopen(log, &ignored);
}

/* Writes all of `out`, or takes a half-written record back. */
static bool log_put(struct log *log)
{
	ssize_t done = write(log->fd, log->out.data, log->out.len);

	if (done == (ssize_t)log->out.len) {
		log->size_bytes += (uint64_t)done;
		return true;
	}
	if (done > 0 && ftruncate(log->fd, (off_t)log->size_bytes) < 0)
		log->size_bytes += (uint64_t)done;
	return false;
}

static void buf_give_back(struct buf *buf)
{
	if (buf->cap > KEEP_CAP)
		buf_done(buf);
	buf_clear(buf);
}

static void log_flush(struct log *log)
{
	struct err ignored;

	if (log->out.len == 0)
		return;
	if (log->size_bytes > 0 && log->size_bytes + log->out.len > log->max_bytes)
		log_rotate(log);
	else if (log->fd < 0)
		(void)log_reopen(log, &ignored);
	if (log->out.failed || log->fd < 0 || !log_put(log)) {
		log->lost_bytes += log->out_bytes;
		log->untold_bytes += log->out_bytes;
	}
	log->out_bytes = 0;
	buf_give_back(&log->out);
}

static void log_tell_loss(struct log *log, int64_t time_ns)
{
	struct logline line = {LOGLINE_CORTEN, time_ns};
	char text[96];

	log_flush(log);
	int len = snprintf(text, sizeof(text), "%llu bytes of output could not be logged\n",
			   (unsigned long long)log->untold_bytes);
	uint64_t before = log->lost_bytes, told = log->untold_bytes;
	log->out_bytes = 1; /* so that a failure shows */
	logline_encode(&line, text, (size_t)len, &log->out);
	log_flush(log);
	if (log->lost_bytes == before) {
		log->untold_bytes -= told;
		return;
	}
	log->lost_bytes--;
	log->untold_bytes--;
}

static void log_record(struct log *log, const struct logline *line, const char *text, size_t size)
{
	if (log->untold_bytes > 0)
		log_tell_loss(log, line->time_ns);
	logline_encode(line, text, size, &log->out);
	log->out_bytes += size;
	if (log->out.len >= OUT_FULL || log->out.failed)
		log_flush(log);
}

/* How many of size bytes to cut off, so that no UTF-8 sequence is split. */
static size_t cut_point(const char *text, size_t size)
{
	size_t at = size;

	while (at > 0 && size - at < 4 && ((uint8_t)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && (uint8_t)text[at - 1] >= 0xc0)
		at--;
	return at == 0 || size - at > 3 ? size : at;
}

/* A line that has grown to the maximum: all but a split character of it becomes a record. */
static void log_split(struct log *log, const struct logline *line, struct buf *partial)
{
	size_t cut = cut_point(partial->data, partial->len);

	log_record(log, line, partial->data, cut);
	memmove(partial->data, partial->data + cut, partial->len - cut);
	partial->len -= cut;
}

/* Adds to the line in the making. */
static void log_keep(struct log *log, const struct logline *line, const char *data, size_t size)
{
	struct buf *partial = &log->partial[line->stream];

	while (size > 0) {
		if (partial->len == LOGLINE_MAX)
			log_split(log, line, partial);
		size_t room = LOGLINE_MAX - partial->len, now = size < room ? size : room;
		buf_add(partial, data, now);
		if (partial->failed) {
			/* out of memory */
			log->lost_bytes += partial->len + size;
			log->untold_bytes += partial->len + size;
			buf_done(partial);
			buf_clear(partial);
			return;
		}
		data += now;
		size -= now;
	}
}

void log_write(struct log *log, enum logline_stream stream, const char *data, size_t size,
	       int64_t time_ns)
{
	struct logline line = {stream, time_ns};
	struct buf *partial = &log->partial[stream];

	while (size > 0) {
		const char *newline = memchr(data, '\n', size);
		if (newline == NULL) {
			log_keep(log, &line, data, size);
			break;
		}
		size_t len = (size_t)(newline - data) + 1;
		if (partial->len == 0) {
			log_record(log, &line, data, len);
		} else {
			log_keep(log, &line, data, len);
			log_record(log, &line, partial->data, partial->len);
			buf_give_back(partial);
		}
		data += len;
		size -= len;
	}
	log_flush(log);
}

void log_close(struct log *log, int64_t time_ns)
{
	for (int stream = LOGLINE_STDOUT; stream <= LOGLINE_STDERR; stream++) {
		struct logline line = {(enum logline_stream)stream, time_ns};
		if (log->partial[stream].len > 0)
			log_record(log, &line, log->partial[stream].data, log->partial[stream].len);
		buf_done(&log->partial[stream]);
	}
	if (log->untold_bytes > 0)
		log_tell_loss(log, time_ns);
	log_flush(log);
	buf_done(&log->out);
	fd_closep(&log->fd);
}
