/*
 * keyring.h - a session keyring of a container's own.
 *
 * A process inherits its caller's session keyring, and with it keys of the host. A container's processes
 * share one of the name "_ses.ID" instead, as under runc. exec finds it by its name, which takes the right
 * to search it: its mode gives that to its owner, the container's root, and to nobody else.
 */
#ifndef CORTEN_RUNTIME_KEYRING_H
#define CORTEN_RUNTIME_KEYRING_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Makes or joins the keyring of container `id` for this process and its children; one of that name that
 * belongs to another user is made invalid. fresh: sets its mode.
 * -ENOSYS (a kernel without keyrings) is returned with err set, for the caller to pass over.
 */
int keyring_join(const char *id, bool fresh, struct err *err);

#endif
