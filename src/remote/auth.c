#include "remote/auth.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "remote/base64.h"
#include "remote/limits.h"

#define DOCKER_HOST "docker.io"
#define PAIR_MAX    8192

struct entry {
	const char *key;
	const char *auth; /* base64 of "user:password" */
	const char *user;
	const char *password;
	const char *identity_token;
};
struct document {
	JSON_LIST_OF(struct entry) auths;
	json_pairs helpers;
	const char *store;
};

static const struct json_field entry_fields[] = {
	JSON_STRING(struct entry, auth, "auth"),
	JSON_STRING(struct entry, user, "username"),
	JSON_STRING(struct entry, password, "password"),
	JSON_STRING(struct entry, identity_token, "identitytoken"),
};
static JSON_SHAPE(entry_shape, struct entry, entry_fields);

static const struct json_field document_fields[] = {
	JSON_OBJECT_MAP(struct document, auths, "auths", entry_shape),
	JSON_STRING_MAP(struct document, helpers, "credHelpers"),
	JSON_STRING(struct document, store, "credsStore"),
};
static JSON_SHAPE(document_shape, struct document, document_fields);

/*
 * How much of the repository a key names, 0: another one. Old keys are URLs, "https://index.docker.io/v1/" above
 * all, and name a host.
 */
static size_t match(const char *key, const char *repository)
{
	const char *rest = str_after(key, "https://");
	bool url = rest != NULL;

	if (rest == NULL)
		rest = str_after(key, "http://");
	url = url || rest != NULL;
	if (rest == NULL)
		rest = key;
	size_t len = url ? strcspn(rest, "/") : strlen(rest);
	if (len == strlen("index.docker.io") && memcmp(rest, "index.docker.io", len) == 0) {
		rest = DOCKER_HOST;
		len = strlen(rest);
	}
	while (len > 0 && rest[len - 1] == '/')
		len--;
	if (len == 0 || strncmp(rest, repository, len) != 0)
		return 0;
	return repository[len] == '/' || repository[len] == '\0' ? len : 0;
}

static int split_pair(const struct entry *entry, struct arena *arena, struct auth *auth,
		      struct err *err)
{
	char pair[PAIR_MAX];
	int len = base64_read(entry->auth, pair, sizeof(pair));
	char *colon = len > 0 ? memchr(pair, ':', (size_t)len) : NULL;

	if (colon == NULL || strlen(pair) != (size_t)len) {
		explicit_bzero(pair, sizeof(pair));
		return err_set(err, ERR_INVALID, 0, "auths.%.100s.auth is no name and password",
			       entry->key);
	}
	auth->user = arena_strndup(arena, pair, (size_t)(colon - pair));
	auth->password = arena_strndup(arena, colon + 1, strlen(colon + 1));
	explicit_bzero(pair, sizeof(pair));
	return auth->user != NULL && auth->password != NULL
		       ? 0
		       : err_set(err, ERR_SYSTEM, ENOMEM, "read a password");
}

static int take_entry(const struct entry *entry, struct arena *arena, struct auth *auth,
		      struct err *err)
{
	if (entry->identity_token != NULL && entry->identity_token[0] != '\0')
		auth->identity_token = entry->identity_token;
	if (entry->auth != NULL && entry->auth[0] != '\0')
		return split_pair(entry, arena, auth, err);
	auth->user = entry->user;
	auth->password = entry->password != NULL ? entry->password : "";
	if (auth->user == NULL && auth->identity_token != NULL)
		auth->user = "";
	return 0;
}

static bool helper_valid(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strlen(name) < 128 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(name);
}

int auth_parse(const char *text, size_t len, const char *repository, struct arena *arena,
	       struct auth *ret_auth, struct err *err)
{
	struct document document = {0};
	const struct entry *best = NULL;
	size_t longest = 0;
	struct auth auth = {0};

	int rc = json_parse(&document_shape, text, len, arena, &document, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < document.helpers.count; i++) {
		const struct json_pair *pair = &document.helpers.items[i];
		size_t fit = match(pair->key, repository);
		if (fit > longest && pair->value != NULL) {
			longest = fit;
			auth.helper = pair->value;
		}
	}
	longest = 0;
	for (size_t i = 0; i < document.auths.count; i++) {
		size_t fit = match(document.auths.items[i].key, repository);
		if (fit > longest) {
			longest = fit;
			best = &document.auths.items[i];
		}
	}
	if (auth.helper == NULL && best != NULL)
		rc = take_entry(best, arena, &auth, err);
	if (auth.helper == NULL && auth.user == NULL && document.store != NULL &&
	    document.store[0] != '\0')
		auth.helper = document.store;
	if (rc == 0 && auth.helper != NULL && !helper_valid(auth.helper))
		rc = err_set(err, ERR_INVALID, 0, "'%.100s' is no name of a credential helper",
			     auth.helper);
	if (rc == 0)
		*ret_auth = auth;
	return rc;
}

struct helper_answer {
	const char *user;
	const char *secret;
};
static const struct json_field helper_fields[] = {
	JSON_STRING(struct helper_answer, user, "Username"),
	JSON_STRING(struct helper_answer, secret, "Secret"),
};
static JSON_SHAPE(helper_shape, struct helper_answer, helper_fields);

int auth_parse_helper(const char *text, size_t len, struct arena *arena, struct auth *ret_auth,
		      struct err *err)
{
	struct helper_answer answer = {0};

	int rc = json_parse(&helper_shape, text, len, arena, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.user == NULL || answer.secret == NULL)
		return err_set(err, ERR_INVALID, 0, "it gave no name and secret");
	*ret_auth = (struct auth){.user = answer.user, .password = answer.secret};
	if (strcmp(answer.user, "<token>") == 0)
		*ret_auth =
			(struct auth){.user = "", .password = "", .identity_token = answer.secret};
	return 0;
}
