#include "engine/prepare.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/policy/policy.h"
#include "engine/spec/list.h"

#define PROFILE_MAX (4 * 1024 * 1024)

static int keep_text(const struct buf *text, struct arena *arena, struct json_text *ret_text,
		     struct err *err)
{
	int rc = buf_check(text, "the seccomp policy", err);

	if (rc < 0 || text->len == 0)
		return rc;
	*ret_text = (struct json_text){arena_strndup(arena, text->data, text->len), text->len};
	return ret_text->text == NULL ? list_no_memory(err) : 0;
}

static int read_profile(const char *path, const struct policy_host *host, struct buf *out,
			struct err *err)
{
	BUF_AUTO(text, POLICY_FILE_BYTES_MAX);

	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);
	if (rc == 0)
		rc = policy_file_convert(text.data != NULL ? text.data : "", text.len, host, out,
					 err);
	return rc < 0 ? err_wrap(err, rc, "seccomp profile '%s'", path) : 0;
}

static int prepare_seccomp(const struct engine_config *config, bool privileged, struct arena *arena,
			   struct prepared *prepared, struct err *err)
{
	const struct security *security = &prepared->security;
	const char *file = security->seccomp_file;
	struct policy_host host;
	BUF_AUTO(out, PROFILE_MAX);

	if (security->seccomp == SECURITY_SECCOMP_UNCONFINED ||
	    (privileged && security->seccomp == SECURITY_SECCOMP_DEFAULT))
		return 0;
	if (security->seccomp == SECURITY_SECCOMP_DEFAULT)
		file = config->seccomp_profile;
	int rc = policy_host_init(&host, prepared->caps, err);
	if (rc == 0)
		rc = file != NULL ? read_profile(file, &host, &out, err)
				  : policy_default_write(&host, &out, err);
	return rc < 0 ? rc : keep_text(&out, arena, &prepared->seccomp, err);
}

int prepare_labels(struct engine *engine, const struct engine_container *container,
		   struct arena *arena, struct prepared *ret_prepared, struct err *err)
{
	const struct engine_options *options = &container->options;
	struct prepared *p = ret_prepared;

	*p = (struct prepared){0};
	host_look(&p->host);
	int rc = spec_modes_parse(options, &p->modes, err);
	if (rc == 0)
		rc = security_parse(&options->security, &p->security, err);
	if (rc < 0)
		return rc;
	struct labels_request request = {
		.security = &p->security,
		.host = &p->host,
		.privileged = options->privileged,
		.host_namespaces = p->modes.host_pid || p->modes.host_ipc,
		.level = container->selinux_level,
	};
	if (request.level == NULL && labels_want_level(&request))
		rc = record_ensure_level(engine, container->id, arena, &request.level, err);
	if (rc == 0)
		rc = labels_build(&request, arena, &p->labels, err);
	if (rc < 0 || p->labels.apparmor == NULL ||
	    strcmp(p->labels.apparmor, LABELS_APPARMOR_DEFAULT) != 0)
		return rc;
	rc = apparmor_ensure_default(&apparmor_host, err);
	p->unprofiled = rc == 0;
	if (p->unprofiled)
		p->labels.apparmor = NULL;
	return rc < 0 ? rc : 0;
}

int prepare_security(struct engine *engine, const struct engine_container *container,
		     const struct oci_image_run *image, int rootfs_fd, struct arena *arena,
		     struct prepared *prepared, struct err *err)
{
	const struct engine_options *options = &container->options;
	const char *user = options->user != NULL ? options->user : image->user;
	struct prepared *p = prepared;

	int rc = security_caps(&options->cap_add, &options->cap_drop, options->privileged,
			       p->host.all_caps, &p->caps, err);
	if (rc == 0)
		rc = account_resolve_in_root(rootfs_fd, user, &options->groups, arena, &p->account,
					     err);
	if (rc == 0)
		rc = prepare_seccomp(engine->config, options->privileged, arena, p, err);
	return rc;
}

const char *prepare_cgroups_path(const struct engine_container *container, struct arena *arena)
{
	const char *parent = container->options.cgroup_parent;

	/* No parent of our own: it would be left on the host when the last container has gone. */
	if (parent == NULL || parent[0] == '\0')
		return list_text(arena, "/corten-%s", container->id);
	return list_text(arena, "%s%s/%s", parent[0] == '/' ? "" : "/", parent, container->id);
}

struct attach_message prepare_hello(const struct engine_streams *streams)
{
	struct attach_message hello = {.type = ATTACH_HELLO};
	unsigned flags = 0;

	if (streams->want_stdin)
		flags |= ATTACH_WANT_STDIN;
	if (streams->want_stdout)
		flags |= ATTACH_WANT_STDOUT | ATTACH_PACED;
	if (streams->want_stderr)
		flags |= ATTACH_WANT_STDERR | ATTACH_PACED;
	if (streams->will_clean)
		flags |= ATTACH_WILL_CLEAN;
	hello.hello.version = ATTACH_VERSION;
	hello.hello.flags = (uint16_t)flags;
	hello.hello.rows = streams->rows;
	hello.hello.columns = streams->columns;
	return hello;
}
