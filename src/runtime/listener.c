#include "runtime/listener.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/limits.h"
#include "kern/scm/scm.h"
#include "kern/tty/tty.h"

int listener_pair(const struct filter *filter, int ret_fds[2], struct err *err)
{
	if (filter->listener_path == NULL)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return err_errno(err, "make the socket pair for the seccomp listener");
	return 0;
}

static int listener_send(int listener, const struct filter *filter,
			 const struct oci_process_state *state, struct err *err)
{
	BUF_AUTO(text, CONFIG_BYTES_MAX);

	json_write(&oci_process_state_shape, state, JSON_COMPACT, &text);
	int rc = buf_check(&text, "the container process state", err);
	if (rc < 0)
		return rc;
	auto_fd agent = tty_connect_socket(filter->listener_path, err);
	if (agent < 0)
		return agent;
	return scm_send_fd(agent, listener, text.data, text.len, err);
}

int listener_forward(int sock, const struct filter *filter, const struct oci_state *state,
		     pid_t pid, struct err *err)
{
	const char *names[] = {"seccompFd"};
	struct oci_process_state about = {
		.oci_version = OCI_VERSION,
		.fds = {names, 1},
		.pid = pid,
		.metadata = filter->listener_metadata,
		.state = *state,
	};
	struct err ignored;
	char byte;
	auto_fd listener = scm_receive_fd(sock, &byte, sizeof(byte), NULL, &ignored);

	if (listener == -EPROTO)
		return 0;
	if (listener < 0) {
		*err = ignored;
		return listener;
	}
	int rc = listener_send(listener, filter, &about, err);
	/* The payload may run now. Whoever is gone needs no word. */
	if (rc == 0 && send(sock, &byte, sizeof(byte), MSG_NOSIGNAL) < 0)
		return 0;
	return rc < 0 ? err_wrap(err, rc,
				 "hand the seccomp listener to the agent at "
				 "linux.seccomp.listenerPath '%s'",
				 filter->listener_path)
		      : 1;
}
