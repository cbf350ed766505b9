#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

#define LIST_BYTES_MAX ((size_t)64 << 20)
#define LIST_COLUMNS   6
#define LIST_WIDTH_MIN 12
#define LIST_GAP       3

/* One container's cells; an owned text of NUL-terminated words, one after the other. */
struct list_line {
	char *cells;
	size_t widths[LIST_COLUMNS];
};

struct list {
	const struct list_values *values;
	struct buf json;
	struct list_line *lines;
	size_t count;
	size_t max;
};

static void list_done(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->lines[i].cells);
	free(list->lines);
	buf_done(&list->json);
}

static int list_add_line(struct list *list, const char *const *cells, struct err *err)
{
	struct list_line line;
	BUF_AUTO(text, CONFIG_BYTES_MAX);

	for (size_t i = 0; i < LIST_COLUMNS; i++) {
		line.widths[i] = strlen(cells[i]);
		buf_add(&text, cells[i], line.widths[i] + 1);
	}
	int rc = buf_check(&text, "a line of the list", err);
	if (rc < 0)
		return rc;
	if (list->count == list->max) {
		size_t max = list->max * 2 + 16;
		struct list_line *more = realloc(list->lines, max * sizeof(*more));
		if (more == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "the list");
		list->lines = more;
		list->max = max;
	}
	line.cells = buf_take(&text);
	list->lines[list->count++] = line;
	return 0;
}

static int list_add(struct list *list, struct container *container, struct err *err)
{
	struct listing row = listing_of(container);
	char pid[16];

	json_write(&listing_shape, &row, JSON_COMPACT, &list->json);
	buf_char(&list->json, ',');
	(void)snprintf(pid, sizeof(pid), "%d", row.pid);
	const char *const cells[LIST_COLUMNS] = {row.id,
						 pid,
						 oci_status_names[row.status],
						 row.bundle,
						 row.created != NULL ? row.created : "",
						 row.owner};
	return list_add_line(list, cells, err);
}

/* As runc's: columns as wide as their widest cell, and three blanks. The last one is as long as it is. */
static void list_write_table(const struct list *list, struct buf *out)
{
	size_t widths[LIST_COLUMNS] = {0};

	for (size_t i = 0; i < list->count; i++)
		for (size_t column = 0; column < LIST_COLUMNS; column++)
			if (list->lines[i].widths[column] + LIST_GAP > widths[column])
				widths[column] = list->lines[i].widths[column] + LIST_GAP;
	for (size_t i = 0; i < list->count; i++) {
		const char *cell = list->lines[i].cells;
		for (size_t column = 0; column + 1 < LIST_COLUMNS; column++) {
			size_t width =
				widths[column] < LIST_WIDTH_MIN ? LIST_WIDTH_MIN : widths[column];
			buf_fmt(out, "%-*s", (int)width, cell);
			cell += list->lines[i].widths[column] + 1;
		}
		buf_fmt(out, "%s\n", cell);
	}
}

static void list_write(struct list *list, struct buf *out)
{
	if (list->values->quiet) {
		for (size_t i = 1; i < list->count; i++)
			buf_fmt(out, "%s\n", list->lines[i].cells);
	} else if (list->values->format != NULL && strcmp(list->values->format, "json") == 0) {
		if (list->json.len > 0 && !list->json.failed)
			list->json.len--; /* the last comma */
		buf_char(out, '[');
		buf_add(out, list->json.data, list->json.len);
		buf_str(out, "]\n");
	} else {
		list_write_table(list, out);
	}
}

static int list_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads the names of what may be containers into the arena. */
static int list_read_names(int root_fd, struct arena *arena, json_strings *ret_names,
			   struct err *err)
{
	const char **names = NULL;
	size_t count = 0, max = 0;
	struct err ignored;
	int again = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;

	if (dir == NULL)
		return err_errno(err, "list the state folder");
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] == '.' || container_check_id(entry->d_name, &ignored) < 0)
			continue;
		if (count == max) {
			size_t more = max * 2 + 64;
			const char **grown = arena_alloc(arena, more * sizeof(*grown));
			if (grown == NULL)
				goto full;
			for (size_t i = 0; i < count; i++)
				grown[i] = names[i];
			names = grown;
			max = more;
		}
		names[count] = arena_strndup(arena, entry->d_name, strlen(entry->d_name));
		if (names[count++] == NULL)
			goto full;
	}
	(void)closedir(dir);
	*ret_names = (json_strings){names, count};
	if (count > 0)
		qsort(names, count, sizeof(*names), list_compare);
	return 0;
full:
	(void)closedir(dir);
	return err_set(err, ERR_SYSTEM, ENOMEM, "the list of containers");
}

static int list_read(struct list *list, int root_fd, struct err *err)
{
	ARENA_AUTO(arena, LIST_BYTES_MAX);
	struct err ignored;
	json_strings names = {NULL, 0};
	int rc = list_read_names(root_fd, &arena, &names, err);

	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		struct container container;
		/* One that is gone or no container's is passed over. */
		if (container_peek(root_fd, names.items[i], &container, &ignored) < 0)
			continue;
		rc = list_add(list, &container, err);
		container_close(&container);
	}
	return rc;
}

static int list_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		    struct err *err)
{
	static const char *const heading[LIST_COLUMNS] = {"ID",     "PID",     "STATUS",
							  "BUNDLE", "CREATED", "OWNER"};
	const struct list_values *values = values_;
	struct list list = {.values = values, .json = BUF_INIT(LIST_BYTES_MAX)};
	BUF_AUTO(out, LIST_BYTES_MAX);

	(void)argc;
	(void)argv;
	if (values->format != NULL && strcmp(values->format, "json") != 0 &&
	    strcmp(values->format, "table") != 0)
		return err_set(err, ERR_INVALID, 0, "--format '%s' is neither table nor json",
			       values->format);
	auto_fd root_fd = container_open_root(globals->root, false, err);
	/* No container was made yet; a folder that the user names should be there. */
	if (root_fd < 0 && (root_fd != -ENOENT || globals->root_given))
		return root_fd;
	int rc = list_add_line(&list, heading, err);
	if (rc == 0 && root_fd >= 0)
		rc = list_read(&list, root_fd, err);
	if (rc == 0)
		list_write(&list, &out);
	list_done(&list);
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
