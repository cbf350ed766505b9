/*
 * base64.h - base64 (RFC 4648), as names and passwords are written in files and headers.
 *
 * Errors     -EINVAL for what is no base64; -ENAMETOOLONG when it does not fit.
 */
#ifndef CORTEN_REMOTE_BASE64_H
#define CORTEN_REMOTE_BASE64_H

#include <stddef.h>

#include "base/buf.h"

void base64_write(struct buf *out, const void *data, size_t size);

/* Returns the number of bytes; a NUL follows them. Padding may be absent, as some writers have it. */
int base64_read(const char *text, char *buf, size_t size);

#endif
