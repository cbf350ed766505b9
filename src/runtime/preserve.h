/* preserve.h - descriptors that the caller passes on to a payload. */
#ifndef CORTEN_RUNTIME_PRESERVE_H
#define CORTEN_RUNTIME_PRESERVE_H

#include <stdint.h>

#include "base/err.h"

#define PRESERVE_FDS_MAX 1024

/*
 * Verifies that 3 to 3 + count - 1 are open. Called before anything else is opened: a gap would be
 * filled by one of the runtime's own, and that would leak into the payload.
 */
int preserve_check(uint32_t count, struct err *err);

#endif
