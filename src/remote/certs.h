/*
 * certs.h - a host's own certificates: `certs.d/HOST[:PORT]` with *.crt (authorities), *.cert and *.key (ours).
 *
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID for a *.cert without its *.key, or the other way round.
 */
#ifndef CORTEN_REMOTE_CERTS_H
#define CORTEN_REMOTE_CERTS_H

#include "base/arena.h"
#include "remote/http.h"

/* folder: instead of certs.d/HOST; NULL: look for that. ret_tls->insecure is left alone. */
int certs_find(const char *folder, const char *host, char *const *env, struct arena *arena,
	       struct http_tls *ret_tls, struct err *err);

#endif
