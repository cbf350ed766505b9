#include "runtime/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "kern/pidfd/pidfd.h"
#include "kern/scm/scm.h"
#include "kern/tty/tty.h"

#define COPY_BYTES 16384

struct session {
	int pidfd;
	int master;
	int signal_fd;
	bool input_open;
	bool raw;
	struct terminal_extras extras;
	struct termios saved;
};

int terminal_receive(int socket, struct err *err)
{
	char name[64];
	int master = scm_receive_fd(socket, name, sizeof(name), NULL, err);

	return master < 0 ? err_wrap(err, master, "receive the container's terminal") : master;
}

static void terminal_signals(sigset_t *set)
{
	(void)sigfillset(set);
	(void)sigdelset(set, SIGCHLD);
	(void)sigdelset(set, SIGURG); /* language runtimes use it on themselves */
	(void)sigdelset(set, SIGTTOU);
	(void)sigdelset(set, SIGTTIN);
	(void)sigdelset(set, SIGPIPE);
	(void)sigdelset(set, SIGSEGV);
	(void)sigdelset(set, SIGBUS);
	(void)sigdelset(set, SIGFPE);
	(void)sigdelset(set, SIGILL);
}

int terminal_block_signals(struct err *err)
{
	sigset_t set;

	terminal_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, "block signals to forward them");
	return 0;
}

void terminal_reset_signals(uint64_t ignored)
{
	sigset_t set;

	process_reset_signals(ignored);
	(void)sigemptyset(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
}

static void session_resize(const struct session *session)
{
	uint16_t rows, columns;
	struct err ignored;

	if (session->master >= 0 && tty_get_size(STDIN_FILENO, &rows, &columns, &ignored) == 0)
		(void)tty_set_size(session->master, rows, columns, &ignored);
}

/* Orphans of the container's, all but the child itself: its status is still to be had. */
static void session_reap(const struct session *session)
{
	siginfo_t ended = {.si_pid = 0}, child = {.si_pid = 0};

	for (;;) {
		ended.si_pid = 0;
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || ended.si_pid == 0)
			return;
		if (waitid((idtype_t)P_PIDFD, (id_t)session->pidfd, &child,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    child.si_pid == ended.si_pid)
			return;
		(void)waitid(P_PID, (id_t)ended.si_pid, &ended, WEXITED | WNOHANG);
	}
}

static void session_signal(const struct session *session)
{
	struct signalfd_siginfo info;
	struct err ignored;

	if (read(session->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		session_resize(session);
	else if (info.ssi_signo == SIGCHLD)
		session_reap(session);
	else
		(void)pidfd_signal(session->pidfd, (int)info.ssi_signo, &ignored);
}

/* Copies what is there. Returns false at the end, an error included (EIO: the last slave is gone). */
static bool session_copy(int from, int to)
{
	char bytes[COPY_BYTES];
	ssize_t got = read(from, bytes, sizeof(bytes));

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return got > 0 && fd_write_all(to, bytes, (size_t)got) == 0;
}

static void session_drain(struct session *session)
{
	struct pollfd fd = {.fd = session->master, .events = POLLIN};

	while (session->master >= 0 && poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN) != 0)
		if (!session_copy(session->master, STDOUT_FILENO))
			break;
}

static int session_loop(struct session *session, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = session->pidfd, .events = POLLIN},
			{.fd = session->signal_fd, .events = POLLIN},
			{.fd = session->master, .events = POLLIN},
			{.fd = session->input_open ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = session->extras.watch != NULL ? session->extras.watch_fd : -1,
			 .events = POLLIN},
		};
		if (poll(fds, 5, -1) < 0 && errno != EINTR)
			return err_errno(err, "wait for the container");
		if (fds[1].revents != 0)
			session_signal(session);
		if (fds[2].revents != 0 && !session_copy(session->master, STDOUT_FILENO))
			session->master = FD_NONE;
		if (fds[3].revents != 0 && session->master >= 0)
			session->input_open = session_copy(STDIN_FILENO, session->master);
		if (fds[4].revents != 0 && session->extras.watch != NULL &&
		    !session->extras.watch(session->extras.context))
			session->extras.watch = NULL;
		if (fds[0].revents != 0) {
			session_drain(session);
			return 0;
		}
	}
}

int terminal_attend(int pidfd, int master, const struct terminal_extras *extras, struct err *err)
{
	struct session session = {.pidfd = pidfd, .master = master, .input_open = master >= 0};
	struct err ignored;
	sigset_t set;
	int status = 0;

	if (extras != NULL)
		session.extras = *extras;
	terminal_signals(&set);
	if (session.extras.reap) {
		(void)sigaddset(&set, SIGCHLD);
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
		session_reap(&session); /* those that ended before */
	}
	auto_fd signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		return err_errno(err, "receive signals");
	session.signal_fd = signal_fd;
	if (master >= 0) {
		session_resize(&session);
		session.raw = isatty(STDIN_FILENO) &&
			      tty_set_raw(STDIN_FILENO, &session.saved, &ignored) == 0;
	}
	int rc = session_loop(&session, err);
	if (session.raw)
		(void)tty_restore(STDIN_FILENO, &session.saved, &ignored);
	if (rc == 0)
		rc = pidfd_wait(pidfd, -1, &status, err);
	if (rc < 0)
		return rc;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
