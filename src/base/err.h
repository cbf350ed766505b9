/*
 * err.h - failure reports that carry a chain of context.
 *
 * Purpose    Say what failed, why, and inside which operations, outermost first.
 * Ownership  Plain value: no heap, no cleanup, valid after "=" and over a socket.
 * Units      Text sizes are bytes, NULs included.
 * Errors     Nothing here can fail; when the text is full, new outer frames are dropped.
 * Threads    No shared state.
 *
 * A fallible function returns an int, negative on failure, and takes `struct err *err` last. The
 * value is untouched on success and complete on failure. The root cause is set once; callers wrap
 * only where they add a fact.
 */
#ifndef CORTEN_BASE_ERR_H
#define CORTEN_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

enum err_kind {
	ERR_NONE,
	ERR_INVALID,     /* the caller's input is wrong  */
	ERR_NOT_FOUND,   /* the named thing is absent    */
	ERR_CONFLICT,    /* wrong state, or name taken   */
	ERR_DENIED,      /* policy or kernel said no     */
	ERR_UNSUPPORTED, /* kernel or build lacks it     */
	ERR_SYSTEM,      /* a system call failed         */
};

struct err {
	enum err_kind kind;
	int sys;        /* errno value, 0 when none applies */
	bool cut;       /* frames were dropped */
	uint16_t used;  /* bytes of text[] in use */
	char text[496]; /* NUL-separated frames, root cause first */
};

/* Records the root cause, replacing what was there. Returns -sys, or -EIO when sys is 0. */
int err_set(struct err *err, enum err_kind kind, int sys, const char *fmt, ...) PRINTF(4, 5);

/* The same from errno: the kind follows from it (ENOENT: not found, EACCES: denied, ...). Returns -errno. */
int err_errno(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* Adds an outer frame to an error already set. Returns rc unchanged. */
int err_wrap(struct err *err, int rc, const char *fmt, ...) PRINTF(3, 4);

#ifdef __clang_analyzer__
/* Static analysis sees no bodies of other files: what these return, so that it follows "rc < 0". */
#define err_set(...)           (err_set(__VA_ARGS__), -1)
#define err_errno(...)         (err_errno(__VA_ARGS__), -1)
#define err_wrap(err, rc, ...) (err_wrap(err, rc, __VA_ARGS__), (rc))
#endif

/* Writes "outer: inner: root: strerror" to buf; returns buf. Async-signal-safe only without sys. */
const char *err_format(const struct err *err, char *buf, size_t size);

/* The kind that an errno value stands for. */
enum err_kind err_kind_of(int sys);

/*
 * Makes a value read from a socket, or that quotes strangers, safe to use: bounds `used`, terminates the text,
 * takes what would steer a terminal out of it, checks the kind.
 */
void err_sanitize(struct err *err);

#endif
