#include "kern/mount/fsconfig.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "kern/uapi.h"

#define FSCONFIG_VALUE_MAX 256 /* the kernel's, with the NUL */
#define FSCONFIG_LOG_MAX   32  /* messages read, at most */

/*
 * Fills text with the context's last error message, without prefix and newline; "" when it has
 * none.
 */
static void fsconfig_read_log(int fs, char *text, size_t size)
{
	char message[256];
	int saved = errno;

	text[0] = '\0';
	for (int i = 0; i < FSCONFIG_LOG_MAX; i++) {
		ssize_t len = read(fs, message, sizeof(message) - 1);
		if (len < 0 && errno == EMSGSIZE)
			continue;
		if (len <= 2)
			break;
		while (len > 2 && message[len - 1] == '\n')
			len--;
		if (message[0] != 'e' || (size_t)len - 2 >= size)
			continue;
		(void)memcpy(text, message + 2, (size_t)len - 2);
		text[len - 2] = '\0';
	}
	errno = saved;
}

int fsconfig_open(const char *type, struct err *err)
{
	int fs = uapi_fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0 && errno == ENODEV)
		return err_set(err, ERR_UNSUPPORTED, ENODEV,
			       "filesystem '%s' is not in this kernel", type);
	if (fs < 0)
		return err_errno(err, "open filesystem '%s'", type);
	return fs;
}

static int fsconfig_set_failed(int fs, const char *key, const char *value, struct err *err)
{
	char log[224];
	const char *equals = value == NULL ? "" : "=";

	fsconfig_read_log(fs, log, sizeof(log));
	if (value == NULL)
		value = "";
	if (log[0] == '\0' && errno == EINVAL && strlen(value) >= FSCONFIG_VALUE_MAX)
		return err_set(err, ERR_INVALID, EINVAL,
			       "filesystem option '%s=%.32s...': longer than %d bytes", key, value,
			       FSCONFIG_VALUE_MAX - 1);
	if (log[0] == '\0')
		return err_errno(err, "filesystem option '%s%s%.128s'", key, equals, value);
	return err_errno(err, "filesystem option '%s%s%.128s': %s", key, equals, value, log);
}

int fsconfig_set(int fs, const char *key, const char *value, struct err *err)
{
	unsigned int command = value == NULL ? UAPI_FSCONFIG_SET_FLAG : UAPI_FSCONFIG_SET_STRING;

	if (uapi_fsconfig(fs, command, key, value, 0) < 0)
		return fsconfig_set_failed(fs, key, value, err);
	return 0;
}

/* Where the option that begins here ends: its comma, or the end. */
static const char *fsconfig_option_end(const char *option)
{
	const char *end = option + strcspn(option, ",=");

	if (end[0] == '=' && end[1] == '"') {
		const char *quote = strchr(end + 2, '"');
		if (quote != NULL)
			end = quote;
	}
	end += strcspn(end, ",");
	while (end > option && end[0] == ',' && end[-1] == '\\')
		end += 1 + strcspn(end + 1, ",");
	return end;
}

bool fsconfig_list_fits(const char *list)
{
	while (*list != '\0') {
		const char *end = fsconfig_option_end(list);
		const char *equals = memchr(list, '=', (size_t)(end - list));
		if (equals != NULL && end - equals > FSCONFIG_VALUE_MAX)
			return false;
		list = *end == ',' ? end + 1 : end;
	}
	return true;
}

static int fsconfig_set_one(int fs, const char *option, size_t len, struct err *err)
{
	char text[64 + FSCONFIG_VALUE_MAX];

	if (len >= sizeof(text))
		return err_set(err, ERR_INVALID, EINVAL,
			       "filesystem option '%.64s...': longer than %d bytes", option,
			       FSCONFIG_VALUE_MAX - 1);
	(void)memcpy(text, option, len);
	text[len] = '\0';
	char *value = strchr(text, '=');
	if (value != NULL) {
		*value++ = '\0';
		size_t value_len = strlen(value);
		if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
			value[value_len - 1] = '\0';
			value++;
		}
	}
	return fsconfig_set(fs, text, value, err);
}

int fsconfig_set_list(int fs, const char *list, struct err *err)
{
	while (*list != '\0') {
		const char *end = fsconfig_option_end(list);
		if (end > list) {
			int rc = fsconfig_set_one(fs, list, (size_t)(end - list), err);
			if (rc < 0)
				return rc;
		}
		list = *end == ',' ? end + 1 : end;
	}
	return 0;
}

int fsconfig_reconfigure(int fs, struct err *err)
{
	char log[224];

	if (uapi_fsconfig(fs, UAPI_FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) == 0)
		return 0;
	fsconfig_read_log(fs, log, sizeof(log));
	return log[0] == '\0' ? err_errno(err, "configure a filesystem anew")
			      : err_errno(err, "configure a filesystem anew: %s", log);
}

int fsconfig_mount(int fs, const char *type, uint64_t attr, struct err *err)
{
	char log[224];

	if (uapi_fsconfig(fs, UAPI_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		fsconfig_read_log(fs, log, sizeof(log));
		return log[0] == '\0' ? err_errno(err, "create filesystem '%s'", type)
				      : err_errno(err, "create filesystem '%s': %s", type, log);
	}
	int tree = uapi_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attr);
	if (tree < 0 && errno == EPERM)
		return err_errno(err,
				 "mount filesystem '%s': the kernel refuses, as when a user "
				 "namespace's own %s is partly covered",
				 type, type);
	if (tree < 0)
		return err_errno(err, "mount filesystem '%s'", type);
	return tree;
}
