/* Images from one place into another, neither of them this store. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/internal.h"
#include "engine/output.h"
#include "engine/spec/list.h"
#include "store/reference.h"

enum place_kind {
	PLACE_REGISTRY,
	PLACE_OCI,
	PLACE_OCI_ARCHIVE,
	PLACE_DOCKER_ARCHIVE,
	PLACE_DIR,
};

struct place {
	enum place_kind kind;
	const char *path; /* NULL: a registry */
	const char *name; /* in the registry; in a file or folder, where NULL is none */
};

static const struct {
	const char *scheme;
	enum place_kind kind;
	enum store_form form;
} schemes[] = {
	{"docker://", PLACE_REGISTRY, 0},
	{"oci:", PLACE_OCI, STORE_FORM_OCI_DIR},
	{"oci-archive:", PLACE_OCI_ARCHIVE, STORE_FORM_OCI_ARCHIVE},
	{"docker-archive:", PLACE_DOCKER_ARCHIVE, STORE_FORM_DOCKER_ARCHIVE},
	{"dir:", PLACE_DIR, STORE_FORM_DOCKER_DIR},
};
#define SCHEME_COUNT (sizeof(schemes) / sizeof(schemes[0]))

static bool is_folder(enum place_kind kind)
{
	return kind == PLACE_OCI || kind == PLACE_DIR;
}

static enum store_form form_of(const struct place *place)
{
	for (size_t i = 0; i < SCHEME_COUNT; i++) {
		if (schemes[i].kind == place->kind)
			return schemes[i].form;
	}
	return STORE_FORM_OCI_DIR;
}

/* "PATH[:NAME]": the first colon ends the path, as with others. */
static int split_path(const char *rest, struct arena *arena, struct place *place, struct err *err)
{
	size_t len = place->kind == PLACE_DIR ? strlen(rest) : strcspn(rest, ":");

	place->path = arena_strndup(arena, rest, len);
	if (place->path == NULL)
		return list_no_memory(err);
	if (len == 0)
		return err_set(err, ERR_INVALID, 0, "no path is named");
	if (rest[len] == ':' && rest[len + 1] != '\0')
		place->name = rest + len + 1;
	return 0;
}

static int parse_place(const char *text, struct arena *arena, struct place *place, struct err *err)
{
	const char *rest = NULL;
	int rc = 0;

	*place = (struct place){0};
	for (size_t i = 0; rest == NULL && i < SCHEME_COUNT; i++) {
		rest = str_after(text, schemes[i].scheme);
		place->kind = schemes[i].kind;
	}
	if (rest == NULL)
		rc = err_set(err, ERR_INVALID, 0,
			     "it is no docker://NAME, oci:FOLDER[:TAG], oci-archive:FILE[:TAG], "
			     "docker-archive:FILE[:NAME] or dir:FOLDER (images of this store: "
			     "corten image save)");
	else if (place->kind == PLACE_REGISTRY)
		place->name = rest;
	else
		rc = split_path(rest, arena, place, err);
	return rc < 0 ? err_wrap(err, rc, "'%.200s'", text) : 0;
}

static int open_source(const struct place *place, int *ret_fd, struct err *err)
{
	struct stat st;
	auto_fd fd = open(place->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '%s'", place->path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at '%s'", place->path);
	if (S_ISDIR(st.st_mode) != is_folder(place->kind))
		return err_set(err, ERR_INVALID, 0, "'%s' is %s folder: is it oci%s:?", place->path,
			       S_ISDIR(st.st_mode) ? "a" : "no",
			       S_ISDIR(st.st_mode) ? "" : "-archive");
	*ret_fd = fd_take(&fd);
	return 0;
}

/* The complete name in a registry that may be asked. */
static int find_name(struct engine *engine, const struct place *place, struct arena *arena,
		     struct reference *reference, const char **ret_full, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];

	int rc = reference_parse(place->name, reference, err);
	if (rc < 0)
		return rc;
	if (reference->digest[0] != '\0')
		reference->tag[0] = '\0'; /* the digest says more */
	(void)reference_full(reference, full);
	rc = registry_check_online(engine, full, err);
	if (rc < 0)
		return rc;
	*ret_full = arena_strndup(arena, full, strlen(full));
	return *ret_full != NULL ? 0 : list_no_memory(err);
}

static int find_source(struct engine *engine, const struct engine_copy *request,
		       const struct place *source, struct arena *arena, struct store_copy *copy,
		       struct err *err)
{
	struct reference reference;

	copy->source_name = source->name;
	if (source->kind != PLACE_REGISTRY)
		return 0;
	int rc = find_name(engine, source, arena, &reference, &copy->reference, err);
	if (rc == 0)
		rc = registry_options(&request->source_access, arena, &copy->options,
				      &copy->password, err);
	return rc < 0 ? rc : paths_find_program(engine, "corten-remote", arena, &copy->remote, err);
}

static int find_destination(struct engine *engine, const struct engine_copy *request,
			    const struct place *to, struct arena *arena, struct store_copy *copy,
			    struct err *err)
{
	struct reference reference;

	copy->form = form_of(to);
	copy->name = to->name;
	if (to->kind != PLACE_REGISTRY)
		return 0;
	int rc = find_name(engine, to, arena, &reference, &copy->destination, err);
	if (rc == 0 && reference.digest[0] != '\0')
		rc = err_set(err, ERR_INVALID, 0,
			     "'%.200s' has a digest: a copy is to a name with a tag", to->name);
	if (rc == 0)
		rc = registry_options(&request->destination_access, arena,
				      &copy->destination_options, &copy->destination_password, err);
	return rc < 0 ? rc : paths_find_program(engine, "corten-remote", arena, &copy->remote, err);
}

/* A file or folder has its name once all of it is there, as an image in a registry has. */
static int copy_out(struct engine *engine, struct store_copy *copy, const struct place *to,
		    char ret_digest[72], struct err *err)
{
	struct output output;

	if (to->kind == PLACE_REGISTRY)
		return store_copy(engine->store, copy, ret_digest, err);
	int rc = output_open(&output, to->path, is_folder(to->kind), err);
	if (rc < 0)
		return rc;
	copy->output_fd = output.fd;
	rc = store_copy(engine->store, copy, ret_digest, err);
	if (rc == 0)
		rc = output_commit(&output, err);
	output_done(&output);
	return rc;
}

static int check_places(const struct place *from, const struct place *to, struct err *err)
{
	struct reference reference;

	if (from->kind == PLACE_DIR)
		return err_set(err, ERR_UNSUPPORTED, 0, "dir: is for destinations alone");
	if (to->kind != PLACE_DOCKER_ARCHIVE || to->name == NULL)
		return 0;
	int rc = reference_parse(to->name, &reference, err);
	if (rc == 0 && reference.digest[0] != '\0')
		rc = err_set(err, ERR_INVALID, 0, "'%.200s': a name in an archive has no digest",
			     to->name);
	return rc;
}

int engine_image_copy(struct engine *engine, const struct engine_copy *request, struct arena *arena,
		      const char **ret_digest, struct err *err)
{
	struct images_relay relay = {request->progress, request->progress_arg};
	struct place from = {0}, to = {0};
	struct store_copy copy = {.input_fd = FD_NONE,
				  .platform = request->platform,
				  .all = request->all,
				  .event = request->progress != NULL ? images_relay : NULL,
				  .event_arg = &relay};
	auto_fd input = FD_NONE;
	char digest[72];

	int rc = parse_place(request->source, arena, &from, err);
	if (rc == 0)
		rc = parse_place(request->destination, arena, &to, err);
	if (rc == 0)
		rc = check_places(&from, &to, err);
	if (rc == 0)
		rc = find_source(engine, request, &from, arena, &copy, err);
	if (rc == 0)
		rc = find_destination(engine, request, &to, arena, &copy, err);
	if (rc == 0 && from.kind != PLACE_REGISTRY)
		rc = open_source(&from, &input, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-image", arena, &copy.program, err);
	if (rc < 0)
		return rc;
	copy.input_fd = input;
	rc = copy_out(engine, &copy, &to, digest, err);
	if (rc < 0)
		return err_wrap(err, rc, "copy '%.200s'", request->source);
	*ret_digest = arena_strndup(arena, digest, strlen(digest));
	return *ret_digest != NULL ? 0 : list_no_memory(err);
}
