#include "runtime/command/ps_table.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

/* Word n (from 0) of a line that ends at `end`; its length, 0 when there is none. */
static size_t ps_word(const char *line, const char *end, size_t n, const char **ret_word)
{
	for (;; n--) {
		line += strspn(line, BLANKS);
		size_t len = strcspn(line, BLANKS "\n");
		if (line + len > end)
			len = line < end ? (size_t)(end - line) : 0;
		*ret_word = line;
		if (n == 0 || len == 0)
			return len;
		line += len;
	}
}

static int ps_find_column(const char *line, const char *end, size_t *ret_column, struct err *err)
{
	const char *word;
	size_t len;

	for (size_t i = 0; (len = ps_word(line, end, i, &word)) > 0; i++)
		if (len == 3 && memcmp(word, "PID", 3) == 0) {
			*ret_column = i;
			return 0;
		}
	return err_set(err, ERR_INVALID, 0,
		       "the output of ps has no column PID: choose options that show it");
}

static int ps_pid_of_line(const char *line, const char *end, size_t column, pid_t *ret_pid,
			  struct err *err)
{
	const char *word;
	char *stop = NULL;
	size_t len = ps_word(line, end, column, &word);
	long number = len > 0 ? strtol(word, &stop, 10) : 0;

	if (len == 0 || stop != word + len || number <= 0 || number > 1L << 30)
		return err_set(err, ERR_INVALID, 0,
			       "the output of ps has no number in column %zu of '%.*s'", column + 1,
			       (int)(end - line), line);
	*ret_pid = (pid_t)number;
	return 0;
}

static bool ps_has(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

int ps_table_filter(const char *text, const pid_t *pids, size_t count, struct buf *out,
		    struct err *err)
{
	const char *end = text + strcspn(text, "\n");
	size_t column = 0;
	pid_t pid = 0;
	int rc = ps_find_column(text, end, &column, err);

	if (rc < 0)
		return rc;
	buf_fmt(out, "%.*s\n", (int)(end - text), text);
	while (*end == '\n') {
		const char *line = end + 1;
		end = line + strcspn(line, "\n");
		if (end == line)
			continue;
		rc = ps_pid_of_line(line, end, column, &pid, err);
		if (rc < 0)
			return rc;
		if (ps_has(pids, count, pid))
			buf_fmt(out, "%.*s\n", (int)(end - line), line);
	}
	return 0;
}
