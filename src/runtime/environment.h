/* environment.h - what surrounds a payload: its working folder and its variables. */
#ifndef CORTEN_RUNTIME_ENVIRONMENT_H
#define CORTEN_RUNTIME_ENVIRONMENT_H

#include "base/arena.h"
#include "base/err.h"
#include "oci/process.h"

/*
 * Enters cwd beneath rootfd, by descriptor and without magic links, and verifies that the kernel
 * sees the process inside its root (CVE-2024-21626).
 */
int environment_enter_cwd(int rootfd, const char *cwd, struct err *err);

/* The strings, with `first` before them unless it is NULL, as execve takes them; freed by free(). */
char **environment_vector(const char *first, const json_strings *strings);

/*
 * The variables as execve takes them; freed by free(). Of those with one name only the last is
 * kept, as by runc: a program's getenv() would find the first.
 */
char **environment_variables(const json_strings *env);

/* The value of a variable; the last one wins. NULL when absent. */
const char *environment_get(const json_strings *env, const char *name);

/*
 * Adds HOME, as runc does, from the tree's /etc/passwd when the variables lack it; "/" for a user
 * that is not listed. Reads at most PASSWD_BYTES_MAX of a file that may be hostile.
 */
int environment_add_home(int rootfd, struct oci_process *process, struct arena *arena,
			 struct err *err);

/* Appends "NAME=VALUE", which is copied; the last one of a name is what counts. */
int environment_set(struct oci_process *process, const char *variable, struct arena *arena,
		    struct err *err);

/* The home folder of uid in the text of a passwd file, copied to buf; false when not listed. */
bool environment_parse_home(const char *text, size_t len, uint32_t uid, char *buf, size_t size);

/* The name of uid there, likewise; buf stays as it is when uid is not listed. */
bool environment_parse_user(const char *text, size_t len, uint32_t uid, char *buf, size_t size);

#endif
