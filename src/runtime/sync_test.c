#include "runtime/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"

TEST(sync_carries_an_error)
{
	struct sync_message message;
	struct err err, about;
	char text[256];
	int fds[2];

	REQUIRE(sync_pair(fds, &err) == 0);
	err_set(&about, ERR_DENIED, EPERM, "mount '/x'");
	CHECK_INT(sync_send(fds[1], SYNC_FAILED, &about, &err), 0);
	CHECK_INT(sync_receive(fds[0], &message, &err), 0);
	CHECK_INT(message.type, SYNC_FAILED);
	CHECK_STR(err_format(&message.err, text, sizeof(text)),
		  "mount '/x': Operation not permitted");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* What a hostile peer may send: too short, too long, an unknown type, an error value of garbage. */
TEST(sync_refuses_malformed_packets)
{
	struct sync_message message, got;
	char large[sizeof(message) + 100];
	struct err err;
	int fds[2];

	REQUIRE(sync_pair(fds, &err) == 0);
	memset(large, 0, sizeof(large));
	CHECK(send(fds[1], large, 3, 0) == 3);
	CHECK_INT(sync_receive(fds[0], &got, &err), -EPROTO);
	CHECK(send(fds[1], large, sizeof(large), 0) == (ssize_t)sizeof(large));
	CHECK_INT(sync_receive(fds[0], &got, &err), -EPROTO);
	memset(&message, 0xff, sizeof(message));
	CHECK(send(fds[1], &message, sizeof(message), 0) > 0);
	CHECK_INT(sync_receive(fds[0], &got, &err), -EPROTO);
	message.type = SYNC_FAILED;
	CHECK(send(fds[1], &message, sizeof(message), 0) > 0);
	CHECK_INT(sync_receive(fds[0], &got, &err), 0);
	CHECK(got.err.used <= sizeof(got.err.text));
	CHECK_INT(got.err.sys, 0);
	(void)close(fds[1]);
	CHECK_INT(sync_receive(fds[0], &got, &err), -EPIPE);
	(void)close(fds[0]);
}

TEST(sync_hears_the_last_words_of_a_peer_that_did_not_listen)
{
	struct sync_message got;
	struct err err, about;
	int fds[2];

	REQUIRE(sync_pair(fds, &err) == 0);
	CHECK_INT(sync_send(fds[0], SYNC_GO, NULL, &err), 0);
	err_set(&about, ERR_DENIED, EPERM, "mount '/x'");
	CHECK_INT(sync_send(fds[1], SYNC_FAILED, &about, &err), 0);
	(void)close(fds[1]);
	CHECK_INT(sync_receive(fds[0], &got, &err), 0);
	CHECK_INT(got.type, SYNC_FAILED);
	CHECK_INT(sync_receive(fds[0], &got, &err), -EPIPE);
	(void)close(fds[0]);
}

TEST(sync_goes_through_a_fifo)
{
	struct sync_message got;
	struct err err, about;
	char text[256];
	int fds[2];

	REQUIRE(pipe(fds) == 0);
	err_set(&about, ERR_SYSTEM, 0, "startContainer hook 0: exit 3");
	CHECK_INT(sync_write(fds[1], SYNC_FAILED, &about, &err), 0);
	CHECK_INT(sync_write(fds[1], SYNC_HOOKED, NULL, &err), 0);
	CHECK(write(fds[1], "short", 5) == 5);
	(void)close(fds[1]);
	CHECK_INT(sync_read(fds[0], &got, &err), 0);
	CHECK_INT(sync_failure(&got, &err), -EIO);
	CHECK_STR(err_format(&err, text, sizeof(text)), "startContainer hook 0: exit 3");
	CHECK_INT(sync_read(fds[0], &got, &err), 0);
	CHECK_INT(got.type, SYNC_HOOKED);
	CHECK_INT(sync_read(fds[0], &got, &err), -EPROTO);
	CHECK_INT(sync_read(fds[0], &got, &err), -EPIPE);
	(void)close(fds[0]);
}

static void count_warning(void *context, const char *text)
{
	CHECK_STR(text, "mind");
	++*(int *)context;
}

TEST(sync_awaits_one_type)
{
	struct err err, about;
	int fds[2], warnings = 0;

	REQUIRE(sync_pair(fds, &err) == 0);
	err_set(&about, ERR_DENIED, EPERM, "mind");
	CHECK_INT(sync_send(fds[1], SYNC_WARNING, &about, &err), 0);
	CHECK_INT(sync_send(fds[1], SYNC_DEVICES, NULL, &err), 0);
	CHECK_INT(sync_await(fds[0], SYNC_DEVICES, count_warning, &warnings, &err), 0);
	CHECK_INT(warnings, 1);
	CHECK_INT(sync_send(fds[1], SYNC_READY, NULL, &err), 0);
	CHECK_INT(sync_await(fds[0], SYNC_DEVICES, count_warning, &warnings, &err), -EPROTO);
	CHECK_INT(sync_send(fds[1], SYNC_FAILED, &about, &err), 0);
	CHECK_INT(sync_await(fds[0], SYNC_DEVICES, count_warning, &warnings, &err), -EPERM);
	(void)close(fds[1]);
	CHECK_INT(sync_await(fds[0], SYNC_DEVICES, count_warning, &warnings, &err), -EPIPE);
	(void)close(fds[0]);
}

/* What the stage says: that it is about to execute, and then what failed. */
TEST(sync_tells_an_execution_from_a_death)
{
	const struct stage_result soon = {.step = STAGE_STEP_EXEC};
	const struct stage_result failed = {.step = STAGE_STEP_EXEC, .sys = ENOENT};
	struct stage_result got;
	struct sync_message message;
	struct err err;

	for (int said = 0; said < 3; said++) {
		int packets[2], fifo[2], wanted = said == 0 ? -EPIPE : said - 1;
		REQUIRE(sync_pair(packets, &err) == 0 && pipe2(fifo, O_CLOEXEC) == 0);
		for (int i = 0; i < said; i++) {
			const struct stage_result *words = i == 0 ? &soon : &failed;
			CHECK(send(packets[1], words, sizeof(*words), 0) == sizeof(*words));
			CHECK(write(fifo[1], words, sizeof(*words)) == sizeof(*words));
		}
		(void)close(packets[1]);
		(void)close(fifo[1]);
		CHECK_INT(sync_await_exec(packets[0], false, &message, NULL, NULL, &err), wanted);
		CHECK_INT(sync_read_exec(fifo[0], &got, &err), wanted);
		if (said == 2)
			CHECK(got.sys == ENOENT && message.result.sys == ENOENT);
		(void)close(packets[0]);
		(void)close(fifo[0]);
	}
}

TESTS(T(sync_tells_an_execution_from_a_death), T(sync_goes_through_a_fifo), T(sync_awaits_one_type),
      T(sync_carries_an_error), T(sync_refuses_malformed_packets),
      T(sync_hears_the_last_words_of_a_peer_that_did_not_listen))
