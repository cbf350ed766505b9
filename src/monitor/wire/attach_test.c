#include "monitor/wire/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

static const enum attach_type all_types[] = {
	ATTACH_HELLO,  ATTACH_STDIN,   ATTACH_STDIN_CLOSE, ATTACH_RESIZE, ATTACH_SIGNAL,
	ATTACH_DETACH, ATTACH_CLEANED, ATTACH_STARTED,     ATTACH_FAILED, ATTACH_STDOUT,
	ATTACH_STDERR, ATTACH_LOST,    ATTACH_EXITED,      ATTACH_ERROR,
};

static struct attach_message sample(enum attach_type type)
{
	struct attach_message message = {.type = type, .number = 1234567890123};

	message.hello.version = ATTACH_VERSION;
	message.hello.flags = ATTACH_WANT_STDOUT | ATTACH_PACED;
	message.hello.rows = 24;
	message.hello.columns = 80;
	message.size.rows = 50;
	message.size.columns = 132;
	message.bytes.data = "hello";
	message.bytes.size = 5;
	message.failed.exit_code = 127;
	(void)err_set(&message.failed.err, ERR_NOT_FOUND, ENOENT, "execute '/bin/none'");
	(void)err_wrap(&message.failed.err, -ENOENT, "start container 'web'");
	message.exited.exit_code = 137;
	message.exited.signal = 9;
	message.exited.oom = true;
	message.exited.time_ns = 1700000000000000001;
	return message;
}

static void check_same(const struct attach_message *got, const struct attach_message *want)
{
	char text[512];

	CHECK_INT(got->type, want->type);
	switch (got->type) {
	case ATTACH_HELLO:
		CHECK_INT(got->hello.flags, want->hello.flags);
		CHECK_INT(got->hello.rows, 24);
		CHECK_INT(got->hello.columns, 80);
		break;
	case ATTACH_STDIN:
	case ATTACH_STDOUT:
	case ATTACH_STDERR:
		CHECK_INT(got->bytes.size, 5);
		CHECK(memcmp(got->bytes.data, "hello", 5) == 0);
		break;
	case ATTACH_RESIZE:
		CHECK_INT(got->size.rows, 50);
		CHECK_INT(got->size.columns, 132);
		break;
	case ATTACH_SIGNAL:
	case ATTACH_STARTED:
	case ATTACH_LOST:
		CHECK_INT(got->number, 1234567890123);
		break;
	case ATTACH_FAILED:
	case ATTACH_ERROR:
		CHECK_INT(got->failed.exit_code, 127);
		CHECK_INT(got->failed.err.kind, ERR_NOT_FOUND);
		CHECK_STR(err_format(&got->failed.err, text, sizeof(text)),
			  "start container 'web': execute '/bin/none': No such file or directory");
		break;
	case ATTACH_EXITED:
		CHECK_INT(got->exited.exit_code, 137);
		CHECK_INT(got->exited.signal, 9);
		CHECK(got->exited.oom);
		CHECK_INT(got->exited.time_ns, 1700000000000000001);
		break;
	case ATTACH_STDIN_CLOSE:
	case ATTACH_DETACH:
	case ATTACH_CLEANED:
		break;
	}
}

TEST(every_message_survives_encoding)
{
	uint8_t packet[ATTACH_MESSAGE_MAX];
	struct err err = {0};

	for (size_t i = 0; i < sizeof(all_types) / sizeof(all_types[0]); i++) {
		struct attach_message want = sample(all_types[i]), got = {0};
		size_t size = attach_encode(&want, packet);
		CHECK(size >= 4);
		CHECK_INT(attach_decode(packet, size, &got, &err), 0);
		check_same(&got, &want);
	}
}

TEST(every_message_survives_the_socket)
{
	uint8_t packet[ATTACH_MESSAGE_MAX];
	struct err err = {0};
	int fds[2];

	REQUIRE(attach_pair(fds, &err) == 0);
	auto_fd left = fds[0], right = fds[1];
	for (size_t i = 0; i < sizeof(all_types) / sizeof(all_types[0]); i++) {
		struct attach_message want = sample(all_types[i]), got = {0};
		CHECK_INT(attach_send(left, &want), 0);
		CHECK_INT(attach_receive(right, packet, &got, &err), 1);
		check_same(&got, &want);
	}
	fd_closep(&left);
	struct attach_message got;
	CHECK_INT(attach_receive(right, packet, &got, &err), 0);
	CHECK_INT(attach_send(right, &(struct attach_message){.type = ATTACH_DETACH}), -EPIPE);
}

TEST(wrong_sizes_are_refused)
{
	uint8_t packet[ATTACH_MESSAGE_MAX + 1] = {0};
	struct attach_message got;
	struct err err = {0};

	for (size_t i = 0; i < sizeof(all_types) / sizeof(all_types[0]); i++) {
		struct attach_message want = sample(all_types[i]);
		size_t size = attach_encode(&want, packet);
		CHECK(attach_decode(packet, 3, &got, &err) < 0);
		CHECK(attach_decode(packet, sizeof(packet), &got, &err) < 0);
		if (size == 4) {
			CHECK(attach_decode(packet, 5, &got, &err) < 0);
		} else {
			CHECK(attach_decode(packet, 4, &got, &err) < 0);
		}
	}
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(unknown_messages_are_refused)
{
	struct attach_message got;
	struct err err = {0};

	CHECK(attach_decode("\0\0\0\0", 4, &got, &err) < 0);
	CHECK(attach_decode("\x1f\0\0\0", 4, &got, &err) < 0);
	CHECK(attach_decode("\xff\0\0\0", 4, &got, &err) < 0);
	CHECK(attach_decode("\x03\0\1\0", 4, &got, &err) < 0);
	CHECK_INT(attach_decode("\x03\0\0\0", 4, &got, &err), 0);
	/* a hello of another version, one with an unknown flag */
	CHECK(attach_decode("\x01\0\0\0\x02\0\0\0\0\0\0\0", 12, &got, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	CHECK(attach_decode("\x01\0\0\0\x01\0\x20\0\0\0\0\0", 12, &got, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(too_large_a_packet_is_refused)
{
	static uint8_t big[ATTACH_MESSAGE_MAX + 1] = {ATTACH_STDIN};
	uint8_t packet[ATTACH_MESSAGE_MAX];
	struct attach_message got;
	struct err err = {0};
	int fds[2];

	REQUIRE(attach_pair(fds, &err) == 0);
	auto_fd left = fds[0], right = fds[1];
	CHECK_INT(send(left, big, sizeof(big), 0), sizeof(big));
	CHECK(attach_receive(right, packet, &got, &err) < 0);
	CHECK_INT(err.sys, EMSGSIZE);
	struct attach_message out = {.type = ATTACH_STDOUT};
	out.bytes.data = big;
	out.bytes.size = ATTACH_DATA_MAX + 1;
	CHECK_INT(attach_encode(&out, packet), 0);
	CHECK_INT(attach_send(left, &out), -EMSGSIZE);
}

static int folder_make(char *path)
{
	if (mkdtemp(path) == NULL)
		return -errno;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(socket_by_folder)
{
	char path[] = "/tmp/attach_test.XXXXXX";
	uint8_t packet[ATTACH_MESSAGE_MAX];
	struct attach_message want = sample(ATTACH_SIGNAL), got;
	struct err err = {0};
	struct stat st;
	auto_fd dir = folder_make(path);

	REQUIRE(dir >= 0);
	CHECK(attach_connect_at(dir, "s", &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	{
		/* A stale socket is replaced. */
		auto_fd stale = attach_listen_at(dir, "s", &err);
		CHECK(stale >= 0);
	}
	CHECK(attach_connect_at(dir, "s", &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	auto_fd listener = attach_listen_at(dir, "s", &err);
	CHECK(listener >= 0);
	CHECK_INT(fstatat(dir, "s", &st, 0), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(attach_accept(listener, &err), -EAGAIN);
	auto_fd client = attach_connect_at(dir, "s", &err);
	CHECK(client >= 0);
	auto_fd server = attach_accept(listener, &err);
	CHECK(server >= 0);
	CHECK_INT(attach_receive(server, packet, &got, &err), -EAGAIN);
	CHECK_INT(attach_send(client, &want), 0);
	CHECK_INT(attach_receive(server, packet, &got, &err), 1);
	CHECK_INT(unlinkat(dir, "s", 0), 0);
	CHECK_INT(rmdir(path), 0);
}

/* As a host-network container's process of another user would. */
TEST(another_user_is_refused)
{
	char path[] = "/tmp/attach_test.XXXXXX";
	struct err err = {0};
	auto_fd dir = folder_make(path);

	REQUIRE(dir >= 0);
	if (geteuid() != 0) {
		printf("SKIP another_user_is_refused: only root can become somebody else\n");
	} else {
		auto_fd listener = attach_listen_at(dir, "s", &err);
		REQUIRE(listener >= 0);
		/* What the modes would stop is opened up, to see that the credentials do. */
		CHECK_INT(chmod(path, 0711), 0);
		CHECK_INT(fchmodat(dir, "s", 0777, 0), 0);
		pid_t child = fork();
		if (child == 0) {
			struct err ignored;
			bool connected =
				setuid(65534) == 0 && attach_connect_at(dir, "s", &ignored) >= 0;
			_exit(connected ? 0 : 1);
		}
		int status = -1;
		CHECK_INT(waitpid(child, &status, 0), child);
		CHECK_INT(status, 0);
		CHECK_INT(attach_accept(listener, &err), -EACCES);
		CHECK_INT(err.kind, ERR_DENIED);
		CHECK_INT(unlinkat(dir, "s", 0), 0);
	}
	CHECK_INT(rmdir(path), 0);
}

TESTS(T(every_message_survives_encoding), T(every_message_survives_the_socket),
      T(wrong_sizes_are_refused), T(unknown_messages_are_refused), T(too_large_a_packet_is_refused),
      T(socket_by_folder), T(another_user_is_refused))
