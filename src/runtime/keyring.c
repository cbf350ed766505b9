#include "runtime/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/container.h"

/* What a new keyring allows (all to who possesses it; view, read and link to its owner), and search. */
#define KEYRING_MODE (0x3f130000U | 0x00080000U)

int keyring_join(const char *id, bool fresh, struct err *err)
{
	char name[sizeof("_ses.") + CONTAINER_ID_MAX];

	(void)snprintf(name, sizeof(name), "_ses.%s", id);
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
	if (key < 0)
		return err_errno(err,
				 "join the session keyring '%s' (--no-new-keyring keeps the "
				 "caller's)",
				 name);
	if (fresh && syscall(SYS_keyctl, KEYCTL_SETPERM, key, KEYRING_MODE, 0, 0) < 0)
		return err_errno(err, "set the mode of the session keyring '%s'", name);
	return 0;
}
