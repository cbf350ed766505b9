/*
 * account.h - who `--user` names, by the container's own /etc/passwd and /etc/group.
 *
 * Purpose    The rules of Docker: "name", "uid", "name:group", "uid:gid"; a number needs no entry.
 * Safety     Both files are hostile: opened inside the root, regular files only, at most
 *            ACCOUNT_FILE_MAX bytes; ids over 2^31-1 are refused, so none wraps to 0.
 * Ownership  Results live in the arena.
 * Errors     ERR_INVALID or ERR_NOT_FOUND in Docker's words.
 */
#ifndef CORTEN_ENGINE_SPEC_ACCOUNT_H
#define CORTEN_ENGINE_SPEC_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define ACCOUNT_FILE_MAX   (4 * 1024 * 1024)
#define ACCOUNT_GROUPS_MAX 65536

struct account {
	uint32_t uid;
	uint32_t gid;
	const char *home;              /* "/" when the files do not say */
	JSON_LIST_OF(uint32_t) groups; /* the primary first */
};

/* The texts may be NULL (no such file). user: NULL or "" is root; extra: --group-add. */
int account_resolve(const char *user, const json_strings *extra, const char *passwd,
		    const char *group, struct arena *arena, struct account *ret_account,
		    struct err *err);

/* The same with the files beneath rootfd. */
int account_resolve_in_root(int rootfd, const char *user, const json_strings *extra,
			    struct arena *arena, struct account *ret_account, struct err *err);

#endif
