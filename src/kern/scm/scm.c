#include "kern/scm/scm.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define SCM_FDS_MAX 253 /* the kernel's maximum a message: all of them must be seen to be closed */

int scm_send_fd(int sock, int fd, const void *data, size_t size, struct err *err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};

	(void)memcpy(&iov.iov_base, &data, sizeof(data));
	(void)memset(&control, 0, sizeof(control));
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	(void)memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	for (;;) {
		ssize_t sent = sendmsg(sock, &message, MSG_NOSIGNAL);
		if (sent == (ssize_t)size)
			return 0;
		if (sent >= 0)
			return err_set(err, ERR_SYSTEM, EMSGSIZE, "send a descriptor");
		if (errno != EINTR)
			return err_errno(err, "send a descriptor");
	}
}

/*
 * Takes the descriptors out of a message; keeps the first and closes the others. Returns how many
 * there were.
 */
static size_t scm_collect(struct msghdr *message, int *ret_fd)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	size_t count = 0;

	*ret_fd = FD_NONE;
	if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;
		(void)memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
		if (i == 0)
			*ret_fd = fd;
		else
			(void)close(fd);
	}
	return count;
}

int scm_receive_fd(int sock, void *data, size_t size, size_t *ret_len, struct err *err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * SCM_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};
	ssize_t got;

	do
		got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "receive a descriptor");
	auto_fd fd = FD_NONE;
	size_t count = scm_collect(&message, &fd);
	if (got == 0 && count == 0)
		return err_set(err, ERR_INVALID, EPROTO,
			       "receive a descriptor: the other end closed the connection");
	if (count != 1 || (message.msg_flags & MSG_CTRUNC))
		return err_set(err, ERR_INVALID, EPROTO,
			       "receive a descriptor: the message has %zu, not one", count);
	if (ret_len != NULL)
		*ret_len = (size_t)got;
	return fd_take(&fd);
}
