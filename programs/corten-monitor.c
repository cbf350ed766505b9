/* corten-monitor: what stays beside a running container. See src/monitor/wire/config.h. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "monitor/monitor.h"
#include "monitor/wire/attach.h"

#define CONFIG_ARENA_BYTES (256 * 1024)

static const char usage[] = "usage: corten-monitor --config FILE [--launch-fd N] [--rootfs-fd N] "
			    "[--lock-fd N]\n"
			    "Runs one container through corten-runtime: its stdio, log, exit "
			    "record and attach socket.\n"
			    "Started by corten; not meant to be started by hand.\n";

struct options {
	const char *config;
	struct monitor_fds fds;
};

static int parse_fd(const char *text, int *ret_fd)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < 3 || value > INT32_MAX)
		return -1;
	*ret_fd = (int)value;
	return 0;
}

static int parse_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		int rc = -1;
		if (value == NULL)
			return -1;
		if (strcmp(argv[i], "--config") == 0) {
			options->config = value;
			rc = 0;
		} else if (strcmp(argv[i], "--launch-fd") == 0) {
			rc = parse_fd(value, &options->fds.launch);
		} else if (strcmp(argv[i], "--rootfs-fd") == 0) {
			rc = parse_fd(value, &options->fds.rootfs);
		} else if (strcmp(argv[i], "--lock-fd") == 0) {
			rc = parse_fd(value, &options->fds.lock);
		}
		if (rc < 0)
			return -1;
	}
	return options->config == NULL ? -1 : 0;
}

static int config_read(const char *path, struct arena *arena, struct monitor_config *ret_config,
		       struct err *err)
{
	BUF_AUTO(text, MONITOR_CONFIG_MAX_BYTES);
	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);

	if (rc == 0 && text.data == NULL)
		rc = err_set(err, ERR_INVALID, 0, "'%s' is empty", path);
	if (rc == 0)
		rc = monitor_config_parse(text.data, text.len, arena, ret_config, err);
	return rc;
}

/* Before there is a monitor: to who waits at the other end, or else to stderr. */
static int fail(const struct options *options, int report_fd, const struct err *err)
{
	struct attach_message message = {.type = ATTACH_FAILED};
	char text[sizeof(err->text) + 128];

	message.failed.exit_code = 125;
	message.failed.err = *err;
	if (options->fds.launch >= 0)
		(void)attach_send(options->fds.launch, &message);
	(void)err_format(err, text, sizeof(text));
	(void)fd_write_all(report_fd, "corten-monitor: ", 16);
	(void)fd_write_all(report_fd, text, strlen(text));
	(void)fd_write_all(report_fd, "\n", 1);
	return 1;
}

int main(int argc, char **argv)
{
	struct options options = {.fds = {FD_NONE, FD_NONE, FD_NONE}};
	struct monitor_config config;
	struct err err;
	ARENA_AUTO(arena, CONFIG_ARENA_BYTES);

	if (parse_options(argc, argv, &options) < 0) {
		(void)fd_write_all(2, usage, sizeof(usage) - 1);
		return 2;
	}
	if (config_read(options.config, &arena, &config, &err) < 0 || monitor_detach(&err) < 0)
		return fail(&options, 2, &err);
	return monitor_run(&config, &options.fds, &arena, &err) < 0 ? 1 : 0;
}
