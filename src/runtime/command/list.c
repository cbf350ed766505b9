#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/command/listing.h"

struct list_values {
	bool help;
	bool quiet;
	const char *format;
};

static const struct option options[] = {
	OPTION_HELP(struct list_values),
	OPTION_ROW(struct list_values, format, "format", 'f', OPTION_STRING, "table|json",
		   "form of the output (default table)"),
	OPTION_ROW(struct list_values, quiet, "quiet", 'q', OPTION_BOOL, NULL, "show ids alone"),
};

static void list_row(const struct list_values *values, struct container *container, struct buf *out,
		     bool first)
{
	struct listing row = listing_of(container);

	if (values->quiet) {
		buf_fmt(out, "%s\n", row.id);
	} else if (values->format != NULL && strcmp(values->format, "json") == 0) {
		buf_str(out, first ? "" : ",");
		json_write(&listing_shape, &row, JSON_COMPACT, out);
	} else {
		buf_fmt(out, "%-24s %-8d %-10s %-40s %-32s %s\n", row.id, row.pid,
			oci_status_names[row.status], row.bundle,
			row.created != NULL ? row.created : "", row.owner);
	}
}

static int list_rows(const struct list_values *values, int root_fd, struct buf *out,
		     struct err *err)
{
	struct err ignored;
	bool first = true;
	int again = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;

	if (dir == NULL)
		return err_errno(err, "list the state folder");
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct container container;
		if (entry->d_name[0] == '.' || container_check_id(entry->d_name, &ignored) < 0)
			continue;
		if (container_peek(root_fd, entry->d_name, &container, &ignored) < 0)
			continue; /* deleted meanwhile, or not a container's */
		list_row(values, &container, out, first);
		first = false;
		container_close(&container);
	}
	(void)closedir(dir);
	return 0;
}

static int list_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		    struct err *err)
{
	const struct list_values *values = values_;
	bool json = values->format != NULL && strcmp(values->format, "json") == 0;
	BUF_AUTO(out, (size_t)64 << 20);
	int rc = 0;

	(void)argc;
	(void)argv;
	if (values->format != NULL && !json && strcmp(values->format, "table") != 0)
		return err_set(err, ERR_INVALID, 0, "--format '%s' is neither table nor json",
			       values->format);
	if (json && !values->quiet)
		buf_char(&out, '[');
	else if (!values->quiet)
		buf_fmt(&out, "%-24s %-8s %-10s %-40s %-32s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			"CREATED", "OWNER");
	auto_fd root_fd = container_open_root(globals->root, false, err);
	if (root_fd >= 0)
		rc = list_rows(values, root_fd, &out, err);
	else if (root_fd != -ENOENT)
		rc = root_fd;
	if (json && !values->quiet)
		buf_str(&out, "]\n");
	return rc < 0 ? rc : command_print(&out, "the list", err);
}

const struct command command_list = {
	.name = "list",
	.operands = "",
	.summary = "list the containers",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct list_values),
	.run = list_run,
};
