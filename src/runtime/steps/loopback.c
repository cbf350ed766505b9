/*
 * A network namespace of its own starts with lo down; engines count on it being up, as runc has it. The kernel has one
 * lock for all network devices, which the end of another namespace may hold for milliseconds: so the host's side waits
 * for it, on a socket of the namespace, while the first process mounts.
 */
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "kern/scm/scm.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

static int loopback_raise(int sock, struct err *err)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	return ioctl(sock, SIOCSIFFLAGS, &request) < 0 ? err_errno(err, "bring lo up") : 0;
}

static bool loopback_is_wanted(const struct start *start)
{
	return (start->new_namespaces & CLONE_NEWNET) != 0;
}

int step_loopback_offer(struct start *start, struct err *err)
{
	if (!loopback_is_wanted(start))
		return 0;
	/* A socket of any family will do: netdevice(7). */
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_errno(err, "make a socket to bring lo up");
	/* With a user namespace, the right to do it is the container's. */
	if (step_has_userns(start))
		return loopback_raise(sock, err);
	int rc = sync_send(start->sync_fds[1], SYNC_LOOPBACK, NULL, err);
	return rc < 0 ? rc : scm_send_fd(start->sync_fds[1], sock, "", 1, err);
}

int step_loopback_raise(struct start *start, struct err *err)
{
	char nothing;

	if (!loopback_is_wanted(start) || step_has_userns(start))
		return 0;
	int rc = sync_await(start->sync_fds[0], SYNC_LOOPBACK, start->options->warn,
			    start->options->log_context, err);
	if (rc < 0)
		return rc;
	auto_fd sock = scm_receive_fd(start->sync_fds[0], &nothing, sizeof(nothing), NULL, err);
	return sock < 0 ? sock : loopback_raise(sock, err);
}
