#include "engine/spec/mounts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/spec/list.h"
#include "engine/spec/value.h"

#define SHM_DEFAULT_BYTES (64 * 1024 * 1024)

static const struct mount_option *find_target(const mount_option_list *mounts, const char *target)
{
	for (size_t i = 0; i < mounts->count; i++) {
		if (strcmp(mounts->items[i].target, target) == 0)
			return &mounts->items[i];
	}
	return NULL;
}

static int add_option(mount_option_list *mounts, const struct mount_option *mount,
		      struct arena *arena, struct err *err)
{
	if (find_target(mounts, mount->target) != NULL)
		return err_set(err, ERR_CONFLICT, 0, "Duplicate mount point: %s", mount->target);
	if (mounts->count == MOUNTS_MAX)
		return err_set(err, ERR_INVALID, 0, "more than %d mounts", MOUNTS_MAX);
	struct mount_option *added = list_push(mounts, sizeof(*added), arena);
	if (added == NULL)
		return list_no_memory(err);
	*added = *mount;
	return 0;
}

typedef int parse_fn(const char *text, struct arena *arena, struct mount_option *ret_mount,
		     struct err *err);

static int collect_list(const json_strings *list, parse_fn *parse, struct arena *arena,
			mount_option_list *mounts, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct mount_option mount;
		int rc = parse(list->items[i], arena, &mount, err);
		if (rc == 0)
			rc = add_option(mounts, &mount, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int collect_image(const oci_set *volumes, struct arena *arena, mount_option_list *mounts,
			 struct err *err)
{
	if (volumes->count > MOUNTS_VOLUMES_MAX)
		return err_set(err, ERR_INVALID, 0, "the image has more than %d volumes",
			       MOUNTS_VOLUMES_MAX);
	for (size_t i = 0; i < volumes->count; i++) {
		const char *name = volumes->items[i].name;
		struct mount_option mount = {.type = MOUNT_OPTION_VOLUME,
					     .propagation = "rprivate"};
		if (name[0] != '/')
			return err_set(err, ERR_INVALID, 0,
				       "the image's volume '%s' is no absolute path", name);
		mount.target = mount_option_clean_path(name, arena);
		if (mount.target == NULL)
			return list_no_memory(err);
		if (strcmp(mount.target, "/") == 0)
			return err_set(err, ERR_INVALID, 0, "the image's volume '%s' is the root",
				       name);
		if (find_target(mounts, mount.target) != NULL)
			continue;
		int rc = add_option(mounts, &mount, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int mounts_collect(const struct engine_options *options, const struct oci_image_run *image,
		   struct arena *arena, mount_option_list *ret_mounts, struct err *err)
{
	mount_option_list mounts = {0};

	int rc = collect_list(&options->volumes, mount_option_parse_volume, arena, &mounts, err);
	if (rc == 0)
		rc = collect_list(&options->mounts, mount_option_parse_mount, arena, &mounts, err);
	if (rc == 0)
		rc = collect_list(&options->tmpfs, mount_option_parse_tmpfs, arena, &mounts, err);
	if (rc == 0)
		rc = collect_image(&image->volumes, arena, &mounts, err);
	if (rc == 0)
		*ret_mounts = mounts;
	return rc;
}

/* Adds the comma-separated words to the options. */
static int add_words(struct oci_mount *mount, const char *words, struct arena *arena,
		     struct err *err)
{
	char *at = words != NULL ? arena_strndup(arena, words, strlen(words)) : NULL;

	if (words != NULL && at == NULL)
		return list_no_memory(err);
	while (at != NULL) {
		char *comma = strchr(at, ',');
		if (comma != NULL)
			*comma++ = '\0';
		int rc = at[0] != '\0' ? list_push_text(&mount->options, at, arena, err) : 0;
		if (rc < 0)
			return rc;
		at = comma;
	}
	return 0;
}

static int add_mount(struct oci_config *config, const struct oci_mount *mount, const char *words,
		     struct arena *arena, struct err *err)
{
	struct oci_mount *added = list_push(&config->mounts, sizeof(*added), arena);

	if (added == NULL)
		return list_no_memory(err);
	*added = *mount;
	return add_words(added, words, arena, err);
}

struct default_mount {
	const char *target;
	const char *type;
	const char *source;
	const char *words;
	const char *privileged_words; /* NULL: the same */
};

static const struct default_mount default_mounts[] = {
	{"/proc", "proc", "proc", "nosuid,noexec,nodev", NULL},
	{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", NULL},
	{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
	 NULL},
	{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777", NULL},
	{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", NULL},
	{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro", "nosuid,noexec,nodev,rw"},
	{"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,ro", "nosuid,noexec,nodev,rw"},
};

/* A user's mount at the target, or at /dev above it, stands in for the default one. */
static bool is_replaced(const struct mounts_request *request, const char *target)
{
	return find_target(request->mounts, target) != NULL ||
	       (strncmp(target, "/dev/", 5) == 0 && find_target(request->mounts, "/dev") != NULL);
}

static int shm_words(const struct mounts_request *request, const char *words, struct arena *arena,
		     const char **ret_words, struct err *err)
{
	int64_t bytes = SHM_DEFAULT_BYTES;

	if (request->shm_size != NULL) {
		int rc = value_parse_size(request->shm_size, false, &bytes, err);
		if (rc < 0)
			return err_wrap(err, rc, "--shm-size");
		if (bytes == 0)
			bytes = SHM_DEFAULT_BYTES;
	}
	*ret_words = list_text(arena, "%s,size=%" PRId64, words, bytes);
	return *ret_words == NULL ? list_no_memory(err) : 0;
}

static int build_defaults(const struct mounts_request *request, struct arena *arena,
			  struct oci_config *config, struct err *err)
{
	for (size_t i = 0; i < sizeof(default_mounts) / sizeof(default_mounts[0]); i++) {
		const struct default_mount *row = &default_mounts[i];
		struct oci_mount mount = {
			.destination = row->target, .type = row->type, .source = row->source};
		const char *words = request->privileged && row->privileged_words != NULL
					    ? row->privileged_words
					    : row->words;
		bool shm = strcmp(row->target, "/dev/shm") == 0;
		int rc = 0;
		if (is_replaced(request, row->target))
			continue;
		if (request->ipc_host && (shm || strcmp(row->type, "mqueue") == 0)) {
			mount.type = "bind";
			mount.source = row->target;
			words = "rbind,rprivate";
		} else if (shm) {
			rc = shm_words(request, words, arena, &words, err);
		}
		if (rc == 0)
			rc = add_mount(config, &mount, words, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; at != NULL && *at != '\0';) {
		size_t part = strcspn(at, ",");
		if (part == len && memcmp(at, word, len) == 0)
			return true;
		at += part + (at[part] == ',');
	}
	return false;
}

/* Docker's defaults hold unless the user says the opposite: `exec` undoes `noexec`. */
static int add_tmpfs(const struct mount_option *option, struct arena *arena,
		     struct oci_config *config, struct err *err)
{
	static const char *const defaults[] = {"noexec", "nosuid", "nodev"};
	struct oci_mount mount = {
		.destination = option->target, .type = "tmpfs", .source = "tmpfs"};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (has_word(option->data, defaults[i]) || has_word(option->data, defaults[i] + 2))
			continue;
		int rc = list_push_text(&mount.options, defaults[i], arena, err);
		if (rc < 0)
			return rc;
	}
	if (option->read_only) {
		int rc = list_push_text(&mount.options, "ro", arena, err);
		if (rc < 0)
			return rc;
	}
	return add_mount(config, &mount, option->data, arena, err);
}

static int add_bind(const struct mounts_request *request, const struct mount_option *option,
		    struct arena *arena, struct oci_config *config, struct err *err)
{
	struct oci_mount mount = {
		.destination = option->target, .type = "bind", .source = option->source};
	const char *readonly = !option->read_only                                     ? ""
			       : request->recursive_readonly && !option->nonrecursive ? ",ro,rro"
										      : ",ro";
	const char *words =
		list_text(arena, "%s,%s%s%s%s", option->nonrecursive ? "bind" : "rbind",
			  option->propagation, readonly, option->data != NULL ? "," : "",
			  option->data != NULL ? option->data : "");

	return words == NULL ? list_no_memory(err) : add_mount(config, &mount, words, arena, err);
}

static size_t count_parts(const char *path)
{
	size_t parts = 0;

	for (; *path != '\0'; path++)
		parts += *path == '/';
	return parts;
}

/* A sort that keeps the order of equals, for short lists: parents come before what lies in them. */
static void sort_by_depth(mount_option_list *list)
{
	for (size_t i = 1; i < list->count; i++) {
		struct mount_option moved = list->items[i];
		size_t depth = count_parts(moved.target), at = i;
		for (; at > 0 && count_parts(list->items[at - 1].target) > depth; at--)
			list->items[at] = list->items[at - 1];
		list->items[at] = moved;
	}
}

static int gather(const struct mounts_request *request, struct arena *arena,
		  mount_option_list *ret_list, struct err *err)
{
	/* They can be written to from inside, and lie on the host's file system. */
	static const char words[] = "nosuid,nodev,noexec";
	const struct mount_option files[] = {
		{.source = request->resolv_file, .target = "/etc/resolv.conf", .data = words},
		{.source = request->hostname_file, .target = "/etc/hostname", .data = words},
		{.source = request->hosts_file, .target = "/etc/hosts", .data = words},
		{.source = request->init_program, .target = MOUNTS_INIT_TARGET, .read_only = true},
	};
	mount_option_list list = {0};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].source == NULL ||
		    find_target(request->mounts, files[i].target) != NULL)
			continue;
		struct mount_option *added = list_push(&list, sizeof(*added), arena);
		if (added == NULL)
			return list_no_memory(err);
		*added = files[i];
		added->type = MOUNT_OPTION_BIND;
		added->propagation = "rprivate";
		added->nonrecursive = added->read_only;
	}
	for (size_t i = 0; i < request->mounts->count; i++) {
		struct mount_option *added = list_push(&list, sizeof(*added), arena);
		if (added == NULL)
			return list_no_memory(err);
		*added = request->mounts->items[i];
	}
	sort_by_depth(&list);
	*ret_list = list;
	return 0;
}

int mounts_build(const struct mounts_request *request, struct arena *arena,
		 struct oci_config *config, struct err *err)
{
	mount_option_list list = {0};

	int rc = build_defaults(request, arena, config, err);
	if (rc == 0)
		rc = gather(request, arena, &list, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		if (list.items[i].type == MOUNT_OPTION_TMPFS)
			rc = add_tmpfs(&list.items[i], arena, config, err);
		else
			rc = add_bind(request, &list.items[i], arena, config, err);
	}
	return rc;
}
