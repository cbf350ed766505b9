/*
 * value.h - the values of the command line's options: sizes, times, signals, limits, devices.
 *
 * Purpose    Pure functions from text to numbers, in the forms that Docker's users know.
 * Ownership  Results that hold text take it from the arena.
 * Units      Sizes in bytes, CPU in billionths (nano CPUs), times in nanoseconds.
 * Errors     ERR_INVALID, quoting the value. Overflow is an error, never a wrap.
 */
#ifndef CORTEN_ENGINE_SPEC_VALUE_H
#define CORTEN_ENGINE_SPEC_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* A whole number between min and max. `what` names it in errors. */
int value_parse_int(const char *text, const char *what, int64_t min, int64_t max,
		    int64_t *ret_value, struct err *err);

/* `10`, `10b`, `512k`, `1.5g`, `64MiB`: powers of 1024. -1 where `unlimited` is allowed. */
int value_parse_size(const char *text, bool unlimited, int64_t *ret_bytes, struct err *err);

/* `1.5` CPUs, to nine places. */
int value_parse_cpus(const char *text, int64_t *ret_nano, struct err *err);

/* `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3`. */
int value_parse_signal(const char *text, int *ret_signal, struct err *err);

/* The name without SIG of one of the classic signals, or NULL. */
const char *value_signal_name(int signal);

/* `1h30m`, `10s`, `250ms`: Go's durations. */
int value_parse_duration(const char *text, int64_t *ret_ns, struct err *err);

struct value_ulimit {
	const char *name; /* "RLIMIT_NOFILE"; static */
	int resource;
	uint64_t soft; /* UINT64_MAX: unlimited */
	uint64_t hard;
};

/* `nofile=1024`, `nofile=1024:2048`, `core=-1`. */
int value_parse_ulimit(const char *text, struct value_ulimit *ret_ulimit, struct err *err);

struct value_device {
	const char *source; /* on the host */
	const char *target; /* in the container */
	const char *access; /* of r, w, m */
};

/* `HOST[:CONTAINER[:rwm]]`. */
int value_parse_device(const char *text, struct arena *arena, struct value_device *ret_device,
		       struct err *err);

/* Splits `KEY=VALUE`; without `=` the value is NULL. An empty key is an error. */
int value_parse_pair(const char *text, const char *what, struct arena *arena, const char **ret_key,
		     const char **ret_value, struct err *err);

#endif
