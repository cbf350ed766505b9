/*
 * access.h - the options that say how a registry is approached, the same in every command that has them.
 */
#ifndef CORTEN_CLI_ACCESS_H
#define CORTEN_CLI_ACCESS_H

#include "cli/option.h"
#include "engine/engine.h"

/* s: the command's struct, m: its member, a struct engine_access; prefix: "", or of one side of two. */
#define OPT_AUTH_FILE(s, m, prefix)                                            \
	OPT_STRING(s, m.auth_file, '\0', prefix "authfile", "FILE", HINT_FILE, \
		   "names and passwords of registries (REGISTRY_AUTH_FILE)")
#define OPT_CERT_FOLDER(s, m, prefix)                                          \
	OPT_STRING(s, m.cert_folder, '\0', prefix "cert-dir", "DIR", HINT_DIR, \
		   "certificates for this registry, as in /etc/containers/certs.d/HOST")
#define OPT_CREDENTIALS(s, m, prefix)                                                  \
	OPT_STRING(s, m.credentials, '\0', prefix "creds", "USER:PASSWORD", HINT_NONE, \
		   "for this once; others may see it in the list of processes")
#define OPT_TLS_VERIFY(s, m, prefix)                                                     \
	OPT_STRING(s, m.tls_verify, '\0', prefix "tls-verify", "true|false", HINT_WORDS, \
		   "whether the registry must prove who it is (default true)")

#endif
