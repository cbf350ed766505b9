#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

struct seen {
	struct loop *loop;
	struct loop_source *self;
	struct loop_source *other;
	int calls;
	int last;
	int stop_at;
};

static int on_fd(void *data, int fd, uint32_t events, struct err *err)
{
	struct seen *seen = data;
	unsigned char byte = 0;

	CHECK((events & EPOLLIN) != 0);
	CHECK_INT(read(fd, &byte, 1), 1);
	seen->last = byte;
	if (++seen->calls == seen->stop_at)
		loop_stop(seen->loop);
	return 0;
}

static int on_timer(void *data, struct err *err)
{
	struct seen *seen = data;

	if (++seen->calls == seen->stop_at)
		loop_stop(seen->loop);
	return 0;
}

static int on_signal(void *data, int sig, struct err *err)
{
	struct seen *seen = data;

	seen->last = sig;
	if (++seen->calls == seen->stop_at)
		loop_stop(seen->loop);
	return 0;
}

static int on_child(void *data, const struct process_exit *status, struct err *err)
{
	struct seen *seen = data;

	seen->calls++;
	seen->last = process_exit_status(status);
	return 0;
}

/* Whichever of the two is called first removes both. */
static int on_fd_remove_both(void *data, int fd, uint32_t events, struct err *err)
{
	struct seen *seen = data;

	seen->calls++;
	loop_remove(seen->self);
	loop_remove(seen->other);
	return 0;
}

static int on_fd_fail(void *data, int fd, uint32_t events, struct err *err)
{
	return err_set(err, ERR_DENIED, EPERM, "no");
}

static struct loop *new_loop(void)
{
	struct loop *loop = NULL;
	struct err err;

	CHECK_INT(loop_new(&loop, &err), 0);
	return loop;
}

static void free_loop(struct loop **loop)
{
	loop_free(*loop);
}
#define AUTO_LOOP __attribute__((cleanup(free_loop))) struct loop *

TEST(loop_calls_for_descriptors)
{
	AUTO_LOOP loop = new_loop();
	struct seen seen = {.loop = loop, .stop_at = 3};
	struct err err;
	int pipes[2];

	REQUIRE(loop != NULL && pipe2(pipes, O_CLOEXEC) == 0);
	auto_fd reader = pipes[0];
	auto_fd writer = pipes[1];
	CHECK_INT(loop_add_fd(loop, reader, EPOLLIN, on_fd, &seen, &seen.self, &err), 0);
	CHECK_INT(loop_run_once(loop, 0, &err), 0);
	CHECK_INT(seen.calls, 0);
	CHECK_INT(write(writer, "abcd", 4), 4);
	CHECK_INT(loop_run(loop, &err), 0);
	CHECK_INT(seen.calls, 3);
	CHECK_INT(seen.last, 'c');
	CHECK_INT(loop_set_events(seen.self, 0, &err), 0);
	CHECK_INT(loop_run_once(loop, 0, &err), 0);
	CHECK_INT(seen.calls, 3);
	CHECK(loop_add_fd(loop, reader, EPOLLIN, on_fd, &seen, NULL, &err) < 0);
	CHECK_INT(err.sys, EEXIST);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST(loop_timers_fire_and_repeat)
{
	AUTO_LOOP loop = new_loop();
	struct seen once = {.loop = loop}, often = {.loop = loop, .stop_at = 3},
		    never = {.loop = loop};
	struct err err;

	REQUIRE(loop != NULL);
	CHECK_INT(loop_add_timer(loop, on_timer, &once, &once.self, &err), 0);
	CHECK_INT(loop_add_timer(loop, on_timer, &often, &often.self, &err), 0);
	CHECK_INT(loop_add_timer(loop, on_timer, &never, &never.self, &err), 0);
	int64_t start = now_ms();
	CHECK_INT(loop_arm_timer(once.self, 0, 0, &err), 0);
	CHECK_INT(loop_arm_timer(often.self, 5, 5, &err), 0);
	CHECK_INT(loop_arm_timer(never.self, 1, 1, &err), 0);
	CHECK_INT(loop_disarm_timer(never.self, &err), 0);
	CHECK_INT(loop_run(loop, &err), 0);
	CHECK_INT(once.calls, 1);
	CHECK_INT(often.calls, 3);
	CHECK_INT(never.calls, 0);
	CHECK(now_ms() - start >= 14);
}

TEST(loop_hands_out_signals)
{
	AUTO_LOOP loop = new_loop();
	struct seen seen = {.loop = loop, .stop_at = 2};
	struct err err;
	sigset_t set, before;

	REQUIRE(loop != NULL);
	(void)sigprocmask(SIG_SETMASK, NULL, &before);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	CHECK_INT(loop_add_signals(loop, &set, on_signal, &seen, NULL, &err), 0);
	(void)raise(SIGUSR2);
	(void)raise(SIGUSR1);
	CHECK_INT(loop_run(loop, &err), 0);
	CHECK_INT(seen.calls, 2);
	CHECK_INT(seen.last, SIGUSR2); /* the lower number comes first */
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

TEST(loop_reaps_children)
{
	AUTO_LOOP loop = new_loop();
	struct seen seen = {.loop = loop};
	struct err err;
	const char *const argv[] = {"sh", "-c", "exit 9", NULL};
	struct process_spec spec = {.path = "/bin/sh", .argv = argv};
	auto_fd pidfd = FD_NONE;

	REQUIRE(loop != NULL && process_spawn(&spec, &pidfd, &err) == 0);
	CHECK_INT(loop_add_child(loop, pidfd, on_child, &seen, NULL, &err), 0);
	/* Ends by itself: the child was the only source. */
	CHECK_INT(loop_run(loop, &err), 0);
	CHECK_INT(seen.calls, 1);
	CHECK_INT(seen.last, 9);
}

TEST(loop_sources_removed_in_a_round_stay_silent)
{
	AUTO_LOOP loop = new_loop();
	struct seen a = {.loop = loop}, b = {.loop = loop};
	struct err err;
	int pipes[2], others[2];

	REQUIRE(loop != NULL && pipe2(pipes, O_CLOEXEC) == 0 && pipe2(others, O_CLOEXEC) == 0);
	CHECK_INT(loop_add_fd(loop, pipes[0], EPOLLIN, on_fd_remove_both, &a, &a.self, &err), 0);
	CHECK_INT(loop_add_fd(loop, others[0], EPOLLIN, on_fd_remove_both, &b, &b.self, &err), 0);
	a.other = b.self;
	b.other = a.self;
	CHECK_INT(write(pipes[1], "x", 1), 1);
	CHECK_INT(write(others[1], "x", 1), 1);
	CHECK_INT(loop_run(loop, &err), 0);
	CHECK_INT(a.calls + b.calls, 1);
	for (int i = 0; i < 2; i++) {
		(void)close(pipes[i]);
		(void)close(others[i]);
	}
}

TEST(loop_returns_a_callbacks_error)
{
	AUTO_LOOP loop = new_loop();
	struct err err;
	int pipes[2];

	REQUIRE(loop != NULL && pipe2(pipes, O_CLOEXEC) == 0);
	auto_fd reader = pipes[0];
	auto_fd writer = pipes[1];
	CHECK_INT(loop_add_fd(loop, reader, EPOLLIN, on_fd_fail, NULL, NULL, &err), 0);
	CHECK_INT(write(writer, "x", 1), 1);
	CHECK_INT(loop_run(loop, &err), -EPERM);
	CHECK_INT(err.kind, ERR_DENIED);
}

TESTS(T(loop_calls_for_descriptors), T(loop_timers_fire_and_repeat), T(loop_hands_out_signals),
      T(loop_reaps_children), T(loop_sources_removed_in_a_round_stay_silent),
      T(loop_returns_a_callbacks_error))
