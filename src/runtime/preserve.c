#include "runtime/preserve.h"

#include <fcntl.h>

int preserve_check(uint32_t count, struct err *err)
{
	if (count > PRESERVE_FDS_MAX)
		return err_set(err, ERR_INVALID, 0, "--preserve-fds %u: at most %d", count,
			       PRESERVE_FDS_MAX);
	for (uint32_t i = 0; i < count; i++)
		if (fcntl((int)(3 + i), F_GETFD) < 0)
			return err_set(err, ERR_INVALID, 0,
				       "--preserve-fds %u: descriptor %u is not open", count,
				       3 + i);
	return 0;
}
