#include <stdio.h>
#include <string.h>

#include "engine/internal.h"
#include "engine/spec/list.h"
#include "store/reference.h"

#define GZIP_LEVEL_MAX 9
#define ZSTD_LEVEL_MAX 22

static const char *copy(const char *text, struct arena *arena)
{
	return arena_strndup(arena, text, strlen(text));
}

/* podman's users write the transport. */
static const char *destination_of(const struct engine_push *request)
{
	static const char transport[] = "docker://";
	const char *name = request->destination != NULL ? request->destination : request->reference;

	return strncmp(name, transport, strlen(transport)) == 0 ? name + strlen(transport) : name;
}

int engine_image_push_target(const struct engine_push *request, struct arena *arena,
			     struct engine_pushed *ret_target, struct err *err)
{
	char text[REFERENCE_TEXT_MAX];
	struct reference to;

	int rc = reference_parse(destination_of(request), &to, err);
	if (rc == 0 && to.digest[0] != '\0')
		rc = err_set(err, ERR_INVALID, 0,
			     "'%.200s' has a digest: a push is to a name with a tag",
			     destination_of(request));
	if (rc < 0)
		return rc;
	*ret_target = (struct engine_pushed){.destination = copy(reference_full(&to, text), arena),
					     .tag = copy(to.tag, arena)};
	to.tag[0] = '\0';
	ret_target->repository = copy(reference_full(&to, text), arena);
	return ret_target->destination != NULL && ret_target->tag != NULL &&
			       ret_target->repository != NULL
		       ? 0
		       : list_no_memory(err);
}

static int choose_packing(const struct engine_push *request, struct store_push *push,
			  struct err *err)
{
	int packing = STORE_PACKING_GZIP;
	int form = STORE_MANIFEST_KEPT;
	int rc = 0;

	if (request->packing != NULL)
		rc = images_word_index(request->packing, store_packing_names, "compression",
				       &packing, err);
	if (rc == 0 && request->form != NULL) {
		/* The first has no name: it is what there is without a wish. */
		rc = images_word_index(request->form, store_manifest_names + STORE_MANIFEST_OCI,
				       "form of a manifest", &form, err);
		form += STORE_MANIFEST_OCI;
	}
	if (rc < 0)
		return rc;
	push->packing = (enum store_packing)packing;
	push->form = (enum store_manifest)form;
	push->repack = request->packing != NULL;
	push->level = request->level;
	int max = packing == STORE_PACKING_ZSTD ? ZSTD_LEVEL_MAX : GZIP_LEVEL_MAX;
	if (request->level < 0 || request->level > max)
		return err_set(err, ERR_INVALID, 0, "a level of %s is 1 to %d, not %d",
			       store_packing_names[packing], max, request->level);
	if (form == STORE_MANIFEST_V2S2 && packing == STORE_PACKING_ZSTD)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "Docker's media types know no zstd: use gzip, or --format oci");
	return 0;
}

int engine_image_push(struct engine *engine, const struct engine_push *request, struct arena *arena,
		      struct engine_pushed *ret_pushed, struct err *err)
{
	struct images_relay relay = {request->progress, request->progress_arg};
	struct store_push push = {
		.reference = request->reference,
		.destination = destination_of(request),
		.event = request->progress != NULL ? images_relay : NULL,
		.event_arg = &relay,
	};
	struct store_pushed pushed = {0};

	if (engine->config->offline)
		return err_wrap(err,
				err_set(err, ERR_DENIED, 0,
					"offline (--offline, or corten.conf): its registry would "
					"have to be asked (corten image save writes images, too)"),
				"push '%.200s'", push.destination);
	int rc = engine_image_push_target(request, arena, ret_pushed, err);
	if (rc == 0)
		rc = choose_packing(request, &push, err);
	if (rc == 0)
		rc = registry_options(&request->access, arena, &push.options, &push.password, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-image", arena, &push.program, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-remote", arena, &push.remote, err);
	if (rc == 0)
		rc = store_push(engine->store, &push, &pushed, err);
	if (rc < 0)
		return rc;
	char digest[sizeof("sha256:") + sizeof(pushed.digest)];
	(void)snprintf(digest, sizeof(digest), "sha256:%s", pushed.digest);
	ret_pushed->digest = copy(digest, arena);
	if (ret_pushed->digest == NULL)
		return list_no_memory(err);
	ret_pushed->manifest_bytes = pushed.manifest_bytes;
	return 0;
}

int engine_image_tags(struct engine *engine, const char *name, struct arena *arena,
		      json_strings *ret_names, struct err *err)
{
	store_images images = {0};
	struct reference wanted, ref;

	int rc = reference_parse(name, &wanted, err);
	if (rc == 0)
		rc = store_image_list(engine->store, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const json_strings *names = &images.items[i]->names;
		for (size_t j = 0; rc == 0 && j < names->count; j++) {
			rc = reference_parse(names->items[j], &ref, err);
			if (rc == 0 && strcmp(ref.domain, wanted.domain) == 0 &&
			    strcmp(ref.path, wanted.path) == 0)
				rc = list_push_text(ret_names, copy(names->items[j], arena), arena,
						    err);
		}
	}
	store_images_free(&images);
	return rc;
}
