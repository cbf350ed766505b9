/*
 * policy.h - the seccomp policy of a container: the default one, and files that users bring.
 *
 * Purpose    Write "linux.seccomp" of the runtime specification for one container on one host.
 * Default    Allows and refuses what the policy of Docker 28.5.2 (github.com/moby/profiles/seccomp
 *            v0.1.0) does, for any set of capabilities; the data and its order are Corten's own. A call
 *            that it refuses fails with EPERM, one that is newer than the policy with ENOSYS
 *            (kern/seccomp/seccomp.h).
 * Files      Docker's format: the specification's section, where "archMap" stands for "architectures"
 *            and each entry of "syscalls" may have "includes" and "excludes" with "caps", "arches" and
 *            "minKernel".
 * Ownership  Output is appended to the caller's buffer.
 */
#ifndef CORTEN_ENGINE_POLICY_POLICY_H
#define CORTEN_ENGINE_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "kern/seccomp/seccomp.h"
#include "oci/seccomp_config.h"

/* A longer file is refused. */
#define POLICY_FILE_BYTES_MAX (1U << 20)

/* What a policy's conditions ask about. */
struct policy_host {
	enum seccomp_arch native; /* x86_64 or aarch64 */
	unsigned kernel_major;    /* 6 of "6.12.3" */
	unsigned kernel_minor;    /* 12 */
	uint64_t caps;            /* the container's bounding set, bit N for capability N */
};

/* This machine, and a container with these capabilities. */
int policy_host_init(struct policy_host *ret_host, uint64_t caps, struct err *err);

/* Reads "6.12.3-something". */
int policy_kernel_parse(const char *release, unsigned *ret_major, unsigned *ret_minor,
			struct err *err);

/* The default policy as a struct that lives in the arena and in static data. */
int policy_default_make(const struct policy_host *host, struct arena *arena,
			struct oci_seccomp *ret_seccomp, struct err *err);

/* The same as text. */
int policy_default_write(const struct policy_host *host, struct buf *out, struct err *err);

/*
 * Appends what a file in Docker's format means on this host. A file without a default action and
 * without rules asks for no filter: nothing is appended and 0 returned; else 1. Errors name the place.
 */
int policy_file_convert(const char *text, size_t len, const struct policy_host *host,
			struct buf *out, struct err *err);

#endif
