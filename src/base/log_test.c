#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/test.h"

struct line {
	const char *level;
	const char *msg;
	const char *time;
};
static const struct json_field line_fields[] = {
	JSON_STRING_NEEDED(struct line, level, "level"),
	JSON_STRING_NEEDED(struct line, msg, "msg"),
	JSON_STRING_NEEDED(struct line, time, "time"),
};
static JSON_SHAPE(line_shape, struct line, line_fields);

/* What `message` becomes at `level`, read back from a pipe. */
static void write_one(struct log log, enum log_level level, const char *message, struct buf *out)
{
	struct err err;
	int pipes[2];

	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	log.fd = pipes[1];
	log_write(&log, level, "%s", message);
	(void)close(pipes[1]);
	CHECK_INT(fd_read_all(pipes[0], "pipe", out, &err), 0);
	(void)close(pipes[0]);
}

TEST(log_text_is_runcs)
{
	struct log log = {.level = LOG_LEVEL_INFO};
	BUF_AUTO(out, 65536);

	write_one(log, LOG_LEVEL_WARNING, "a \"b\"\\\n\tc\x01\xc3\xa9", &out);
	REQUIRE(out.len > 28);
	CHECK(memcmp(out.data, "time=\"2", 7) == 0);
	CHECK_INT(out.data[25], 'Z');
	CHECK_STR(out.data + 26, "\" level=warning msg=\"a \\\"b\\\"\\\\\\n\\tc\\x01\xc3\xa9\"\n");
}

TEST(log_json_is_json)
{
	struct log log = {.level = LOG_LEVEL_INFO, .format = LOG_FORMAT_JSON};
	struct line line;
	struct err err;
	BUF_AUTO(out, 65536);
	ARENA_AUTO(arena, 65536);

	write_one(log, LOG_LEVEL_ERROR, "a \"b\"\n\xff", &out);
	REQUIRE(json_parse(&line_shape, out.data, out.len, &arena, &line, &err) == 0);
	CHECK_STR(line.level, "error");
	CHECK_STR(line.msg, "a \"b\"\n\xef\xbf\xbd");
	CHECK_INT(strlen(line.time), 20);
	CHECK_INT(out.data[out.len - 1], '\n');
}

TEST(log_drops_what_is_above_its_level)
{
	struct log log = {.level = LOG_LEVEL_WARNING};
	BUF_AUTO(dropped, 65536);
	BUF_AUTO(kept, 65536);

	write_one(log, LOG_LEVEL_INFO, "x", &dropped);
	CHECK_INT(dropped.len, 0);
	write_one(log, LOG_LEVEL_WARNING, "x", &kept);
	CHECK(kept.len > 0);
}

TEST(log_cuts_long_messages)
{
	struct log log = {.format = LOG_FORMAT_JSON};
	static char message[2 * LOG_LINE_MAX];
	BUF_AUTO(out, 65536);

	memset(message, 1, sizeof(message) - 1);
	write_one(log, LOG_LEVEL_ERROR, message, &out);
	CHECK(out.len > 6 * (LOG_LINE_MAX - 1));
	CHECK_INT(out.data[out.len - 1], '\n');
}

TEST(log_error_writes_the_chain)
{
	struct log log = {.format = LOG_FORMAT_JSON};
	struct err err;
	int pipes[2];
	BUF_AUTO(out, 65536);

	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	log.fd = pipes[1];
	(void)err_set(&err, ERR_NOT_FOUND, ENOENT, "open '/x'");
	(void)err_wrap(&err, -1, "start");
	log_error(&log, &err);
	(void)close(pipes[1]);
	CHECK_INT(fd_read_all(pipes[0], "pipe", &out, &err), 0);
	(void)close(pipes[0]);
	CHECK(strstr(out.data, "\"msg\":\"start: open '/x': No such file or directory\"") != NULL);
}

TEST(log_formats_have_names)
{
	enum log_format format = LOG_FORMAT_TEXT;
	struct err err;

	CHECK_INT(log_format_parse("json", &format, &err), 0);
	CHECK_INT(format, LOG_FORMAT_JSON);
	CHECK_INT(log_format_parse("text", &format, &err), 0);
	CHECK_INT(format, LOG_FORMAT_TEXT);
	CHECK(log_format_parse("xml", &format, &err) < 0);
}

TESTS(T(log_text_is_runcs), T(log_json_is_json), T(log_drops_what_is_above_its_level),
      T(log_cuts_long_messages), T(log_error_writes_the_chain), T(log_formats_have_names))
