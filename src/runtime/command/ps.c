/* The host's ps(1), less what is not the container's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/str.h"
#include "runtime/command/command.h"
#include "runtime/command/ps_table.h"
#include "runtime/control.h"

#define PS_PIDS_MAX   65536
#define PS_OUTPUT_MAX ((size_t)64 << 20)
#define PS_WORDS_MAX  64

struct ps_values {
	bool help;
	const char *format;
};

static const struct option options[] = {
	OPTION_HELP(struct ps_values),
	OPTION_ROW(struct ps_values, format, "format", 'f', OPTION_STRING, "table|json",
		   "table: the host's ps; json: an array of pids (default table)"),
};

/* Runs the first ps that PATH leads to. */
static int ps_spawn(const char *const *argv, const struct process_fd *fds, int *ret_pidfd,
		    struct err *err)
{
	const char *dirs = getenv("PATH");
	char path[PATH_LENGTH_MAX];

	if (dirs == NULL || dirs[0] == '\0')
		dirs = "/usr/sbin:/usr/bin:/sbin:/bin";
	while (*dirs != '\0') {
		size_t len = strcspn(dirs, ":");
		struct process_spec spec = {.path = path, .argv = argv, .fds = fds, .fd_count = 2};
		if (len > 0 && str_format(path, sizeof(path), "%.*s/ps", (int)len, dirs) == 0) {
			int rc = process_spawn(&spec, ret_pidfd, err);
			if (rc != -ENOENT && rc != -ENOTDIR && rc != -EACCES)
				return rc;
		}
		dirs += len + (dirs[len] == ':');
	}
	return err_set(err, ERR_NOT_FOUND, ENOENT,
		       "no ps in PATH: install it (Debian: procps), or use --format json");
}

static int ps_run_host(int argc, char **words, struct buf *out, struct err *err)
{
	const char *argv[PS_WORDS_MAX + 2] = {"ps", "-ef"};
	struct process_exit end;
	int ends[2], pidfd;

	if (argc > PS_WORDS_MAX)
		return err_set(err, ERR_INVALID, 0, "%d words for ps; at most %d", argc,
			       PS_WORDS_MAX);
	for (int i = 0; i < argc; i++)
		argv[i + 1] = words[i];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe to ps");
	auto_fd reading = ends[0];
	auto_fd writing = ends[1];
	const struct process_fd fds[] = {{writing, 1}, {writing, 2}};
	int rc = ps_spawn(argv, fds, &pidfd, err);
	if (rc < 0)
		return rc;
	auto_fd child = pidfd;
	fd_closep(&writing);
	rc = fd_read_all(reading, "the output of ps", out, err);
	fd_closep(&reading);
	struct err second;
	if (process_wait(child, &end, &second) < 0)
		return rc < 0 ? rc : (*err = second, -EIO);
	if (rc == 0 && process_exit_status(&end) != 0)
		return err_set(err, ERR_INVALID, 0, "ps ended with status %d: %.300s",
			       process_exit_status(&end), out->data != NULL ? out->data : "");
	return rc;
}

static void ps_write_json(const pid_t *pids, size_t count, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < count; i++)
		buf_fmt(out, "%s%d", i > 0 ? "," : "", (int)pids[i]);
	buf_str(out, "]\n");
}

static int ps_show(const struct ps_values *values, const struct container *container, int argc,
		   char **argv, struct err *err)
{
	BUF_AUTO(text, PS_OUTPUT_MAX);
	BUF_AUTO(out, PS_OUTPUT_MAX);
	pid_t *pids = calloc(PS_PIDS_MAX, sizeof(*pids));
	size_t count = 0;
	int rc = pids != NULL ? control_list_pids(container, pids, PS_PIDS_MAX, &count, err)
			      : err_set(err, ERR_SYSTEM, ENOMEM, "the list of processes");

	if (rc == 0 && values->format != NULL && strcmp(values->format, "json") == 0) {
		ps_write_json(pids, count, &out);
	} else if (rc == 0) {
		rc = ps_run_host(argc, argv, &text, err);
		if (rc == 0)
			rc = ps_table_filter(text.data != NULL ? text.data : "", pids, count, &out,
					     err);
	}
	free(pids);
	return rc < 0 ? rc : command_print(&out, "the processes", err);
}

static int ps_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		  struct err *err)
{
	const struct ps_values *values = values_;
	struct container container;

	if (values->format != NULL && strcmp(values->format, "json") != 0 &&
	    strcmp(values->format, "table") != 0)
		return err_set(err, ERR_INVALID, 0, "--format '%s' is neither table nor json",
			       values->format);
	int rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	container_unlock(&container);
	rc = ps_show(values, &container, argc - 1, argv + 1, err);
	container_close(&container);
	return rc < 0 ? err_wrap(err, rc, "list the processes of container '%s'", argv[0]) : 0;
}

const struct command command_ps = {
	.name = "ps",
	.operands = "ID [PS OPTION...]",
	.summary = "list a container's processes",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct ps_values),
	.operands_min = 1,
	.operands_max = -1,
	.options_until = 1,
	.run = ps_run,
};
