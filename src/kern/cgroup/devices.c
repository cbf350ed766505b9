#include "kern/cgroup/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"

#define LIST_MAX 65536 /* bytes of devices.list */

int cgroup_device_parse_access(const char *text, uint8_t *ret_access, struct err *err)
{
	uint8_t access = 0;

	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		if (*at == 'r')
			access |= CGROUP_DEVICE_READ;
		else if (*at == 'w')
			access |= CGROUP_DEVICE_WRITE;
		else if (*at == 'm')
			access |= CGROUP_DEVICE_MKNOD;
		else
			return err_set(err, ERR_INVALID, 0,
				       "devices.access: '%.16s' holds other letters than r, w, m",
				       text);
	}
	*ret_access = access == 0 ? CGROUP_DEVICE_ALL : access;
	return 0;
}

/* "c 1:* rwm" */
static void format_rule(const struct cgroup_device_rule *rule, char *buf, size_t size)
{
	char major[24] = "*", minor[24] = "*";

	if (rule->major != CGROUP_DEVICE_ANY)
		(void)snprintf(major, sizeof(major), "%lld", (long long)rule->major);
	if (rule->minor != CGROUP_DEVICE_ANY)
		(void)snprintf(minor, sizeof(minor), "%lld", (long long)rule->minor);
	(void)snprintf(buf, size, "%c %s:%s %s%s%s", rule->type, major, minor,
		       rule->access & CGROUP_DEVICE_READ ? "r" : "",
		       rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
		       rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");
}

static bool same_numbers(const struct cgroup_device_rule *a, const struct cgroup_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Whether a, being wider, matches all that b matches. */
static bool covers(const struct cgroup_device_rule *a, const struct cgroup_device_rule *b)
{
	return a->type == b->type && (a->major == CGROUP_DEVICE_ANY || a->major == b->major) &&
	       (a->minor == CGROUP_DEVICE_ANY || a->minor == b->minor);
}

static int refuse_count(struct err *err)
{
	return err_set(err, ERR_INVALID, E2BIG, "more than %d device rules",
		       CGROUP_DEVICE_RULES_MAX);
}

static int add_exception(struct cgroup_device_policy *policy, const struct cgroup_device_rule *rule,
			 struct err *err)
{
	for (size_t i = 0; i < policy->count; i++) {
		if (same_numbers(&policy->exceptions[i], rule)) {
			policy->exceptions[i].access |= rule->access;
			return 0;
		}
	}
	if (policy->count == CGROUP_DEVICE_RULES_MAX)
		return refuse_count(err);
	policy->exceptions[policy->count] = *rule;
	policy->exceptions[policy->count++].allow = !policy->allow_by_default;
	return 0;
}

/*
 * v1 takes a rule back only where it was given in the same words; elsewhere it does nothing,
 * silently.
 */
static int remove_exception(struct cgroup_device_policy *policy,
			    const struct cgroup_device_rule *rule, struct err *err)
{
	char wide[64], narrow[64];

	for (size_t i = 0; i < policy->count; i++) {
		const struct cgroup_device_rule *have = &policy->exceptions[i];
		if (same_numbers(have, rule) || !covers(have, rule) ||
		    (have->access & rule->access) == 0)
			continue;
		format_rule(have, wide, sizeof(wide));
		format_rule(rule, narrow, sizeof(narrow));
		return err_set(
			err, ERR_INVALID, 0,
			"devices: '%s' cannot be taken out of the wider rule '%s' before it: "
			"the devices controller of cgroup version 1 knows no exceptions to "
			"an entry of its list; name the devices of that rule one by one",
			narrow, wide);
	}
	for (size_t i = 0; i < policy->count; i++) {
		struct cgroup_device_rule *have = &policy->exceptions[i];
		if (!same_numbers(have, rule))
			continue;
		have->access &= (uint8_t)~rule->access;
		if (have->access == 0)
			*have = policy->exceptions[--policy->count];
		break;
	}
	return 0;
}

static int check_rule(const struct cgroup_device_rule *rule, struct err *err)
{
	if (rule->type != 'b' && rule->type != 'c')
		return err_set(err, ERR_INVALID, 0, "devices.type: '%c' is none of a, b, c",
			       rule->type);
	if (rule->major < CGROUP_DEVICE_ANY || rule->major > UINT32_MAX ||
	    rule->minor < CGROUP_DEVICE_ANY || rule->minor > UINT32_MAX)
		return err_set(err, ERR_INVALID, 0, "devices: %lld:%lld is no device number",
			       (long long)rule->major, (long long)rule->minor);
	if (rule->access == 0 || rule->access > CGROUP_DEVICE_ALL)
		return err_set(err, ERR_INVALID, 0, "devices.access: %u is no set of r, w, m",
			       rule->access);
	return 0;
}

int cgroup_device_reduce(const struct cgroup_device_rule *rules, size_t count,
			 struct cgroup_device_policy *ret_policy, struct err *err)
{
	ret_policy->allow_by_default = ret_policy->ordered = false;
	ret_policy->count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct cgroup_device_rule *rule = &rules[i];
		if (rule->type == 'a' || rule->type == 0) {
			ret_policy->allow_by_default = rule->allow;
			ret_policy->count = 0;
			continue;
		}
		int rc = check_rule(rule, err);
		if (rc == 0)
			rc = rule->allow == ret_policy->allow_by_default
				     ? remove_exception(ret_policy, rule, err)
				     : add_exception(ret_policy, rule, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int cgroup_device_reduce_v2(const struct cgroup_device_rule *rules, size_t count,
			    struct cgroup_device_policy *ret_policy, struct err *err)
{
	struct err hole;

	if (cgroup_device_reduce(rules, count, ret_policy, &hole) == 0)
		return 0;
	ret_policy->allow_by_default = false;
	ret_policy->ordered = true;
	ret_policy->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (rules[i].type == 'a' || rules[i].type == 0) {
			ret_policy->allow_by_default = rules[i].allow;
			ret_policy->count = 0;
			continue;
		}
		int rc = check_rule(&rules[i], err);
		if (rc < 0)
			return rc;
		if (ret_policy->count == CGROUP_DEVICE_RULES_MAX)
			return refuse_count(err);
		ret_policy->exceptions[ret_policy->count++] = rules[i];
	}
	return 0;
}

/* "12:" or "*:" up to a closing character. */
static bool parse_number(const char **at, char close, int64_t *ret_number)
{
	char *end;

	if (**at == '*') {
		*ret_number = CGROUP_DEVICE_ANY;
		end = (char *)(uintptr_t)(*at + 1);
	} else if (**at >= '0' && **at <= '9') {
		*ret_number = strtoll(*at, &end, 10);
	} else {
		return false;
	}
	if (*end != close || *ret_number > UINT32_MAX)
		return false;
	*at = end + 1;
	return true;
}

int cgroup_device_parse_list(const char *text, struct cgroup_device_policy *ret_policy,
			     struct err *err)
{
	ret_policy->allow_by_default = ret_policy->ordered = false;
	ret_policy->count = 0;
	for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
		struct cgroup_device_rule rule = {.type = text[0]};
		const char *at = text + 2;
		char access[4] = "";
		len = strcspn(text, "\n");
		if (len > 2 && text[0] == 'a') {
			ret_policy->allow_by_default = true;
			continue;
		}
		bool good = len > 4 && text[1] == ' ' && parse_number(&at, ':', &rule.major) &&
			    parse_number(&at, ' ', &rule.minor) && at < text + len &&
			    (size_t)(text + len - at) < sizeof(access);
		if (good)
			memcpy(access, at, (size_t)(text + len - at));
		struct err bad;
		good = good && cgroup_device_parse_access(access, &rule.access, &bad) == 0 &&
		       check_rule(&rule, &bad) == 0;
		if (!good)
			return err_set(err, ERR_INVALID, 0, "devices.list: cannot read '%.*s'",
				       (int)(len < 64 ? len : 64), text);
		int rc = add_exception(ret_policy, &rule, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- v1 --- */

struct v1_files {
	int root_fd;
	const char *dir;
	int fds[2]; /* devices.deny, devices.allow; opened when needed, one write a rule */
};

static int write_rule(struct v1_files *files, bool allow, const char *text, struct err *err)
{
	const char *name = allow ? "devices.allow" : "devices.deny";

	if (files->fds[allow] < 0) {
		char path[CGROUP_PATH_MAX + 32];
		(void)snprintf(path, sizeof(path), "%s/%s", files->dir, name);
		files->fds[allow] = openat(files->root_fd, path, O_WRONLY | O_CLOEXEC);
	}
	if (files->fds[allow] < 0 || write(files->fds[allow], text, strlen(text)) < 0)
		return err_errno(err, "devices: write '%s' to '" CGROUP_ROOT "/%s/%s'", text,
				 files->dir, name);
	return 0;
}

/* Writes what is in `these` and not, with all its accesses, in `those`. `allow` says how. */
static int write_difference(struct v1_files *files, bool allow,
			    const struct cgroup_device_policy *these,
			    const struct cgroup_device_policy *those, struct err *err)
{
	char text[64];

	for (size_t i = 0; i < these->count; i++) {
		struct cgroup_device_rule rule = these->exceptions[i];
		for (size_t j = 0; those != NULL && j < those->count; j++)
			if (same_numbers(&rule, &those->exceptions[j]))
				rule.access &= (uint8_t)~those->exceptions[j].access;
		if (rule.access == 0)
			continue;
		format_rule(&rule, text, sizeof(text));
		int rc = write_rule(files, allow, text, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int apply_v1(struct v1_files *files, const struct cgroup_device_policy *policy, bool fresh,
		    struct err *err)
{
	struct cgroup_device_policy now = {.allow_by_default = true};
	char list[LIST_MAX];

	if (!fresh) {
		int rc = cgroup_read_value(files->root_fd, files->dir, "devices.list", list,
					   sizeof(list), err);
		if (rc == 0)
			rc = cgroup_device_parse_list(list, &now, err);
		if (rc < 0)
			return rc;
	}
	/* Where both list what is allowed, processes never lose what they keep. */
	if (!now.allow_by_default && !policy->allow_by_default) {
		int rc = write_difference(files, true, policy, &now, err);
		return rc < 0 ? rc : write_difference(files, false, &now, policy, err);
	}
	int rc = write_rule(files, policy->allow_by_default, "a", err);
	return rc < 0 ? rc : write_difference(files, !policy->allow_by_default, policy, NULL, err);
}

int cgroup_devices_apply_v1(const struct cgroup *cgroup, size_t i,
			    const struct cgroup_device_policy *policy, bool fresh, struct err *err)
{
	struct v1_files files = {.root_fd = cgroup->host->root_fd,
				 .dir = cgroup_dir(cgroup, i),
				 .fds = {FD_NONE, FD_NONE}};
	int rc = apply_v1(&files, policy, fresh, err);

	fd_closep(&files.fds[0]);
	fd_closep(&files.fds[1]);
	return rc;
}
