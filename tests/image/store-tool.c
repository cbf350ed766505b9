/*
 * store-tool: the store's library on the command line, for the black-box tests in this folder.
 *
 *   store-tool ROOT PROGRAM load FILE|- [name=N] [platform=P] [max=N]
 *   store-tool ROOT PROGRAM import FILE|FOLDER|- [name=N] [message=M] [change=LINE]...
 *   store-tool ROOT PROGRAM save FILE|FOLDER|- FORM PACKING REF...    numbers of enum store_form, store_packing
 *   store-tool ROOT PROGRAM list | find REF | tag REF NAME | rm REF | rmf REF | clean | prune
 *   store-tool ROOT PROGRAM use REF running|stopped REF2    removes REF2 while REF is used
 *
 * Prints one fact a line; errors as "error KIND: TEXT" with exit status 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/store.h"

static const char *const kinds[] = {"none",   "invalid",     "not-found", "conflict",
				    "denied", "unsupported", "system"};

static void on_event(void *arg, const struct store_event *event)
{
	static const char *const names[] = {"layer", "progress", "done", "known"};

	if (event->kind != STORE_EVENT_PROGRESS || *(const int *)arg)
		printf("event %s %u %s %lld %lld\n", names[event->kind], event->layer, event->name,
		       (long long)event->done_bytes, (long long)event->total_bytes);
}

static int load(struct store *store, const struct store_load *template, char **args,
		struct err *err)
{
	const char *changes[64];
	struct store_load request = *template;
	struct store_loaded loaded;
	int progress = getenv("PROGRESS") != NULL;
	auto_fd fd = strcmp(args[0], "-") == 0 ? 0 : open(args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '%s'", args[0]);
	request.input_fd = fd;
	request.changes.items = changes;
	request.event = on_event;
	request.event_arg = &progress;
	for (args++; *args != NULL; args++) {
		char *value = strchr(*args, '=');
		if (value == NULL)
			continue;
		value++;
		if (strncmp(*args, "name=", 5) == 0)
			request.name = value;
		else if (strncmp(*args, "platform=", 9) == 0)
			request.platform = value;
		else if (strncmp(*args, "message=", 8) == 0)
			request.message = value;
		else if (strncmp(*args, "max=", 4) == 0)
			request.max_bytes = strtoll(value, NULL, 10);
		else if (strncmp(*args, "change=", 7) == 0 && request.changes.count < 64)
			changes[request.changes.count++] = value;
	}
	int rc = store_load(store, &request, &loaded, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < loaded.count; i++) {
		printf("image %s\n", loaded.items[i].id);
		for (size_t j = 0; j < loaded.items[i].names.count; j++)
			printf("name %s\n", loaded.items[i].names.items[j]);
	}
	store_loaded_done(&loaded);
	return 0;
}

static int save(struct store *store, const char *program, char **args, struct err *err)
{
	const char *references[64];
	struct store_save request = {.program = program, .references = {.items = references}};
	bool folder = strtol(args[1], NULL, 10) >= STORE_FORM_DOCKER_DIR;

	request.form = (enum store_form)strtol(args[1], NULL, 10);
	request.packing = (enum store_packing)strtol(args[2], NULL, 10);
	const char *path = args[0];
	for (args += 3; *args != NULL && request.references.count < 64; args++)
		references[request.references.count++] = *args;
	auto_fd fd = strcmp(path, "-") == 0 ? 1
		     : folder               ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			      : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	request.output_fd = fd;
	return store_save(store, &request, err);
}

static void print_strings(const char *key, const json_strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		printf("%s %s\n", key, list->items[i]);
}

static void print_image(const struct store_image *image)
{
	printf("image %s\nmanifest %s\ncreated %lld\nsize %lld\nplatform %s/%s\n", image->id,
	       image->manifest ? image->manifest : "-", (long long)image->created_s,
	       (long long)image->size_bytes, image->os ? image->os : "-",
	       image->architecture ? image->architecture : "-");
	print_strings("name", &image->names);
	print_strings("layer", &image->layers);
	if (image->config == NULL)
		return;
	print_strings("env", &image->config->config.env);
	print_strings("cmd", &image->config->config.cmd);
	print_strings("entrypoint", &image->config->config.entrypoint);
	if (image->config->config.working_dir != NULL)
		printf("workdir %s\n", image->config->config.working_dir);
	if (image->config->config.user != NULL)
		printf("user %s\n", image->config->config.user);
	for (size_t i = 0; i < image->config->config.exposed_ports.count; i++)
		printf("port %s\n", image->config->config.exposed_ports.items[i].name);
	for (size_t i = 0; i < image->config->config.volumes.count; i++)
		printf("volume %s\n", image->config->config.volumes.items[i].name);
}

static int find(struct store *store, const char *reference, struct err *err)
{
	struct store_image *image;

	int rc = store_image_find(store, reference, &image, err);
	if (rc < 0)
		return rc;
	print_image(image);
	for (size_t i = 0; rc == 0 && i < image->layers.count; i++) {
		auto_fd fd = store_layer_open(store, image->layers.items[i], err);
		rc = fd < 0 ? fd : 0;
	}
	store_image_free(image);
	return rc;
}

static int list(struct store *store, struct err *err)
{
	store_images images;

	int rc = store_image_list(store, &images, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < images.count; i++)
		print_image(images.items[i]);
	store_images_free(&images);
	return 0;
}

struct use {
	char id[65];
	enum store_use use;
};

static int used(void *arg, const char *image_id, char ret_user[65], enum store_use *ret_use,
		struct err *err)
{
	const struct use *use = arg;

	(void)err;
	if (strcmp(use->id, image_id) == 0) {
		*ret_use = use->use;
		(void)snprintf(ret_user, 65, "tester");
	}
	return 0;
}

static int prune_all(struct store *store, const struct store_remove *request, struct err *err)
{
	ARENA_AUTO(arena, 1 << 20);
	struct store_prune prune = {.use = request->use, .use_arg = request->use_arg};
	struct store_pruned pruned;
	store_images images;

	int rc = store_image_list(store, &images, err);
	if (rc < 0)
		return rc;
	prune.ids.items = arena_alloc(&arena, (images.count + 1) * sizeof(*prune.ids.items));
	for (size_t i = 0; prune.ids.items != NULL && i < images.count; i++)
		prune.ids.items[prune.ids.count++] = images.items[i]->id;
	rc = store_image_prune(store, &prune, &pruned, err);
	store_images_free(&images);
	if (rc < 0)
		return rc;
	print_strings("untagged", &pruned.gone);
	store_pruned_done(&pruned);
	return 0;
}

static int take_away(struct store *store, const struct store_remove *request, bool prune,
		     struct err *err)
{
	struct store_removed removed;

	if (prune)
		return prune_all(store, request, err);
	int rc = store_image_remove(store, request, &removed, err);
	if (rc < 0)
		return rc;
	print_strings("untagged", &removed.untagged);
	if (removed.deleted != NULL)
		printf("deleted %s\n", removed.deleted);
	store_removed_done(&removed);
	return 0;
}

static int remove_used(struct store *store, char **args, struct err *err)
{
	struct use use = {.use = strcmp(args[1], "running") == 0 ? STORE_RUNNING : STORE_USED};
	struct store_remove request = {.use = used, .use_arg = &use};
	struct store_image *image;

	int rc = store_image_find(store, args[0], &image, err);
	if (rc < 0)
		return rc;
	(void)snprintf(use.id, sizeof(use.id), "%s", image->id);
	store_image_free(image);
	request.force = args[3] != NULL && strcmp(args[3], "force") == 0;
	request.reference = args[2];
	return take_away(store, &request, args[2][0] == '\0', err);
}

static int run(struct store *store, const char *program, char **args, struct err *err)
{
	const char *verb = args[0];
	struct store_load request = {.program = program};
	struct store_remove removal = {.reference = args[1]};

	if (strcmp(verb, "load") == 0)
		return load(store, &request, args + 1, err);
	request.source = STORE_IMPORT;
	if (strcmp(verb, "import") == 0)
		return load(store, &request, args + 1, err);
	if (strcmp(verb, "save") == 0)
		return save(store, program, args + 1, err);
	if (strcmp(verb, "list") == 0)
		return list(store, err);
	if (strcmp(verb, "find") == 0)
		return find(store, args[1], err);
	if (strcmp(verb, "tag") == 0)
		return store_image_tag(store, args[1], args[2], err);
	if (strcmp(verb, "clean") == 0)
		return store_trash_empty_later(store, program, err);
	if (strcmp(verb, "prune") == 0)
		return take_away(store, &removal, true, err);
	if (strcmp(verb, "use") == 0)
		return remove_used(store, args + 1, err);
	removal.force = strcmp(verb, "rmf") == 0;
	return take_away(store, &removal, false, err);
}

int main(int argc, char **argv)
{
	struct store *store;
	struct err err = {0};
	char text[1024];

	if (argc < 4)
		return 2;
	int rc = store_open(argv[1], &store, &err);
	if (rc == 0) {
		rc = run(store, argv[2], argv + 3, &err);
		store_close(store);
	}
	if (rc < 0)
		printf("error %s: %s\n", kinds[err.kind], err_format(&err, text, sizeof(text)));
	return rc < 0 ? 1 : 0;
}
