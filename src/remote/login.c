#include "remote/login.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "remote/auth.h"
#include "remote/auth_edit.h"

int login_parse(const char *registry, struct session_options *options, struct arena *arena,
		const char **ret_key, struct err *err)
{
	char text[REFERENCE_TEXT_MAX];
	struct reference ref;
	const char *rest = str_after(registry, "https://");

	if (rest == NULL)
		rest = str_after(registry, "http://");
	/* Of an URL the host counts: "https://index.docker.io/v1/". */
	size_t len = rest != NULL ? strcspn(rest, "/") : strlen(registry);
	if (rest == NULL)
		rest = registry;
	while (len > 0 && rest[len - 1] == '/')
		len--;
	int rc = len == 0 ? -EINVAL : str_format(text, sizeof(text), "%.*s/x:x", (int)len, rest);
	if (rc < 0 || reference_parse(text, &ref, err) < 0 ||
	    (strncmp(text, ref.domain, strlen(ref.domain)) != 0 &&
	     !str_starts_with(text, "index.docker.io/")))
		return err_set(err, ERR_INVALID, 0, "'%.200s' is no registry: HOST[:PORT] is one",
			       registry);
	options->reference = (struct reference){0};
	(void)str_copy(options->reference.domain, sizeof(options->reference.domain), ref.domain);
	(void)str_format(text, sizeof(text), "%s/%s", ref.domain, ref.path);
	size_t end = strlen(text) - strlen("/x");
	if (strcmp(ref.domain, "docker.io") == 0 && strcmp(ref.path, "library/x") == 0)
		end = strlen(ref.domain);
	*ret_key = arena_strndup(arena, text, end);
	return *ret_key != NULL ? 0 : err_set(err, ERR_SYSTEM, ENOMEM, "read a name");
}

static int pass_over(void *arg, const void *data, size_t size)
{
	(void)arg;
	(void)data;
	(void)size;
	return 0;
}

int login_add(struct session_options *options, const char *key, const char *user,
	      const char *password, struct err *err)
{
	const struct auth_change change = {key, user, password};
	const struct auth auth = {.user = user, .password = password};
	const struct session_request request = {.path = "/v2/", .sink = pass_over};
	struct session_answer answer;
	struct session *session = NULL;
	bool found;

	if (user[0] == '\0' || strchr(user, ':') != NULL)
		return err_set(err, ERR_INVALID, 0, "'%.100s' is no user name", user);
	options->auth = &auth;
	int rc = session_new(options, &session, err);
	if (rc == 0)
		rc = session_get(session, &request, &answer, err);
	session_free(session);
	options->auth = NULL;
	return rc < 0 ? rc : auth_file_edit(options->auth_file, &change, options->env, &found, err);
}

int login_remove(const struct session_options *options, const char *key, struct err *err)
{
	const struct auth_change change = {.key = key};
	bool found = false;

	int rc = auth_file_edit(options->auth_file, &change, options->env, &found, err);
	if (rc == 0 && !found && key != NULL)
		return err_set(err, ERR_NOT_FOUND, 0, "not logged in to %s", key);
	return rc;
}

int login_user(const struct session_options *options, const char *key, struct arena *arena,
	       const char **ret_user, struct err *err)
{
	struct auth auth;

	int rc = auth_find(options->auth_file, key, options->env, arena, &auth, err);
	if (rc < 0)
		return rc;
	if (auth.user == NULL)
		return err_set(err, ERR_NOT_FOUND, 0, "not logged in to %s", key);
	*ret_user = auth.user;
	return 0;
}
