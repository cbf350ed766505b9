#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/identity.h"
#include "engine/internal.h"
#include "engine/spec/build.h"
#include "engine/spec/environment.h"
#include "engine/spec/list.h"
#include "engine/spec/process.h"
#include "engine/spec/resources.h"
#include "engine/spec/value.h"

#define NAME_ATTEMPTS    8
#define COMMAND_TEXT_MAX 4096
#define DEFAULT(option, setting)              \
	do {                                  \
		if ((option) == NULL)         \
			(option) = (setting); \
	} while (0)

/* What the configuration says where the user said nothing. */
static int apply_config(const struct engine_config *config, struct arena *arena,
			struct engine_options *options, struct err *err)
{
	DEFAULT(options->network, config->network);
	DEFAULT(options->pids_limit, config->pids_limit);
	DEFAULT(options->shm_size, config->shm_size);
	DEFAULT(options->detach_keys, config->detach_keys);
	DEFAULT(options->stop_timeout, config->stop_timeout);
	DEFAULT(options->log_driver, config->log_driver);
	DEFAULT(options->cgroup_parent, config->cgroup_parent);
	options->init = options->init || config->init;
	json_strings ulimits = {0};
	for (size_t i = 0; i < config->ulimits.count + options->ulimits.count; i++) {
		const char *text = i < config->ulimits.count
					   ? config->ulimits.items[i]
					   : options->ulimits.items[i - config->ulimits.count];
		int rc = list_push_text(&ulimits, text, arena, err);
		if (rc < 0)
			return rc;
	}
	options->ulimits = ulimits;
	return 0;
}

/* A path of the host as it is from anywhere; a command may later run elsewhere. */
static const char *absolute_path(const char *path, struct arena *arena)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return NULL;
	const char *joined = list_text(arena, "%s/%s", cwd, path);
	return joined != NULL ? mount_option_clean_path(joined, arena) : NULL;
}

/* `./data:/data` and `seccomp=profile.json` get the working folder in front. */
static int anchor_paths(struct engine_options *options, struct arena *arena, struct err *err)
{
	json_strings volumes = {0}, security = {0};

	for (size_t i = 0; i < options->volumes.count; i++) {
		const char *text = options->volumes.items[i];
		size_t len = strcspn(text, ":");
		if (text[0] == '.' && text[len] == ':') {
			const char *source = arena_strndup(arena, text, len);
			source = source != NULL ? absolute_path(source, arena) : NULL;
			text = source != NULL ? list_text(arena, "%s%s", source, text + len) : NULL;
		}
		int rc = text == NULL ? list_no_memory(err)
				      : list_push_text(&volumes, text, arena, err);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < options->security.count; i++) {
		const char *text = options->security.items[i];
		struct security parsed;
		const json_strings one = {&options->security.items[i], 1};
		int rc = security_parse(&one, &parsed, err);
		if (rc == 0 && parsed.seccomp_file != NULL) {
			const char *path = absolute_path(parsed.seccomp_file, arena);
			text = path != NULL ? list_text(arena, "seccomp=%s", path) : NULL;
		}
		if (rc == 0)
			rc = text == NULL ? list_no_memory(err)
					  : list_push_text(&security, text, arena, err);
		if (rc < 0)
			return rc;
	}
	options->volumes = volumes;
	options->security = security;
	return 0;
}

static int resolve_lists(struct engine_options *options, char *const *env, struct arena *arena,
			 struct engine_container *container, struct err *err)
{
	json_strings resolved, labels = {0};

	int rc =
		environment_resolve(&options->env_files, &options->env, env, arena, &resolved, err);
	if (rc == 0)
		rc = environment_resolve_labels(&options->label_files, &options->labels, arena,
						&container->labels, err);
	for (size_t i = 0; rc == 0 && i < container->labels.count; i++) {
		const char *text = list_text(arena, "%s=%s", container->labels.items[i].key,
					     container->labels.items[i].value);
		rc = text == NULL ? list_no_memory(err) : list_push_text(&labels, text, arena, err);
	}
	if (rc < 0)
		return rc;
	options->env = resolved;
	options->env_files = (json_strings){0};
	options->labels = labels;
	options->label_files = (json_strings){0};
	return 0;
}

/* What can be told without a host or a root, so that a mistake is found before anything is made. */
/* Built as for the start, and thrown away. */
static int check_limits(const struct engine_options *options, struct arena *arena, struct err *err)
{
	struct spec_host host;
	struct oci_linux config = {0};
	struct oci_process process = {0};
	json_strings warnings = {0};

	host_look(&host);
	int rc = resources_build(options, &host, arena, &config, &warnings, err);
	return rc < 0 ? rc
		      : resources_build_rlimits(&options->ulimits, arena, &process, &warnings, err);
}

static int check(const struct engine_options *options, const struct oci_image_run *image,
		 struct arena *arena, struct err *err)
{
	struct spec_modes modes;
	struct security security;
	mount_option_list mounts;
	json_strings args;
	uint64_t caps;
	int signal;
	int64_t number;

	int rc = spec_modes_parse(options, &modes, err);
	if (rc == 0)
		rc = security_parse(&options->security, &security, err);
	if (rc == 0)
		rc = security_caps(&options->cap_add, &options->cap_drop, options->privileged, 0,
				   &caps, err);
	if (rc == 0)
		rc = mounts_collect(options, image, arena, &mounts, err);
	if (rc == 0)
		rc = process_arguments(options, image, arena, &args, err);
	if (rc == 0)
		rc = check_limits(options, arena, err);
	if (rc == 0 && options->stop_signal != NULL)
		rc = value_parse_signal(options->stop_signal, &signal, err);
	if (rc == 0 && options->stop_timeout != NULL)
		rc = value_parse_int(options->stop_timeout, "--stop-timeout", -1, INT32_MAX,
				     &number, err);
	for (size_t i = 0; rc == 0 && i < options->hosts.count; i++) {
		if (strpbrk(options->hosts.items[i], ":=") == NULL)
			rc = err_set(err, ERR_INVALID, 0, "bad format for add-host: \"%s\"",
				     options->hosts.items[i]);
	}
	return rc;
}

/* The words that run, joined for people as Docker does it: an argument with a space is in quotes. */
static const char *command_text(const struct engine_options *options,
				const struct oci_image_run *image, struct arena *arena)
{
	BUF_AUTO(text, COMMAND_TEXT_MAX);
	struct err ignored;
	json_strings args = {0};

	(void)process_arguments(options, image, arena, &args, &ignored);
	for (size_t i = 0;
	     i < args.count && text.len + strlen(args.items[i]) + 3 < COMMAND_TEXT_MAX; i++) {
		const char *quote = i > 0 && strchr(args.items[i], ' ') != NULL ? "'" : "";
		buf_fmt(&text, "%s%s%s%s", i > 0 ? " " : "", quote, args.items[i], quote);
	}
	return arena_strndup(arena, text.data != NULL ? text.data : "", text.len);
}

static int insert_named(struct engine *engine, struct engine_container *container,
			struct arena *arena, struct err *err)
{
	char name[IDENTITY_NAME_MAX];
	int rc = -EIO;

	if (container->options.name != NULL) {
		container->name = container->options.name;
		if (container->name[0] == '/')
			container->name++;
		rc = identity_check_name(container->name, err);
		if (rc == 0)
			rc = record_insert(engine, container, err);
		if (rc < 0 && err->kind == ERR_CONFLICT)
			return err_set(err, ERR_CONFLICT, 0,
				       "Conflict. The container name \"/%s\" is already in use. "
				       "You have to "
				       "remove that container to be able to reuse the name.",
				       container->name);
		return rc;
	}
	for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		rc = identity_new_name(attempt, name, err);
		if (rc < 0)
			return rc;
		container->name = arena_strndup(arena, name, strlen(name));
		if (container->name == NULL)
			return list_no_memory(err);
		rc = record_insert(engine, container, err);
		if (rc == 0 || err->kind != ERR_CONFLICT)
			return rc;
	}
	return rc;
}

static int add_warning(struct engine_created *created, bool when, const char *text,
		       struct arena *arena, struct err *err)
{
	return when ? list_push_text(&created->warnings, text, arena, err) : 0;
}

static int find_image(struct engine *engine, const char *name, struct store_image **ret_image,
		      struct err *err)
{
	int rc = store_image_find(engine->store, name, ret_image, err);

	if (rc < 0 && err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "No such image: %s (corten pull, load or import brings one)", name);
	return rc;
}

int engine_container_create(struct engine *engine, const struct engine_options *options,
			    char *const *env, struct arena *arena,
			    struct engine_created *ret_created, struct err *err)
{
	struct engine_container container = {.options = *options,
					     .image = options->image,
					     .auto_remove = options->remove,
					     .created_ns = engine_now_ns()};
	struct store_image *image = NULL;
	char id[IDENTITY_ID_CHARS + 1];

	*ret_created = (struct engine_created){0};
	int rc = apply_config(engine->config, arena, &container.options, err);
	if (rc == 0)
		rc = anchor_paths(&container.options, arena, err);
	if (rc == 0)
		rc = resolve_lists(&container.options, env, arena, &container, err);
	if (rc == 0)
		rc = find_image(engine, options->image, &image, err);
	if (rc != 0)
		return rc;
	rc = check(&container.options, &image->config->config, arena, err);
	if (rc == 0)
		rc = identity_new_id(id, err);
	if (rc == 0) {
		container.id = arena_strndup(arena, id, IDENTITY_ID_CHARS);
		container.image_id = arena_strndup(arena, image->id, strlen(image->id));
		container.command = command_text(&container.options, &image->config->config, arena);
		if (container.id == NULL || container.image_id == NULL || container.command == NULL)
			rc = list_no_memory(err);
	}
	store_image_free(image);
	if (rc == 0)
		rc = insert_named(engine, &container, arena, err);
	if (rc == 0)
		rc = add_warning(
			ret_created, options->oom_kill_disable && options->memory == NULL,
			"Disabling the OOM killer on containers without setting a memory limit "
			"may be dangerous.",
			arena, err);
	ret_created->id = container.id;
	return rc;
}
