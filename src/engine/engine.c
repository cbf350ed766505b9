#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "engine/spec/mount_option.h"

#define ENGINE_ARENA_MAX 65536

int64_t engine_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t engine_monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *engine_status_name(enum engine_status status)
{
	static const char *const names[] = {"created", "running", "exited"};

	return names[status];
}

/* The path from "/", cleaned by its text. */
static const char *absolute(const char *path, struct arena *arena, struct err *err)
{
	char cwd[PATH_MAX];
	const char *full = path;

	if (path[0] != '/') {
		if (getcwd(cwd, sizeof(cwd)) == NULL) {
			(void)err_errno(err, "find the working folder");
			return NULL;
		}
		full = list_text(arena, "%s/%s", cwd, path);
	}
	full = full != NULL ? mount_option_clean_path(full, arena) : NULL;
	if (full == NULL)
		(void)list_no_memory(err);
	return full;
}

static int open_containers(struct engine *engine, struct err *err)
{
	int root = store_root_fd(engine->store);

	engine->containers_fd =
		openat(root, ENGINE_CONTAINERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (engine->containers_fd < 0 && errno == ENOENT) {
		if (mkdirat(root, ENGINE_CONTAINERS, 0700) < 0 && errno != EEXIST)
			return err_errno(err, "make the folder '%s/" ENGINE_CONTAINERS "'",
					 engine->root);
		engine->containers_fd = openat(root, ENGINE_CONTAINERS,
					       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (engine->containers_fd < 0)
		return err_errno(err, "open the folder '%s/" ENGINE_CONTAINERS "'", engine->root);
	return 0;
}

int engine_open(const struct engine_config *config, struct engine **ret_engine, struct err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "open the engine");
	engine->config = config;
	engine->arena = ARENA_INIT(ENGINE_ARENA_MAX);
	engine->containers_fd = FD_NONE;
	engine->root = absolute(config->root, &engine->arena, err);
	engine->state = engine->root != NULL ? absolute(config->state, &engine->arena, err) : NULL;
	int rc = engine->state == NULL ? -EIO : store_open(engine->root, &engine->store, err);
	if (rc == 0) {
		engine->db = store_db(engine->store);
		rc = record_migrate(engine, err);
	}
	if (rc == 0)
		rc = open_containers(engine, err);
	if (rc < 0) {
		engine_close(engine);
		return rc;
	}
	*ret_engine = engine;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	fd_closep(&engine->containers_fd);
	if (engine->store != NULL)
		store_close(engine->store);
	arena_done(&engine->arena);
	free(engine);
}

int engine_container_find(struct engine *engine, const char *reference, struct arena *arena,
			  struct engine_container *ret_container, struct err *err)
{
	int rc = record_find(engine, reference, arena, ret_container, err);

	return rc < 0 ? rc : fold_state(engine, ret_container, arena, err);
}

int engine_container_list(struct engine *engine, struct arena *arena,
			  engine_containers *ret_containers, struct err *err)
{
	int rc = record_list(engine, arena, ret_containers, err);

	for (size_t i = 0; rc == 0 && i < ret_containers->count; i++)
		rc = fold_state(engine, &ret_containers->items[i], arena, err);
	return rc;
}
