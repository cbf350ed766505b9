/* corten pull, and what run and create fetch before they begin. */
#include "cli/pull.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/access.h"
#include "cli/progress.h"
#include "engine/spec/list.h"

struct pull_values {
	struct engine_access access;
	const char *platform;
	const char *policy;
	bool all_tags;
	bool quiet;
};
static const struct option pull_options[] = {
	OPT_FLAG(struct pull_values, all_tags, 'a', "all-tags", "every tag of the repository"),
	OPT_AUTH_FILE(struct pull_values, access, ""),
	OPT_CERT_FOLDER(struct pull_values, access, ""),
	OPT_CREDENTIALS(struct pull_values, access, ""),
	OPT_STRING(struct pull_values, platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "which image of several"),
	OPT_STRING(struct pull_values, policy, '\0', "policy", "always|missing|newer|never",
		   HINT_WORDS, "when to ask the registry (default always)"),
	OPT_FLAG(struct pull_values, quiet, 'q', "quiet", "print the image's id alone"),
	OPT_TLS_VERIFY(struct pull_values, access, ""),
};

enum policy {
	POLICY_MISSING,
	POLICY_ALWAYS,
	POLICY_NEVER,
	POLICY_NEWER,
};

static int parse_policy(const char *text, enum policy *policy, struct err *err)
{
	static const char *const words[] = {"missing", "always", "never", "newer"};

	for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*policy = (enum policy)i;
			return 0;
		}
	}
	return text == NULL
		       ? 0
		       : err_set(err, ERR_INVALID, 0,
				 "when to pull is missing, always, never or newer, not '%s'", text);
}

static int pull(struct cli *cli, const struct engine_pull *wanted, bool quiet, const char **ret_id,
		struct err *err)
{
	struct engine_pull request = *wanted;
	struct engine_image image = {0};
	struct progress progress;

	enum progress_form form = isatty(STDERR_FILENO) == 1 ? PROGRESS_BARS : PROGRESS_LINES;
	progress_begin(&progress, quiet ? PROGRESS_NONE : form);
	request.progress = progress_show;
	request.progress_arg = &progress;
	int rc = engine_image_pull(cli->engine, &request, cli->arena, &image, err);
	progress_end(&progress);
	if (rc == 0)
		*ret_id = image.id;
	return rc;
}

/* One of another platform is as good as none. */
static int check_platform(struct cli *cli, const struct engine_pull *request, enum policy policy,
			  const char **ret_id, struct err *err)
{
	const char *wanted = request->platform;
	struct engine_image image;
	char has[128];

	if (strchr(wanted, '/') == NULL)
		return err_set(err, ERR_INVALID, 0,
			       "platform '%.100s' is not OS/ARCHITECTURE[/VARIANT]", wanted);
	int rc = engine_image_find(cli->engine, request->reference, cli->arena, &image, err);
	if (rc < 0)
		return rc;
	size_t len =
		(size_t)snprintf(has, sizeof(has), "%.60s/%.60s", image.os, image.architecture);
	if (strncmp(wanted, has, len) == 0 && (wanted[len] == '\0' || wanted[len] == '/'))
		return 0;
	if (policy == POLICY_NEVER)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "image %s is here for %s alone, not for %.100s: --pull never keeps "
			       "from fetching that",
			       request->reference, has, wanted);
	*ret_id = NULL;
	return 0;
}

/*
 * What policy says about an image that is there or not. "newer" asks the registry, and what has not changed is not
 * fetched again, as with "always"; only that a registry out of reach is no failure when there is an image.
 */
static int pull_by_policy(struct cli *cli, const struct engine_pull *request, enum policy policy,
			  bool quiet, const char **ret_id, struct err *err)
{
	struct err failed = {.kind = ERR_NONE};

	int rc = engine_image_id(cli->engine, request->reference, cli->arena, ret_id, err);
	if (rc == 0 && *ret_id != NULL && request->platform != NULL)
		rc = check_platform(cli, request, policy, ret_id, err);
	if (rc < 0 || policy == POLICY_NEVER || (policy == POLICY_MISSING && *ret_id != NULL))
		return rc;
	rc = pull(cli, request, quiet, ret_id, &failed);
	if (rc < 0 && policy == POLICY_NEWER && *ret_id != NULL)
		return 0;
	if (rc < 0)
		*err = failed;
	return rc;
}

int pull_for(struct cli *cli, const struct engine_options *options, struct err *err)
{
	const struct engine_pull request = {.reference = options->image,
					    .platform = options->platform,
					    .access = {.auth_file = options->auth_file,
						       .cert_folder = options->cert_folder,
						       .tls_verify = options->tls_verify}};
	enum policy policy = POLICY_MISSING;
	const char *id = NULL;

	int rc = parse_policy(options->pull, &policy, err);
	if (rc < 0)
		return rc;
	rc = pull_by_policy(cli, &request, policy, options->quiet, &id, err);
	if (rc < 0 && id == NULL && err->kind != ERR_INVALID)
		err_wrap(err, rc, "No such image: %s: it is not here, and cannot be pulled",
			 options->image);
	return rc;
}

static int pull_one(struct cli *cli, const struct pull_values *v, enum policy policy,
		    const char *reference, struct err *err)
{
	const struct engine_pull request = {
		.reference = reference, .platform = v->platform, .access = v->access};
	const char *id = NULL;

	int rc = pull_by_policy(cli, &request, policy, v->quiet, &id, err);
	if (rc == 0 && id == NULL)
		rc = err_set(err, ERR_NOT_FOUND, 0, "No such image: %s", reference);
	if (rc == 0)
		(void)printf("%s\n", id);
	return rc;
}

static int pull_all_tags(struct cli *cli, const struct pull_values *v, enum policy policy,
			 const char *repository, struct err *err)
{
	const struct engine_remote request = {.reference = repository, .access = v->access};
	struct engine_tags tags = {0};

	int rc = engine_remote_tags(cli->engine, &request, 0, cli->arena, &tags, err);
	if (rc == 0 && tags.tags.count == 0)
		rc = err_set(err, ERR_NOT_FOUND, 0, "repository %s has no tags", tags.repository);
	for (size_t i = 0; rc == 0 && i < tags.tags.count; i++) {
		const char *name =
			list_text(cli->arena, "%s:%s", tags.repository, tags.tags.items[i]);
		rc = name == NULL ? list_no_memory(err) : pull_one(cli, v, policy, name, err);
	}
	return rc;
}

static int cmd_pull(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct pull_values *v = values;
	enum policy policy = POLICY_ALWAYS;
	int rc = parse_policy(v->policy, &policy, err);

	for (size_t i = 0; rc == 0 && i < args->count; i++) {
		if (v->all_tags)
			rc = pull_all_tags(cli, v, policy, args->items[i], err);
		else
			rc = pull_one(cli, v, policy, args->items[i], err);
	}
	return rc;
}

const struct command command_image_pull = {
	.name = "image pull",
	.aliases = "pull",
	.operands = "NAME[:TAG|@DIGEST] [NAME...]",
	.summary = "fetch images from a registry",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.options = pull_options,
	.option_count = sizeof(pull_options) / sizeof(pull_options[0]),
	.values_size = sizeof(struct pull_values),
	.run = cmd_pull,
};
