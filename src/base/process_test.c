#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/test.h"

#define SHELL "/bin/sh"

/* Runs the script with `fds`; returns what it wrote to `number`. */
static void shell_output(const char *script, const struct process_fd *more, size_t more_count,
			 struct buf *out)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	const char *const envp[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct process_fd fds[8];
	struct process_exit status;
	struct err err;
	int pipes[2];
	char text[600];

	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	auto_fd reader = pipes[0];
	auto_fd writer = pipes[1];
	fds[0] = (struct process_fd){writer, 1};
	for (size_t i = 0; i < more_count; i++)
		fds[i + 1] = more[i];
	struct process_spec spec = {.path = SHELL,
				    .argv = argv,
				    .envp = envp,
				    .folder = "/",
				    .fds = fds,
				    .fd_count = more_count + 1};
	if (process_run(&spec, &status, &err) < 0)
		TEST_FAIL("%s", err_format(&err, text, sizeof(text)));
	fd_closep(&writer);
	CHECK_INT(fd_read_all(reader, "pipe", out, &err), 0);
}

TEST(process_runs_and_tells_the_exit)
{
	static const struct {
		const char *script;
		int code, signal, status;
	} cases[] = {
		{"exit 0", 0, 0, 0},
		{"exit 7", 7, 0, 7},
		{"exit 255", 255, 0, 255},
		{"kill -TERM $$", 0, SIGTERM, 143},
		{"kill -KILL $$", 0, SIGKILL, 137},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const argv[] = {"sh", "-c", cases[i].script, NULL};
		struct process_spec spec = {.path = SHELL, .argv = argv};
		struct process_exit status = {-1, -1};
		struct err err;
		CHECK_INT(process_run(&spec, &status, &err), 0);
		CHECK_INT(status.code, cases[i].code);
		CHECK_INT(status.signal, cases[i].signal);
		CHECK_INT(process_exit_status(&status), cases[i].status);
	}
}

TEST(process_gives_arguments_environment_and_folder)
{
	BUF_AUTO(out, 65536);

	shell_output("pwd; echo $LC_ALL; echo \"${HOME-unset}\"", NULL, 0, &out);
	CHECK_STR(out.data, "/\nC\nunset\n");
}

TEST(process_maps_descriptors_that_cross)
{
	BUF_AUTO(out, 65536);
	char a[] = "/tmp/corten-process-a-XXXXXX", b[] = "/tmp/corten-process-b-XXXXXX";

	auto_fd first = mkostemp(a, O_CLOEXEC);
	auto_fd second = mkostemp(b, O_CLOEXEC);
	REQUIRE(first >= 0 && second >= 0);
	/* Each takes the other's number. */
	const struct process_fd fds[] = {{first, second}, {second, first}, {first, 9}};
	char script[128];
	(void)snprintf(script, sizeof(script), "echo one >&%d; echo two >&%d; echo three >&9",
		       second, first);
	shell_output(script, fds, 3, &out);
	char text[32] = {0};
	CHECK(pread(first, text, sizeof(text) - 1, 0) > 0);
	CHECK_STR(text, "one\nthree\n");
	memset(text, 0, sizeof(text));
	CHECK(pread(second, text, sizeof(text) - 1, 0) > 0);
	CHECK_STR(text, "two\n");
	(void)unlink(a);
	(void)unlink(b);
}

TEST(process_maps_descriptors_over_its_own)
{
	struct process_fd fds[7];
	char name[2] = "a", script[128];
	BUF_AUTO(out, 65536);
	BUF_AUTO(want, 65536);

	for (int i = 0; i < 7; i++, name[0]++) {
		fds[i].fd = memfd_create(name, MFD_CLOEXEC);
		REQUIRE(fds[i].fd >= 0);
		buf_fmt(&want, "/memfd:%c (deleted)\n", 'g' - i);
	}
	/* Downwards through the numbers that the copies on the way would get. */
	int last = fds[6].fd + 10;
	for (int i = 0; i < 7; i++)
		fds[i].number = last - i;
	(void)snprintf(script, sizeof(script),
		       "n=%d; while [ $n -le %d ]; do readlink /proc/$$/fd/$n; n=$((n+1)); done",
		       last - 6, last);
	shell_output(script, fds, 7, &out);
	CHECK_STR(out.data, want.data);
	for (int i = 0; i < 7; i++)
		(void)close(fds[i].fd);
}

TEST(process_hides_all_other_descriptors)
{
	BUF_AUTO(out, 65536);
	/* Without O_CLOEXEC, as one inherited from a careless parent. */
	auto_fd leaked = open("/dev/zero", O_RDONLY);
	auto_fd mapped = open("/dev/full", O_RDONLY | O_CLOEXEC);
	const struct process_fd fds[] = {{mapped, 40}};

	REQUIRE(leaked >= 0 && mapped >= 0);
	shell_output("cd /proc/self/fd; for n in *; do echo $n $(readlink $n); done", fds, 1, &out);
	CHECK(strstr(out.data, "0 /dev/null\n") != NULL);
	CHECK(strstr(out.data, "2 /dev/null\n") != NULL);
	CHECK(strstr(out.data, "40 /dev/full\n") != NULL);
	CHECK(strstr(out.data, "/dev/zero") == NULL);
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
	handled = sig;
}

TEST(process_resets_signals)
{
	struct sigaction action = {.sa_handler = handle}, ignore = {.sa_handler = SIG_IGN}, was[2];
	sigset_t blocked, before, after;
	BUF_AUTO(out, 65536);

	(void)sigaction(SIGUSR1, &action, &was[0]);
	(void)sigaction(SIGPIPE, &ignore, &was[1]);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	shell_output("sed -n '/^Sig[BIC]/p' /proc/self/status", NULL, 0, &out);
	(void)sigprocmask(SIG_SETMASK, &before, &after);
	CHECK(sigismember(&after, SIGUSR2) == 1);
	CHECK(sigismember(&after, SIGUSR1) == 0);
	(void)raise(SIGUSR1);
	CHECK_INT(handled, SIGUSR1);
	(void)sigaction(SIGUSR1, &was[0], NULL);
	(void)sigaction(SIGPIPE, &was[1], NULL);
	CHECK_STR(out.data, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
			    "SigCgt:\t0000000000000000\n");
}

TEST(process_makes_a_session)
{
	const char *const argv[] = {"sh", "-c", "sid=$(cut -d' ' -f6 /proc/$$/stat); [ $sid = $$ ]",
				    NULL};
	struct process_spec spec = {.path = SHELL, .argv = argv};
	struct process_exit status;
	struct err err;

	CHECK_INT(process_run(&spec, &status, &err), 0);
	CHECK_INT(status.code, 1);
	spec.new_session = true;
	CHECK_INT(process_run(&spec, &status, &err), 0);
	CHECK_INT(status.code, 0);
}

static void check_failure(const struct process_spec *spec, const char *want)
{
	int pidfd = 77;
	struct err err = {0};
	char text[600];

	CHECK(process_spawn(spec, &pidfd, &err) < 0);
	CHECK_INT(pidfd, 77);
	CHECK_STR(err_format(&err, text, sizeof(text)), want);
}

TEST(process_failures_come_back)
{
	const char *const argv[] = {"x", NULL};
	const struct process_fd bad[] = {{987, 3}};
	const struct process_fd negative[] = {{0, -1}};

	check_failure(&(struct process_spec){.path = "/nonexistent/x", .argv = argv},
		      "execute '/nonexistent/x': No such file or directory");
	check_failure(&(struct process_spec){.path = "/etc/passwd", .argv = argv},
		      "execute '/etc/passwd': Permission denied");
	check_failure(&(struct process_spec){.path = SHELL, .argv = argv, .folder = "/nonexistent"},
		      "enter the working folder of '/bin/sh': No such file or directory");
	check_failure(
		&(struct process_spec){.path = SHELL, .argv = argv, .fds = bad, .fd_count = 1},
		"duplicate a descriptor for '/bin/sh': Bad file descriptor");
	check_failure(
		&(struct process_spec){.path = SHELL, .argv = argv, .fds = negative, .fd_count = 1},
		"execute '/bin/sh': no descriptor number -1");
	/* No child is left. */
	siginfo_t info;
	CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD);
}

TESTS(T(process_runs_and_tells_the_exit), T(process_gives_arguments_environment_and_folder),
      T(process_maps_descriptors_that_cross), T(process_maps_descriptors_over_its_own),
      T(process_hides_all_other_descriptors), T(process_resets_signals), T(process_makes_a_session),
      T(process_failures_come_back))
