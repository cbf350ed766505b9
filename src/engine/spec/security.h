/*
 * security.h - capabilities and `--security-opt`.
 *
 * Ownership  Results live in the arena or are static.
 * Errors     ERR_INVALID for unknown words; ERR_UNSUPPORTED for what is known and not built.
 */
#ifndef CORTEN_ENGINE_SPEC_SECURITY_H
#define CORTEN_ENGINE_SPEC_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

/* Docker's fourteen, as a set of bits. */
uint64_t security_default_caps(void);

/*
 * The set that --cap-add and --cap-drop leave: names with or without CAP_, in any case, or ALL. Privileged
 * begins with `all`, the set that the kernel knows.
 */
int security_caps(const json_strings *add, const json_strings *drop, bool privileged, uint64_t all,
		  uint64_t *ret_caps, struct err *err);

/* The names of a set, in the order of their numbers. */
int security_cap_names(uint64_t caps, struct arena *arena, json_strings *ret_names,
		       struct err *err);

enum security_seccomp {
	SECURITY_SECCOMP_DEFAULT,
	SECURITY_SECCOMP_UNCONFINED,
	SECURITY_SECCOMP_FILE,
};

/* `label=`. NULL: not said. */
struct security_label {
	const char *given; /* the last option that sets a part of the contexts */
	const char *user;
	const char *role;
	const char *type;
	const char *file_type;
	const char *level;
	bool disabled;
};

struct security {
	enum security_seccomp seccomp;
	const char *seccomp_file;
	bool no_new_privileges;
	bool system_paths_unconfined; /* nothing masked, nothing read-only */
	const char *apparmor;         /* NULL: not said */
	struct security_label label;
};

int security_parse(const json_strings *options, struct security *ret_security, struct err *err);

#endif
