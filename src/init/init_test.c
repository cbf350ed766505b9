#include "init/init.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"

static int start(const char *const argv[], pid_t *pid, int *code, struct err *err)
{
	sigset_t none;

	(void)sigemptyset(&none);
	const struct init_program program = {.argv = argv, .signals = &none, .own_session = true};
	return init_start(&program, pid, code, err);
}

/* Waits for that child. */
static int end_of(pid_t pid)
{
	int status = -1;

	for (int i = 0; i < 50; i++) {
		for (pid_t got = init_reap(&status); got != 0; got = init_reap(&status))
			if (got == pid)
				return status;
		(void)init_wait_signal(100);
	}
	return -1;
}

TEST(exit_codes)
{
	const char *const exits[] = {"sh", "-c", "exit 7", NULL}, *const dies[] = {"sh", "-c",
										   "kill -9 $$",
										   NULL};
	struct err err;
	sigset_t saved;
	pid_t pid;

	init_block_signals(&saved);
	REQUIRE(start(exits, &pid, NULL, &err) == 0);
	CHECK_INT(init_exit_code(end_of(pid)), 7);
	REQUIRE(start(dies, &pid, NULL, &err) == 0);
	CHECK_INT(init_exit_code(end_of(pid)), 137);
	(void)sigprocmask(SIG_SETMASK, &saved, NULL);
}

TEST(failed_exec_is_told)
{
	const char *const missing[] = {"/nonexistent/program", NULL}, *const folder[] = {"/etc",
											 NULL};
	struct err err;
	int code = 0, status;
	pid_t pid;

	CHECK_INT(start(missing, &pid, &code, &err), -ENOENT);
	CHECK_INT(code, 127);
	CHECK_INT(start(folder, &pid, &code, &err), -EACCES);
	CHECK_INT(code, 126);
	CHECK_INT(err.kind, ERR_DENIED);
	/* and leaves no child */
	CHECK_INT(init_reap(&status), 0);
}

TEST(the_child_gets_its_signals_back)
{
	const char *const dies[] = {"sh", "-c", "kill -TERM $$; exit 3", NULL};
	struct err err;
	sigset_t saved;
	pid_t pid;

	init_block_signals(&saved);
	(void)signal(SIGTERM, SIG_IGN);
	REQUIRE(start(dies, &pid, NULL, &err) == 0);
	CHECK_INT(init_exit_code(end_of(pid)), 128 + SIGTERM);
	(void)signal(SIGTERM, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &saved, NULL);
}

TEST(signals_are_handed_out)
{
	sigset_t saved;

	init_block_signals(&saved);
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	CHECK_INT(kill(getpid(), SIGRTMIN + 3), 0);
	CHECK_INT(init_wait_signal(1000), SIGUSR1);
	CHECK_INT(init_wait_signal(1000), SIGRTMIN + 3);
	CHECK_INT(init_wait_signal(10), 0);
	(void)sigprocmask(SIG_SETMASK, &saved, NULL);
}

TESTS(T(exit_codes), T(failed_exec_is_told), T(the_child_gets_its_signals_back),
      T(signals_are_handed_out))
