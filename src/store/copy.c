#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/helper.h"
#include "store/internal.h"
#include "store/reference.h"
#include "store/remote.h"
#include "store/staged.h"
#include "store/wire_copy.h"

/* The repository of the source where a registry may take blobs from it; NULL: it is elsewhere. */
static const char *find_sibling(const struct store_copy *request, struct reference *source)
{
	struct reference to;
	struct err ignored;

	if (request->destination == NULL || request->reference == NULL ||
	    reference_parse(request->reference, source, &ignored) < 0 ||
	    reference_parse(request->destination, &to, &ignored) < 0)
		return NULL;
	bool same = strcmp(source->domain, to.domain) == 0 && strcmp(source->path, to.path) != 0;
	return same ? source->path : NULL;
}

static int write_request(int folder_fd, const struct store_copy *request, bool mount,
			 struct err *err)
{
	const struct wire_copy wire = {.form = request->form,
				       .source_name = request->source_name,
				       .name = request->name,
				       .platform = request->platform,
				       .all = request->all,
				       .mount = mount};
	BUF_AUTO(text, WIRE_COPY_BYTES_MAX);

	json_write(&wire_copy_shape, &wire, JSON_COMPACT, &text);
	int rc = buf_check(&text, "the request", err);
	return rc < 0 ? rc : staged_write(folder_fd, WIRE_COPY_REQUEST, &text, err);
}

struct copying {
	const struct store_copy *request;
	struct store_staging staging;
	struct remote source;
	struct remote destination;
};

static int run_program(const struct copying *copying, char ret_digest[72], struct err *err)
{
	ARENA_AUTO(arena, STORE_ARENA_MAX);
	const struct store_copy *request = copying->request;
	const struct store_load load = {.program = request->program,
					.event = request->event,
					.event_arg = request->event_arg};
	struct helper_report report = {.arena = &arena};
	bool pulled = request->reference != NULL;
	bool pushed = request->destination != NULL;
	/* The store has no part in it: the second lock is the first once more. */
	const struct helper helper = {
		.request = &load,
		.verb = "copy",
		.input_fd = pulled ? copying->source.socket_fd : request->input_fd,
		.staging_fd = copying->staging.dir_fd,
		.known_fd = pushed ? copying->destination.socket_fd : request->output_fd,
		.lock_fds = {copying->staging.lock_fd, copying->staging.lock_fd}};

	int rc = helper_run(&helper, &report, err);
	if (rc == 0 && report.image_count != 1)
		rc = err_set(err, ERR_SYSTEM, EPROTO, "corten-image copied %zu images",
			     report.image_count);
	if (rc == 0)
		(void)snprintf(ret_digest, 72, "sha256:%s", report.images[0].top);
	return rc;
}

/*
 * Whoever broke off is heard. The one that uploads says also that corten-image has gone: that counts only when
 * corten-image itself found nothing but its end.
 */
static int prefer_cause(const struct copying *copying, int rc, struct err *err)
{
	int heard = rc;

	if (copying->source.records_fd >= 0)
		heard = remote_prefer(&copying->source, rc, err);
	if (heard == rc && copying->destination.records_fd >= 0 &&
	    (err->sys == EPIPE || err->sys == ECONNRESET || err->sys == EPROTO))
		heard = remote_prefer(&copying->destination, rc, err);
	return heard;
}

static int start_remotes(struct copying *copying, const char *sibling, struct err *err)
{
	const struct store_copy *request = copying->request;
	const struct remote_start source = {.program = request->remote,
					    .verb = "serve",
					    .options = request->options,
					    .password = request->password,
					    .reference = request->reference};
	const struct remote_start destination = {.program = request->remote,
						 .verb = "push",
						 .options = request->destination_options,
						 .from = {&sibling, sibling != NULL ? 1 : 0},
						 .password = request->destination_password,
						 .reference = request->destination};
	int rc = 0;

	if (request->reference != NULL)
		rc = remote_start(&source, &copying->source, err);
	if (rc == 0 && request->destination != NULL)
		rc = remote_start(&destination, &copying->destination, err);
	return rc;
}

static int copy_staged(struct copying *copying, char ret_digest[72], struct err *err)
{
	struct reference source;
	const char *sibling = find_sibling(copying->request, &source);

	int rc = write_request(copying->staging.dir_fd, copying->request, sibling != NULL, err);
	if (rc == 0)
		rc = start_remotes(copying, sibling, err);
	if (rc == 0)
		rc = run_program(copying, ret_digest, err);
	return rc < 0 ? prefer_cause(copying, rc, err) : 0;
}

int store_copy(struct store *store, const struct store_copy *request, char ret_digest[72],
	       struct err *err)
{
	struct copying copying = {
		.request = request, .source = REMOTE_INIT, .destination = REMOTE_INIT};
	struct err ignored;

	int rc = store_staging_make(store, &copying.staging, err);
	if (rc < 0)
		return rc;
	rc = copy_staged(&copying, ret_digest, err);
	remote_done(&copying.source);
	remote_done(&copying.destination);
	store_staging_done(store, &copying.staging);
	(void)store_trash_empty_later(store, request->program, &ignored);
	return rc;
}
