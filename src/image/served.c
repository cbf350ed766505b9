#include "image/served.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "kern/scm/scm.h"

static int exchange(int socket_fd, const struct wire_request *request, struct err *err)
{
	struct wire_request echo = {0};
	size_t len = 0;
	ssize_t sent;

	do
		sent = send(socket_fd, request, sizeof(*request), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_errno(err, "ask for a part of the image");
	auto_fd pipe_fd = scm_receive_fd(socket_fd, &echo, sizeof(echo), &len, err);
	if (pipe_fd < 0)
		return pipe_fd;
	if (len != sizeof(echo) || memcmp(&echo, request, sizeof(echo)) != 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "corten-remote answered something else");
	return fd_take(&pipe_fd);
}

int served_ask(struct served *served, enum wire_ask ask, const char *hex, struct err *err)
{
	struct wire_request request;

	memset(&request, 0, sizeof(request));
	request.ask = (uint32_t)ask;
	if (hex != NULL)
		(void)snprintf(request.hex, sizeof(request.hex), "%s", hex);
	/* The answer comes before the first byte of the member does: nobody waits here for a transfer. */
	(void)pthread_mutex_lock(&served->mutex);
	int rc = exchange(served->socket_fd, &request, err);
	(void)pthread_mutex_unlock(&served->mutex);
	return rc;
}
