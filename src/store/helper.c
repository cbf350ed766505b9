#include "store/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define IMAGES_MAX      1024
#define LAYERS_MAX      65536
#define ARGS_MAX        512
#define LAYER_BYTES_MAX (INT64_MAX / LAYERS_MAX) /* all of them can be added up */
#define FD_TEMPORARY    64 /* descriptors are first moved out of the way of their final numbers */

/* An array in the arena doubles when its count is a power of two. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size, size_t max)
{
	if ((count & (count - 1)) != 0)
		return items;
	void *more = count < max ? arena_alloc(arena, (count == 0 ? 1 : 2 * count) * size) : NULL;
	if (more != NULL && count > 0)
		memcpy(more, items, count * size);
	return more;
}

static int too_many(struct err *err)
{
	return err_set(err, ERR_INVALID, E2BIG, "the archive has too many images or layers");
}

static int take_image(struct helper_report *report, const struct wire_record *record,
		      struct err *err)
{
	struct helper_image *images = grow(report->arena, report->images, report->image_count,
					   sizeof(*images), IMAGES_MAX);

	if (images == NULL)
		return too_many(err);
	report->images = images;
	struct helper_image *image = &images[report->image_count++];
	memcpy(image->id, record->hex, sizeof(image->id));
	memcpy(image->manifest, record->manifest, sizeof(image->manifest));
	memcpy(image->top, record->top, sizeof(image->top));
	image->done_bytes = record->done_bytes;
	if (!reference_is_hex64(image->id) ||
	    (image->manifest[0] != '\0' && !reference_is_hex64(image->manifest)) ||
	    (image->top[0] != '\0' && !reference_is_hex64(image->top)))
		return err_set(err, ERR_INVALID, EPROTO, "corten-image sent a wrong image id");
	return 0;
}

static int take_layer(struct helper_report *report, const struct wire_record *record,
		      struct err *err)
{
	struct helper_layer *layers = grow(report->arena, report->layers, report->layer_count,
					   sizeof(*layers), LAYERS_MAX);

	if (layers == NULL)
		return too_many(err);
	report->layers = layers;
	struct helper_layer *layer = &layers[report->layer_count++];
	memcpy(layer->diff_id, record->hex, sizeof(layer->diff_id));
	layer->size_bytes = record->done_bytes;
	if (!reference_is_hex64(layer->diff_id) || layer->size_bytes < 0 ||
	    layer->size_bytes > LAYER_BYTES_MAX)
		return err_set(err, ERR_INVALID, EPROTO, "corten-image sent a wrong layer id");
	return 0;
}

static int take_packed(struct helper_report *report, const struct wire_record *record,
		       struct err *err)
{
	struct helper_packed *all =
		grow(report->arena, report->packed, report->packed_count, sizeof(*all), LAYERS_MAX);

	if (all == NULL)
		return too_many(err);
	report->packed = all;
	struct helper_packed *packed = &all[report->packed_count++];
	memcpy(packed->diff_id, record->hex, sizeof(packed->diff_id));
	memcpy(packed->digest, record->packed, sizeof(packed->digest));
	memcpy(packed->media_type, record->media_type, sizeof(packed->media_type));
	packed->size_bytes = record->done_bytes;
	packed->proved = record->proved != 0;
	if (!reference_is_hex64(packed->diff_id) || !reference_is_hex64(packed->digest) ||
	    packed->size_bytes < 0)
		return err_set(err, ERR_INVALID, EPROTO, "corten-image sent a wrong layer");
	return 0;
}

static void tell(const struct helper *helper, enum store_event_kind kind,
		 const struct wire_record *record)
{
	const struct store_load *request = helper->request;
	const json_strings *repositories = helper->repositories;
	struct store_event event = {.kind = kind,
				    .layer = record->layer,
				    .done_bytes = record->done_bytes,
				    .total_bytes = record->total_bytes};

	if (request->event == NULL)
		return;
	memcpy(event.name, record->hex, sizeof(event.name));
	if (kind == STORE_EVENT_MOUNTED && repositories != NULL &&
	    record->from < repositories->count)
		event.from = repositories->items[record->from];
	request->event(request->event_arg, &event);
}

/* The text names what an archive holds: a terminal must not be told anything by it. */
static void mask_controls(struct err *err)
{
	for (size_t i = 0; i < err->used; i++) {
		unsigned char c = (unsigned char)err->text[i];
		if (c != '\0' && (c < ' ' || c == 0x7f))
			err->text[i] = '?';
	}
}

static int take_record(const struct helper *helper, struct wire_record *record,
		       struct helper_report *report, struct err *err)
{
	if (record->type == WIRE_NAME) {
		record->name[sizeof(record->name) - 1] = '\0';
	} else if (record->type != WIRE_ERROR) {
		record->hex[sizeof(record->hex) - 1] = '\0';
		record->manifest[sizeof(record->manifest) - 1] = '\0';
		record->top[sizeof(record->top) - 1] = '\0';
		record->packed[sizeof(record->packed) - 1] = '\0';
		record->media_type[sizeof(record->media_type) - 1] = '\0';
	}
	switch ((enum wire_type)record->type) {
	case WIRE_LAYER:
		tell(helper, STORE_EVENT_LAYER, record);
		return 0;
	case WIRE_PROGRESS:
		tell(helper, STORE_EVENT_PROGRESS, record);
		return 0;
	case WIRE_KNOWN:
		tell(helper, STORE_EVENT_KNOWN, record);
		return 0;
	case WIRE_MOUNTED:
		tell(helper, STORE_EVENT_MOUNTED, record);
		return 0;
	case WIRE_PACKED:
		return take_packed(report, record, err);
	case WIRE_DONE:
		tell(helper, STORE_EVENT_DONE, record);
		return take_layer(report, record, err);
	case WIRE_IMAGE:
		return take_image(report, record, err);
	case WIRE_NAME:
		if (report->image_count == 0)
			break;
		return store_strings_add(&report->images[report->image_count - 1].names,
					 record->name, STORE_NAMES_MAX, report->arena, err);
	case WIRE_ERROR:
		err_sanitize(&record->err);
		*err = record->err;
		mask_controls(err);
		return err->sys > 0 ? -err->sys : -EIO;
	case WIRE_END:
		report->ended = true;
		return 0;
	}
	return err_set(err, ERR_INVALID, EPROTO, "corten-image sent a record of type %u",
		       record->type);
}

static int read_records(const struct helper *helper, int fd, struct helper_report *report,
			struct err *err)
{
	for (;;) {
		struct wire_record record;
		ssize_t got = fd_read_full(fd, &record, sizeof(record));
		if (got == 0)
			return 0;
		if (got < 0) {
			errno = (int)-got;
			return err_errno(err, "read from corten-image");
		}
		if ((size_t)got < sizeof(record))
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "corten-image stopped within a record");
		int rc = take_record(helper, &record, report, err);
		if (rc < 0)
			return rc;
	}
}

static int reap(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(err, "wait for corten-image");
	}
	if (WIFSIGNALED(status))
		return err_set(err, ERR_SYSTEM, 0, "corten-image was ended by signal %d (%s)",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return err_set(err, ERR_SYSTEM, 0, "corten-image ended with status %d",
			       WEXITSTATUS(status));
	return 0;
}

/* The command line; text for numbers lives in the arena. */
static int make_argv(const struct helper *helper, struct arena *arena, const char *argv[ARGS_MAX],
		     struct err *err)
{
	const struct store_load *request = helper->request;
	static const char *const verbs[] = {
		[STORE_LOAD] = "load", [STORE_IMPORT] = "import", [STORE_PULL] = "pull"};
	size_t count = 0;
	char *max = arena_alloc(arena, 32);

	if (max == NULL || request->changes.count > (ARGS_MAX - 16) / 2)
		return err_set(err, ERR_INVALID, E2BIG, "too many changes for an image: %zu",
			       request->changes.count);
	argv[count++] = "corten-image";
	argv[count++] = helper->verb != NULL ? helper->verb : verbs[request->source];
	if (request->max_bytes > 0) {
		(void)snprintf(max, 32, "%lld", (long long)request->max_bytes);
		argv[count++] = "--max-bytes";
		argv[count++] = max;
	}
	if (request->platform != NULL) {
		argv[count++] = "--platform";
		argv[count++] = request->platform;
	}
	if (request->message != NULL) {
		argv[count++] = "--message";
		argv[count++] = request->message;
	}
	for (size_t i = 0; i < request->changes.count; i++) {
		argv[count++] = "--change";
		argv[count++] = request->changes.items[i];
	}
	argv[count] = NULL;
	return 0;
}

static int map_fds(posix_spawn_file_actions_t *actions, const int *from, int (*moved)[6],
		   struct err *err)
{
	static const int to[6] = {WIRE_FD_INPUT, WIRE_FD_STAGING, WIRE_FD_RECORDS,
				  WIRE_FD_KNOWN, WIRE_FD_LOCKS,   WIRE_FD_LOCKS + 1};

	for (int i = 0; i < 6; i++) {
		(*moved)[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_TEMPORARY);
		if ((*moved)[i] < 0)
			return err_errno(err, "duplicate a descriptor");
		int sys = posix_spawn_file_actions_adddup2(actions, (*moved)[i], to[i]);
		if (sys != 0)
			return err_set(err, ERR_SYSTEM, sys, "prepare descriptors");
	}
	return 0;
}

/* What reads hostile bytes has nothing to say to the caller's terminal. A sanitizer has. */
static int close_off_terminal(posix_spawn_file_actions_t *actions, struct err *err)
{
#ifdef __SANITIZE_ADDRESS__
	const int last = STDOUT_FILENO;
#else
	const int last = STDERR_FILENO;
#endif
	int sys = 0;

	for (int fd = STDOUT_FILENO; sys == 0 && fd <= last; fd++)
		sys = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_WRONLY, 0);
	return sys == 0 ? 0 : err_set(err, ERR_SYSTEM, sys, "prepare descriptors");
}

static int spawn_mapped(const struct helper *helper, const char *const *argv, const int *from,
			pid_t *ret_pid, struct err *err)
{
	char *const environment[] = {NULL};
	int moved[6] = {FD_NONE, FD_NONE, FD_NONE, FD_NONE, FD_NONE, FD_NONE};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	int rc = map_fds(&actions, from, &moved, err);
	if (rc == 0)
		rc = close_off_terminal(&actions, err);
	if (rc == 0) {
		/* posix_spawn() takes char *const * and changes nothing. */
		union {
			const char *const *in;
			char *const *out;
		} args = {.in = argv};
		int sys = posix_spawn(ret_pid, helper->request->program, &actions, &attr, args.out,
				      environment);
		if (sys != 0)
			rc = err_set(err, err_kind_of(sys), sys, "start '%s'",
				     helper->request->program);
	}
	for (int i = 0; i < 6; i++)
		fd_closep(&moved[i]);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int helper_run(const struct helper *helper, struct helper_report *report, struct err *err)
{
	const char *argv[ARGS_MAX];
	int ends[2];
	pid_t pid;

	int rc = make_argv(helper, report->arena, argv, err);
	if (rc < 0)
		return rc;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd reader = ends[0];
	auto_fd writer = ends[1];
	const int from[6] = {helper->verb ? helper->input_fd : helper->request->input_fd,
			     helper->staging_fd,
			     writer,
			     helper->known_fd,
			     helper->lock_fds[0],
			     helper->lock_fds[1]};
	rc = spawn_mapped(helper, argv, from, &pid, err);
	if (rc < 0)
		return rc;
	fd_closep(&writer);
	rc = read_records(helper, reader, report, err);
	if (rc < 0)
		(void)kill(pid, SIGKILL);
	struct err died;
	int died_rc = reap(pid, &died);
	if (rc < 0)
		return rc;
	if (died_rc == 0 && !report->ended)
		died_rc = err_set(&died, ERR_SYSTEM, EPROTO, "corten-image ended early");
	if (died_rc < 0)
		*err = died;
	return died_rc;
}
