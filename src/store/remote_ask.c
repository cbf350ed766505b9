#include "store/remote_ask.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/sha256.h"
#include "base/str.h"
#include "kern/scm/scm.h"

static int ask_for(const struct remote *remote, enum wire_ask ask, const char *hex, struct err *err)
{
	struct wire_request request, echo;
	size_t len = 0;
	ssize_t sent;

	memset(&request, 0, sizeof(request));
	request.ask = (uint32_t)ask;
	if (hex != NULL && str_copy(request.hex, sizeof(request.hex), hex) < 0)
		return err_set(err, ERR_INVALID, 0, "'%.80s' is no digest", hex);
	do
		sent = send(remote->socket_fd, &request, sizeof(request), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_errno(err, "ask corten-remote");
	auto_fd pipe_fd = scm_receive_fd(remote->socket_fd, &echo, sizeof(echo), &len, err);
	if (pipe_fd < 0)
		return pipe_fd;
	if (len != sizeof(echo) || memcmp(&echo, &request, sizeof(echo)) != 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "corten-remote answered something else");
	return fd_take(&pipe_fd);
}

static int check_digest(const struct buf *text, const char *hex, struct err *err)
{
	struct sha256 hash;
	char found[65];

	sha256_init(&hash);
	sha256_add(&hash, text->data != NULL ? text->data : "", text->len);
	sha256_hex(&hash, found);
	if (strcmp(found, hex) == 0)
		return 0;
	return err_set(err, ERR_INVALID, 0, "document sha256:%.64s has the digest sha256:%s", hex,
		       found);
}

int remote_read(const struct remote *remote, enum wire_ask ask, const char *hex, struct buf *out,
		struct err *err)
{
	auto_fd pipe_fd = ask_for(remote, ask, hex, err);
	int rc = pipe_fd < 0 ? pipe_fd : fd_read_all(pipe_fd, "the registry's answer", out, err);

	/* Also when it looks like an answer: a transfer that failed ends like one that did not. */
	rc = remote_prefer(remote, rc, err);
	if (rc == 0 && (ask == WIRE_ASK_MANIFEST || ask == WIRE_ASK_BLOB))
		rc = check_digest(out, hex, err);
	return rc;
}
