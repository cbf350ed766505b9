#include "engine/spec/security.h"

#include <ctype.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>

#include "engine/spec/list.h"
#include "kern/caps/caps.h"
#include "kern/lsm/lsm.h"

#define BIT(number) (UINT64_C(1) << (number))
#define NAME_MAX_   48

#define SECURITY_LABEL_MAX 256 /* bytes of one part of a context */

uint64_t security_default_caps(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
	       BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
	       BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
	       BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

static int cap_bits(const char *text, uint64_t all, uint64_t *ret_bits, struct err *err)
{
	char name[NAME_MAX_] = "CAP_";
	const char *from = strncasecmp(text, "CAP_", 4) == 0 ? text + 4 : text;
	size_t len = strlen(from);

	if (strcasecmp(from, "ALL") == 0) {
		*ret_bits = all;
		return 0;
	}
	int number = -1;
	if (len > 0 && len + 5 <= sizeof(name)) {
		for (size_t i = 0; i <= len; i++)
			name[4 + i] = (char)toupper((unsigned char)from[i]);
		number = caps_number(name);
	}
	if (number < 0)
		return err_set(err, ERR_INVALID, 0, "invalid capability: '%s'", text);
	*ret_bits = BIT(number);
	return 0;
}

int security_caps(const json_strings *add, const json_strings *drop, bool privileged, uint64_t all,
		  uint64_t *ret_caps, struct err *err)
{
	uint64_t added = 0, dropped = 0, bits = 0;
	bool all_dropped = false;

	for (size_t i = 0; i < add->count; i++) {
		int rc = cap_bits(add->items[i], all, &bits, err);
		if (rc < 0)
			return err_wrap(err, rc, "--cap-add");
		added |= bits;
	}
	for (size_t i = 0; i < drop->count; i++) {
		int rc = cap_bits(drop->items[i], all, &bits, err);
		if (rc < 0)
			return err_wrap(err, rc, "--cap-drop");
		if (strcasecmp(drop->items[i], "ALL") == 0)
			all_dropped = true;
		else
			dropped |= bits;
	}
	/* Dropping ALL empties the base, so that what is added stays: the common idiom. Otherwise a
	   capability that is both added and dropped is dropped. */
	uint64_t base = privileged ? all : security_default_caps();
	*ret_caps = (all_dropped ? added : base | added) & ~dropped;
	return 0;
}

int security_cap_names(uint64_t caps, struct arena *arena, json_strings *ret_names, struct err *err)
{
	json_strings names = {0};

	for (int number = 0; number < 64; number++) {
		const char *name = (caps & BIT(number)) != 0 ? caps_name(number) : NULL;
		int rc = name != NULL ? list_push_text(&names, name, arena, err) : 0;
		if (rc < 0)
			return rc;
	}
	*ret_names = names;
	return 0;
}

static int parse_no_new_privileges(const char *value, bool *ret_flag, struct err *err)
{
	if (value == NULL || strcmp(value, "true") == 0)
		*ret_flag = true;
	else if (strcmp(value, "false") == 0)
		*ret_flag = false;
	else
		return err_set(err, ERR_INVALID, 0,
			       "--security-opt no-new-privileges: '%s' is neither true nor false",
			       value);
	return 0;
}

/* A colon would move a context's parts; a level has its own. */
static int check_part(const char *part, const char *value, const char *more, struct err *err)
{
	size_t len = 0;

	while (isalnum((unsigned char)value[len]) || value[len] == '_' || value[len] == '.' ||
	       value[len] == '-' || (value[len] != '\0' && strchr(more, value[len]) != NULL))
		len++;
	if (len > 0 && len <= SECURITY_LABEL_MAX && value[len] == '\0')
		return 0;
	return err_set(err, ERR_INVALID, 0, "--security-opt label=%s:%.64s: not a %s of SELinux",
		       part, value, part);
}

static int parse_label(const char *value, struct security_label *label, struct err *err)
{
	const struct {
		const char *name;
		const char *more; /* characters that it may have besides those of a name */
		const char **member;
	} parts[] = {{"user", "", &label->user},
		     {"role", "", &label->role},
		     {"type", "", &label->type},
		     {"filetype", "", &label->file_type},
		     {"level", ":,", &label->level}};
	size_t len = strcspn(value, ":");

	if (strcmp(value, "disable") == 0) {
		label->disabled = true;
		return 0;
	}
	for (size_t i = 0; value[len] == ':' && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strlen(parts[i].name) != len || memcmp(parts[i].name, value, len) != 0)
			continue;
		label->given = value;
		*parts[i].member = value + len + 1;
		return check_part(parts[i].name, value + len + 1, parts[i].more, err);
	}
	return err_set(
		err, ERR_INVALID, 0,
		"--security-opt label=%.64s: disable, user:U, role:R, type:T, filetype:T and "
		"level:L are known",
		value);
}

static int parse_one(const char *option, struct security *security, struct err *err)
{
	size_t len = strcspn(option, "=:");
	const char *value = option[len] != '\0' ? option + len + 1 : NULL;

	if (len == 17 && memcmp(option, "no-new-privileges", len) == 0)
		return parse_no_new_privileges(value, &security->no_new_privileges, err);
	if (value == NULL || value[0] == '\0')
		return err_set(err, ERR_INVALID, 0, "invalid --security-opt: '%s'", option);
	if (len == 7 && memcmp(option, "seccomp", len) == 0) {
		bool builtin = strcmp(value, "builtin") == 0 || strcmp(value, "default") == 0;
		bool unconfined = strcmp(value, "unconfined") == 0;
		security->seccomp = builtin      ? SECURITY_SECCOMP_DEFAULT
				    : unconfined ? SECURITY_SECCOMP_UNCONFINED
						 : SECURITY_SECCOMP_FILE;
		security->seccomp_file = builtin || unconfined ? NULL : value;
		return 0;
	}
	if (len == 8 && memcmp(option, "apparmor", len) == 0) {
		security->apparmor = value;
		return lsm_check_label(value, "--security-opt apparmor", err);
	}
	if (len == 11 && memcmp(option, "systempaths", len) == 0) {
		if (strcmp(value, "unconfined") != 0)
			return err_set(
				err, ERR_INVALID, 0,
				"--security-opt systempaths: only 'unconfined' is known, not '%s'",
				value);
		security->system_paths_unconfined = true;
		return 0;
	}
	if (len == 5 && memcmp(option, "label", len) == 0)
		return parse_label(value, &security->label, err);
	return err_set(err, ERR_INVALID, 0, "invalid --security-opt: '%s'", option);
}

int security_parse(const json_strings *options, struct security *ret_security, struct err *err)
{
	struct security security = {0};

	for (size_t i = 0; i < options->count; i++) {
		int rc = parse_one(options->items[i], &security, err);
		if (rc < 0)
			return rc;
	}
	*ret_security = security;
	return 0;
}
