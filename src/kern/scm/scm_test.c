#include "kern/scm/scm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/test.h"

static bool same_file(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_ino == two.st_ino &&
	       one.st_dev == two.st_dev;
}

static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

TEST(passes_one)
{
	struct err err = {0};
	int pair[2];
	char data[16] = "";
	size_t len = 0;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK_INT(scm_send_fd(pair[0], null, "hello", 5, &err), 0);
	auto_fd got = scm_receive_fd(pair[1], data, sizeof(data), &len, &err);
	CHECK(got >= 0 && got != null && same_file(got, null));
	CHECK_INT(fcntl(got, F_GETFD), FD_CLOEXEC);
	CHECK_INT(len, 5);
	CHECK_STR(data, "hello");
	(void)close(pair[0]);
	CHECK_INT(scm_receive_fd(pair[1], data, sizeof(data), &len, &err), -EPROTO);
	CHECK_INT(scm_send_fd(pair[1], null, "x", 1, &err), -EPIPE);
	(void)close(pair[1]);
}

/* A message without a descriptor, or with several, is refused and leaves none behind. */
TEST(refuses_others)
{
	struct err err = {0};
	int pair[2], fds[3] = {0, 1, 2};
	char data[16], room[CMSG_SPACE(sizeof(fds))];
	struct iovec iov = {.iov_base = data, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	int before = count_open();
	CHECK_INT(write(pair[0], "x", 1), 1);
	CHECK_INT(scm_receive_fd(pair[1], data, sizeof(data), NULL, &err), -EPROTO);
	(void)memset(room, 0, sizeof(room));
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	REQUIRE(head != NULL);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fds));
	(void)memcpy(CMSG_DATA(head), fds, sizeof(fds));
	CHECK_INT(sendmsg(pair[0], &message, 0), 1);
	CHECK_INT(scm_receive_fd(pair[1], data, sizeof(data), NULL, &err), -EPROTO);
	CHECK_INT(err.kind, ERR_INVALID);
	CHECK_INT(count_open(), before);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

TESTS(T(passes_one), T(refuses_others))
