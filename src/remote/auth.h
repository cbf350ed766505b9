/*
 * auth.h - names and passwords for registries, out of the files that Podman and Docker share.
 *
 * Purpose    Reads `auths`, `credHelpers` and `credsStore`: the entry of the longest prefix of host/repository wins.
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID with the file's place; nothing found is none: then user is NULL.
 */
#ifndef CORTEN_REMOTE_AUTH_H
#define CORTEN_REMOTE_AUTH_H

#include "base/arena.h"
#include "base/err.h"

struct auth {
	const char *user;
	const char *password;
	const char *identity_token; /* instead of a password; NULL: none */
	const char *helper;         /* docker-credential-HELPER knows more; NULL: none */
};

/* Looks into one document. repository: "host/path", complete. */
int auth_parse(const char *text, size_t len, const char *repository, struct arena *arena,
	       struct auth *ret_auth, struct err *err);

/* Looks into one file, or where Podman and Docker keep theirs; asks the helper. env: like environ. */
int auth_find(const char *file, const char *repository, char *const *env, struct arena *arena,
	      struct auth *ret_auth, struct err *err);

/* Takes what a helper wrote. */
int auth_parse_helper(const char *text, size_t len, struct arena *arena, struct auth *ret_auth,
		      struct err *err);

#endif
