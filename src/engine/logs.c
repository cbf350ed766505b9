#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "monitor/wire/config.h"
#include "monitor/wire/logline.h"

#define FOLLOW_STEP_MS 50
#define CHUNK_BYTES    65536

struct reader {
	const struct engine_logs *request;
	int data_fd;
	struct buf line;  /* the part of a record read so far */
	struct buf text;  /* a record's output */
	int64_t skip;     /* lines still to be skipped for --tail */
	bool mid_line[2]; /* the last record of the stream had no newline */
	bool skipping[2]; /* the stream's line is one that --tail leaves out */
	bool out_gone;    /* nobody reads any more */
};

static bool wanted(const struct reader *r, const struct logline *line)
{
	return (r->request->since_ns == 0 || line->time_ns >= r->request->since_ns) &&
	       (r->request->until_ns == 0 || line->time_ns <= r->request->until_ns);
}

/* Decodes the record in r->line. True when it is one that the request wants. */
static bool decode(struct reader *r, struct logline *line)
{
	struct err ignored;

	buf_clear(&r->text);
	return logline_decode(r->line.data, r->line.len, line, &r->text, &ignored) == 0 &&
	       wanted(r, line);
}

static size_t stream_of(const struct logline *line)
{
	return line->stream == LOGLINE_STDOUT ? 0 : 1;
}

/* Whether the record begins a line of its stream; an unfinished last line counts as one. */
static bool begins_line(struct reader *r, const struct logline *line)
{
	size_t stream = stream_of(line);
	bool begins = !r->mid_line[stream];

	r->mid_line[stream] = r->text.len > 0 && r->text.data[r->text.len - 1] != '\n';
	return begins;
}

static void show(struct reader *r, const struct logline *line, bool begins)
{
	size_t stream = stream_of(line);
	char stamp[LOGLINE_TIME_SIZE + 1];

	if (r->request->timestamps && begins) {
		logline_time_format(line->time_ns, stamp);
		size_t len = strlen(stamp);
		stamp[len] = ' ';
		if (fd_write_all(stream == 0 ? STDOUT_FILENO : STDERR_FILENO, stamp, len + 1) < 0)
			r->out_gone = true;
	}
	if (r->text.len > 0 && fd_write_all(stream == 0 ? STDOUT_FILENO : STDERR_FILENO,
					    r->text.data, r->text.len) < 0)
		r->out_gone = true;
}

typedef void record_fn(struct reader *r, void *arg);

static void show_record(struct reader *r, void *arg)
{
	struct logline line;

	(void)arg;
	if (!decode(r, &line))
		return;
	bool begins = begins_line(r, &line);
	size_t stream = stream_of(&line);
	if (begins) {
		r->skipping[stream] = r->skip > 0;
		r->skip -= r->skip > 0;
	}
	if (!r->skipping[stream])
		show(r, &line, begins);
}

static void count_record(struct reader *r, void *arg)
{
	struct logline line;
	int64_t *count = arg;

	if (decode(r, &line) && begins_line(r, &line))
		++*count;
}

/* Feeds whole records of fd, from where it stands to its end, to fn. A torn last one stays in r->line. */
static int read_records(struct reader *r, int fd, record_fn *fn, void *arg, struct err *err)
{
	char chunk[CHUNK_BYTES];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "read the log");
		if (n == 0 || r->out_gone)
			return 0;
		for (const char *at = chunk; at < chunk + n;) {
			size_t left = (size_t)(chunk + n - at);
			const char *newline = memchr(at, '\n', left);
			size_t len = newline != NULL ? (size_t)(newline - at) + 1 : left;
			buf_add(&r->line, at, len);
			at += len;
			if (newline == NULL)
				break;
			if (!r->line.failed)
				fn(r, arg);
			buf_done(&r->line);
			r->line = BUF_INIT(LOGLINE_ENCODED_MAX);
		}
	}
}

static int open_log(struct reader *r, unsigned number)
{
	char name[24] = MONITOR_LOG;

	if (number > 0)
		(void)snprintf(name, sizeof(name), MONITOR_LOG ".%u", number);
	return openat(r->data_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* All files, the oldest first; the newest stays open in *ret_fd, FD_NONE when there is none. */
static int read_all(struct reader *r, record_fn *fn, void *arg, int *ret_fd, struct err *err)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < MONITOR_LOG_FILES_MAX; i++) {
		auto_fd fd = open_log(r, i);
		if (fd < 0)
			break;
		oldest = i;
	}
	for (unsigned i = oldest;; i--) {
		auto_fd fd = open_log(r, i);
		int rc = fd >= 0 ? read_records(r, fd, fn, arg, err) : 0;
		if (rc < 0)
			return rc;
		if (i > 0)
			continue;
		if (ret_fd != NULL)
			*ret_fd = fd_take(&fd);
		return 0;
	}
}

/* True when the file behind fd is no longer the current one: the monitor began a new one. */
static bool rotated(const struct reader *r, int fd)
{
	struct stat ours, now;

	return fstat(fd, &ours) == 0 &&
	       fstatat(r->data_fd, MONITOR_LOG, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (ours.st_ino != now.st_ino || ours.st_dev != now.st_dev);
}

static int follow(struct reader *r, struct engine *engine, const struct engine_container *container,
		  int fd, struct err *err)
{
	struct engine_container now = *container;
	auto_fd current = fd;

	memset(r->skipping, 0, sizeof(r->skipping));
	for (;;) {
		ARENA_AUTO(arena, 8 * 1024 * 1024);
		/* The state is read before the log, so that nothing written before the end is missed. */
		int rc = fold_state(engine, &now, &arena, err);
		bool moved = current >= 0 && rotated(r, current);
		if (rc == 0 && current >= 0)
			rc = read_records(r, current, show_record, NULL, err);
		if (rc < 0 || r->out_gone)
			return rc;
		if (moved || current < 0) {
			fd_closep(&current);
			current = open_log(r, 0);
			if (moved)
				continue;
		}
		if (now.status != ENGINE_RUNNING)
			return 0;
		struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};
		if (poll(&out, 1, FOLLOW_STEP_MS) > 0 && (out.revents & POLLERR) != 0)
			return 0;
	}
}

int engine_container_logs(struct engine *engine, const struct engine_container *container,
			  const struct engine_logs *request, struct err *err)
{
	struct reader r = {.request = request,
			   .line = BUF_INIT(LOGLINE_ENCODED_MAX),
			   .text = BUF_INIT(LOGLINE_MAX + 1)};
	int64_t count = 0;
	auto_fd current = FD_NONE;
	auto_fd data = paths_open_data(engine, container->id, err);
	int rc = 0;

	if (container->options.log_driver != NULL &&
	    strcmp(container->options.log_driver, "none") == 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "configured logging driver does not support reading");
	if (data < 0)
		return err->kind == ERR_NOT_FOUND ? 0 : data;
	r.data_fd = data;
	if (request->tail >= 0) {
		rc = read_all(&r, count_record, &count, NULL, err);
		r.skip = count > request->tail ? count - request->tail : 0;
		memset(r.mid_line, 0, sizeof(r.mid_line));
	}
	if (rc == 0)
		rc = read_all(&r, show_record, NULL, &current, err);
	if (rc == 0 && request->follow && !r.out_gone)
		rc = follow(&r, engine, container, fd_take(&current), err);
	buf_done(&r.line);
	buf_done(&r.text);
	return rc;
}
