#include "runtime/preserve.h"

#include <fcntl.h>
#include <stddef.h>

#include "base/str.h"

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

int preserve_count_listeners(const char *listen_pid, const char *listen_fds, pid_t pid,
			     uint32_t *ret_count, struct err *err)
{
	struct err ignored;
	uint64_t number;

	*ret_count = 0;
	/* As sd_listen_fds(3): what is not meant for this process is none of its business. */
	if (listen_pid == NULL || listen_fds == NULL ||
	    str_parse_uint64(listen_pid, INT32_MAX, &number, &ignored) < 0 ||
	    number != (uint64_t)pid)
		return 0;
	int rc = str_parse_uint64(listen_fds, PRESERVE_FDS_MAX, &number, err);
	if (rc < 0)
		return err_wrap(err, rc, "LISTEN_FDS");
	*ret_count = (uint32_t)number;
	return 0;
}
