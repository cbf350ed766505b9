/*
 * auth_internal.h - what the files of auth.h and auth_edit.h share.
 */
#ifndef CORTEN_REMOTE_AUTH_INTERNAL_H
#define CORTEN_REMOTE_AUTH_INTERNAL_H

#include "base/buf.h"
#include "remote/auth.h"

/* How helpers call a registry: by its host, Docker's own by its old URL. repository: "host" or "host/path". */
const char *auth_helper_key(const char *repository);

/* Runs docker-credential-NAME VERB. 0, 1 when it ended with another status than 0, or negative. */
int auth_run_helper(const char *name, const char *verb, const char *input, char *const *env,
		    struct buf *out, struct err *err);

#endif
