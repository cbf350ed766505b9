#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "kern/pidfd/pidfd.h"
#include "monitor/wire/attach.h"
#include "monitor/wire/config.h"
#include "monitor/wire/journal.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define STAT_MAX     4096
#define EXIT_UNKNOWN 255 /* as Docker has it for a container whose end nobody saw */

static const char *boot_id(struct engine *engine)
{
	BUF_AUTO(text, 64);
	struct err ignored;

	if (engine->boot_id == NULL &&
	    fd_read_file_at(AT_FDCWD, BOOT_ID_FILE, &text, &ignored) == 0 && text.len > 1)
		engine->boot_id =
			arena_strndup(&engine->arena, text.data, strcspn(text.data, "\n"));
	return engine->boot_id != NULL ? engine->boot_id : "";
}

static bool process_lives(int32_t pid, uint64_t start_ticks)
{
	BUF_AUTO(text, STAT_MAX);
	struct pidfd_stat stat;
	struct err ignored;
	char name[32];

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	return pid > 0 && fd_read_file_at(AT_FDCWD, name, &text, &ignored) == 0 &&
	       pidfd_parse_stat(text.data, text.len, &stat, &ignored) == 0 &&
	       (start_ticks == 0 || stat.start_time == start_ticks) && stat.state != 'Z' &&
	       stat.state != 'X';
}

static bool monitor_lives(struct engine *engine, const char *id)
{
	struct err ignored;
	auto_fd dir = paths_open_state(engine, id, false, &ignored);
	auto_fd sock = dir >= 0 ? attach_connect_at(dir, MONITOR_ATTACH_SOCKET, &ignored) : FD_NONE;

	return sock >= 0;
}

static int apply(struct engine_container *container, const struct journal_record *record,
		 const char **boot, struct arena *arena, struct err *err)
{
	switch ((enum journal_type)record->type) {
	case JOURNAL_STARTED:
		container->status = ENGINE_RUNNING;
		container->pid = record->pid;
		container->pid_start_ticks = record->pid_start_ticks;
		container->started_ns = record->time_ns;
		container->finished_ns = 0;
		container->oom = false;
		container->message = NULL;
		*boot = record->boot_id;
		return 0;
	case JOURNAL_FAILED:
		container->status = ENGINE_CREATED;
		container->exit_code = record->exit_code;
		container->finished_ns = record->time_ns;
		container->message =
			record->message != NULL
				? arena_strndup(arena, record->message, strlen(record->message))
				: "";
		return container->message == NULL ? list_no_memory(err) : 0;
	case JOURNAL_EXITED:
		container->status = ENGINE_EXITED;
		container->pid = 0;
		container->exit_code = record->exit_code;
		container->oom = record->oom;
		container->finished_ns = record->time_ns;
		return 0;
	case JOURNAL_RESTARTED:
	case JOURNAL_CREATED:
	case JOURNAL_REMOVED:
	case JOURNAL_NONE:
		return 0;
	}
	return 0;
}

static int read_journal(struct engine *engine, struct engine_container *container,
			const char **boot, struct arena *arena, struct err *err)
{
	BUF_AUTO(text, JOURNAL_FILE_MAX);
	struct err failed;
	auto_fd data = paths_open_data(engine, container->id, &failed);

	container->status = ENGINE_CREATED;
	if (data < 0 || fd_read_file_at(data, MONITOR_JOURNAL, &text, &failed) < 0) {
		/* Not made yet, or half removed. */
		if (failed.kind == ERR_NOT_FOUND)
			return 0;
		*err = failed;
		return -EIO;
	}
	struct journal_reader reader = {.text = text.data, .len = text.len};
	struct journal_record record;
	while (journal_next(&reader, arena, &record) == 1) {
		int rc = apply(container, &record, boot, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int fold_state(struct engine *engine, struct engine_container *container, struct arena *arena,
	       struct err *err)
{
	const char *boot = NULL;

	int rc = read_journal(engine, container, &boot, arena, err);
	if (rc < 0)
		return err_wrap(err, rc, "read the state of container %s", container->id);
	if (container->status != ENGINE_RUNNING)
		return 0;
	bool same_boot = boot == NULL || boot[0] == '\0' || strcmp(boot, boot_id(engine)) == 0;
	if (same_boot && process_lives(container->pid, container->pid_start_ticks))
		return 0;
	/* The process is gone. A monitor that lives is about to say how it ended; look again when it has
	   not got to it yet. */
	if (same_boot && monitor_lives(engine, container->id)) {
		rc = read_journal(engine, container, &boot, arena, err);
		return rc;
	}
	rc = read_journal(engine, container, &boot, arena, err);
	if (rc < 0 || container->status != ENGINE_RUNNING)
		return rc;
	container->status = ENGINE_EXITED;
	container->pid = 0;
	container->exit_code = EXIT_UNKNOWN;
	container->message = same_boot ? "its monitor was killed: how it ended is not known"
				       : "the machine was restarted while it ran";
	return 0;
}
