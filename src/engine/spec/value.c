#include "engine/spec/value.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#define NANO 1000000000LL

__extension__ typedef __int128 wide; /* products of billionths overflow 64 bits */

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOMEM, "read an option");
}

int value_parse_int(const char *text, const char *what, int64_t min, int64_t max,
		    int64_t *ret_value, struct err *err)
{
	char *end = NULL;

	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
		return err_set(err, ERR_INVALID, 0, "%s: '%s' is not a whole number", what, text);
	if (errno == ERANGE || value < min || value > max)
		return err_set(err, ERR_INVALID, 0, "%s: %s is not between %lld and %lld", what,
			       text, (long long)min, (long long)max);
	*ret_value = value;
	return 0;
}

/*
 * A decimal number with up to nine places, as billionths of a unit. Returns the first byte behind
 * it, or NULL. Floating point would round what a user typed.
 */
static const char *parse_decimal(const char *text, int64_t *ret_nano)
{
	int64_t whole = 0, part = 0, scale = NANO;
	const char *at = text;
	bool digits = false;

	for (; isdigit((unsigned char)*at); at++) {
		digits = true;
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *at - '0', &whole))
			return NULL;
	}
	if (*at == '.') {
		for (at++; isdigit((unsigned char)*at); at++) {
			digits = true;
			scale /= 10;
			part += (*at - '0') * scale; /* digits past the ninth weigh nothing */
		}
	}
	if (!digits || __builtin_mul_overflow(whole, NANO, &whole) ||
	    __builtin_add_overflow(whole, part, ret_nano))
		return NULL;
	return at;
}

/* The power of two that a unit stands for, or -1. */
static int size_shift(const char *unit)
{
	static const char letters[] = "bkmgtp";

	if (*unit == '\0')
		return 0;
	const char *found = strchr(letters, tolower((unsigned char)*unit));
	if (found == NULL)
		return -1;
	const char *rest = unit + 1;
	if (*rest != '\0' && strcasecmp(rest, "b") != 0 && strcasecmp(rest, "ib") != 0)
		return -1;
	return found == letters && *rest != '\0' ? -1 : (int)(found - letters) * 10;
}

int value_parse_size(const char *text, bool unlimited, int64_t *ret_bytes, struct err *err)
{
	int64_t whole = 0, nano = 0;

	if (unlimited && strcmp(text, "-1") == 0) {
		*ret_bytes = -1;
		return 0;
	}
	/* The whole part is read apart: in billionths it would overflow at 8 GiB. */
	const char *unit = text;
	bool digits = isdigit((unsigned char)*unit) != 0;
	for (; isdigit((unsigned char)*unit); unit++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *unit - '0', &whole))
			return err_set(err, ERR_INVALID, 0, "invalid size: '%s' is too large",
				       text);
	}
	if (*unit == '.')
		unit = parse_decimal(unit, &nano);
	else if (!digits)
		unit = NULL;
	while (unit != NULL && *unit == ' ')
		unit++;
	int shift = unit != NULL ? size_shift(unit) : -1;
	if (shift < 0)
		return err_set(err, ERR_INVALID, 0,
			       "invalid size: '%s' (a number with b, k, m, g or t)", text);
	int64_t part = (int64_t)((wide)nano * ((wide)1 << shift) / NANO);
	if (__builtin_mul_overflow(whole, (int64_t)1 << shift, &whole) ||
	    __builtin_add_overflow(whole, part, ret_bytes))
		return err_set(err, ERR_INVALID, 0, "invalid size: '%s' is too large", text);
	return 0;
}

int value_parse_cpus(const char *text, int64_t *ret_nano, struct err *err)
{
	const char *end = parse_decimal(text, ret_nano);

	if (end == NULL || *end != '\0')
		return err_set(err, ERR_INVALID, 0, "'%s' is not a number of CPUs (such as 1.5)",
			       text);
	return 0;
}

struct named_number {
	const char *name;
	int number;
};

static const struct named_number signal_names[] = {
	{"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
	{"TRAP", SIGTRAP}, {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},
	{"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
	{"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD}, {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
	{"IO", SIGIO},     {"PWR", SIGPWR},       {"SYS", SIGSYS},   {"IOT", SIGABRT},
	{"POLL", SIGIO},   {"CLD", SIGCHLD},
};

/* RTMIN and RTMAX as the kernel counts them from outside a C library: 34 and 64. */
static int realtime_signal(const char *name)
{
	int64_t offset = 0;
	struct err ignored;

	if (strncasecmp(name, "RTMIN", 5) == 0) {
		if (name[5] == '\0')
			return 34;
		if (name[5] == '+' && value_parse_int(name + 6, "", 0, 30, &offset, &ignored) == 0)
			return (int)(34 + offset);
	}
	if (strncasecmp(name, "RTMAX", 5) == 0) {
		if (name[5] == '\0')
			return 64;
		if (name[5] == '-' && value_parse_int(name + 6, "", 0, 30, &offset, &ignored) == 0)
			return (int)(64 - offset);
	}
	return -1;
}

int value_parse_signal(const char *text, int *ret_signal, struct err *err)
{
	int64_t number = 0;

	if (isdigit((unsigned char)text[0])) {
		int rc = value_parse_int(text, "signal", 1, 64, &number, err);
		*ret_signal = (int)number;
		return rc;
	}
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	for (size_t i = 0; i < sizeof(signal_names) / sizeof(signal_names[0]); i++) {
		if (strcasecmp(name, signal_names[i].name) == 0) {
			*ret_signal = signal_names[i].number;
			return 0;
		}
	}
	int realtime = realtime_signal(name);
	if (realtime < 0)
		return err_set(err, ERR_INVALID, 0, "invalid signal: %s", text);
	*ret_signal = realtime;
	return 0;
}

const char *value_signal_name(int signal)
{
	for (size_t i = 0; i < sizeof(signal_names) / sizeof(signal_names[0]); i++) {
		if (signal_names[i].number == signal)
			return signal_names[i].name;
	}
	return NULL;
}

int value_parse_duration(const char *text, int64_t *ret_ns, struct err *err)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"ns", 1},   {"us", 1000},     {"ms", 1000000},
		     {"s", NANO}, {"m", 60 * NANO}, {"h", 3600 * NANO}};
	const char *at = text;
	int64_t total = 0;

	while (*at != '\0') {
		int64_t nano = 0, ns = 0;
		at = parse_decimal(at, &nano);
		size_t len = at != NULL ? strspn(at, "nsumh") : 0;
		for (size_t i = 0; len > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
			if (strlen(units[i].unit) == len && memcmp(units[i].unit, at, len) == 0)
				ns = units[i].ns;
		}
		wide sum = (wide)nano * ns / NANO + total;
		if (ns == 0 || sum > INT64_MAX)
			return err_set(err, ERR_INVALID, 0,
				       "invalid duration: '%s' (such as 1h30m or 10s)", text);
		total = (int64_t)sum;
		at += len;
	}
	if (at == text)
		return err_set(err, ERR_INVALID, 0, "invalid duration: '' (such as 1h30m or 10s)");
	*ret_ns = total;
	return 0;
}

static const struct named_number ulimit_names[] = {
	{"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},         {"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},       {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},     {"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},           {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},       {"RLIMIT_AS", RLIMIT_AS},
};

static int parse_limit(const char *text, size_t len, uint64_t *ret_limit)
{
	char copy[24];
	struct err ignored;
	int64_t value = 0;

	if (len == 0 || len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strcmp(copy, "unlimited") == 0)
		value = -1;
	else if (value_parse_int(copy, "", -1, INT64_MAX, &value, &ignored) < 0)
		return -EINVAL;
	*ret_limit = value < 0 ? UINT64_MAX : (uint64_t)value;
	return 0;
}

int value_parse_ulimit(const char *text, struct value_ulimit *ret_ulimit, struct err *err)
{
	const char *equals = strchr(text, '=');
	size_t name_len = equals != NULL ? (size_t)(equals - text) : 0;

	if (name_len == 0)
		return err_set(err, ERR_INVALID, 0,
			       "invalid ulimit argument: %s (NAME=SOFT[:HARD])", text);
	for (size_t i = 0; i < sizeof(ulimit_names) / sizeof(ulimit_names[0]); i++) {
		const char *known = ulimit_names[i].name + strlen("RLIMIT_");
		if (strlen(known) != name_len || strncasecmp(known, text, name_len) != 0)
			continue;
		const char *soft = equals + 1;
		const char *colon = strchr(soft, ':');
		size_t soft_len = colon != NULL ? (size_t)(colon - soft) : strlen(soft);
		uint64_t low = 0;
		if (parse_limit(soft, soft_len, &low) < 0)
			break;
		uint64_t high = low;
		if (colon != NULL && parse_limit(colon + 1, strlen(colon + 1), &high) < 0)
			break;
		if (low > high)
			return err_set(
				err, ERR_INVALID, 0,
				"ulimit soft limit must be less than or equal to hard limit: %s",
				text);
		*ret_ulimit = (struct value_ulimit){ulimit_names[i].name, ulimit_names[i].number,
						    low, high};
		return 0;
	}
	return err_set(err, ERR_INVALID, 0, "invalid ulimit argument: %s (NAME=SOFT[:HARD])", text);
}

int value_parse_device(const char *text, struct arena *arena, struct value_device *ret_device,
		       struct err *err)
{
	char *copy = arena_strndup(arena, text, strlen(text));

	if (copy == NULL)
		return no_memory(err);
	char *second = strchr(copy, ':');
	if (second != NULL)
		*second++ = '\0';
	char *third = second != NULL ? strchr(second, ':') : NULL;
	if (third != NULL)
		*third++ = '\0';
	/* HOST:rwm is allowed too: the second part is a mode when it is no path. */
	if (second != NULL && third == NULL && second[0] != '/') {
		third = second;
		second = NULL;
	}
	*ret_device = (struct value_device){copy, second != NULL ? second : copy,
					    third != NULL ? third : "rwm"};
	if (copy[0] != '/' || ret_device->target[0] != '/')
		return err_set(err, ERR_INVALID, 0, "--device %s: the paths must be absolute",
			       text);
	if (ret_device->access[0] == '\0' ||
	    strspn(ret_device->access, "rwm") != strlen(ret_device->access))
		return err_set(err, ERR_INVALID, 0, "--device %s: the mode is made of r, w and m",
			       text);
	return 0;
}

int value_parse_pair(const char *text, const char *what, struct arena *arena, const char **ret_key,
		     const char **ret_value, struct err *err)
{
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);

	if (len == 0)
		return err_set(err, ERR_INVALID, 0, "%s '%s': the name is missing", what, text);
	char *key = arena_strndup(arena, text, len);
	if (key == NULL)
		return no_memory(err);
	*ret_key = key;
	*ret_value = equals != NULL ? equals + 1 : NULL;
	return 0;
}
