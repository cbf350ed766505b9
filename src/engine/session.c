#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/keys.h"
#include "kern/tty/tty.h"
#include "monitor/wire/attach.h"

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

/* One session: the monitor's socket on one side, descriptors 0, 1, 2 and signals on the other. */
struct client {
	const struct engine_session *session;
	struct keys keys;
	int signal_fd;
	sigset_t old_mask;
	struct termios saved;
	bool raw;
	bool stdin_open;  /* descriptor 0 is still read */
	bool stdout_gone; /* nobody reads descriptor 1 any more */
	bool stderr_gone;
	bool ended;
	enum engine_session_end end;
	int exit_code;
	uint8_t pending[ATTACH_DATA_MAX + KEYS_MAX]; /* read from descriptor 0, not sent yet */
	size_t pending_size;
	bool close_pending; /* STDIN_CLOSE is still to be sent */
};

static void send_message(struct client *c, const struct attach_message *message)
{
	/* Small and rare: should the socket be full, a resize or a signal is lost, not the session. */
	(void)attach_send(c->session->fd, message);
}

static void send_size(struct client *c)
{
	struct attach_message message = {.type = ATTACH_RESIZE};
	struct err ignored;

	if (tty_get_size(STDIN_FILENO, &message.size.rows, &message.size.columns, &ignored) == 0 ||
	    tty_get_size(STDOUT_FILENO, &message.size.rows, &message.size.columns, &ignored) == 0)
		send_message(c, &message);
}

static bool is_forwarded(int signal)
{
	static const int kept[] = {SIGCHLD, SIGPIPE, SIGURG, SIGWINCH, SIGTTIN, SIGTTOU, SIGTSTP,
				   SIGCONT, SIGSEGV, SIGBUS, SIGILL,   SIGFPE,  SIGKILL, SIGSTOP};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (signal == kept[i])
			return false;
	}
	return true;
}

static int open_signals(struct client *c, struct err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE); /* a write says it with EPIPE */
	if (c->session->tty)
		(void)sigaddset(&set, SIGWINCH);
	for (int signal = 1; c->session->sig_proxy && signal < 65; signal++) {
		if (is_forwarded(signal))
			(void)sigaddset(&set, signal);
	}
	if (sigprocmask(SIG_BLOCK, &set, &c->old_mask) < 0)
		return err_errno(err, "block signals");
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return c->signal_fd < 0 ? err_errno(err, "make a signalfd") : 0;
}

static void take_signals(struct client *c)
{
	struct signalfd_siginfo info;

	while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct attach_message message = {.type = ATTACH_SIGNAL, .number = info.ssi_signo};
		if (info.ssi_signo == SIGWINCH)
			send_size(c);
		else if (info.ssi_signo != SIGPIPE)
			send_message(c, &message);
	}
}

/* Sends what is pending; what does not fit waits for POLLOUT. */
static void flush_stdin(struct client *c)
{
	struct attach_message message = {.type = ATTACH_STDIN,
					 .bytes = {c->pending, c->pending_size}};

	if (c->pending_size > 0) {
		int rc = attach_send(c->session->fd, &message);
		if (rc == -EAGAIN)
			return;
		c->pending_size = 0;
	}
	if (c->close_pending) {
		message = (struct attach_message){.type = ATTACH_STDIN_CLOSE};
		if (attach_send(c->session->fd, &message) != -EAGAIN)
			c->close_pending = false;
	}
}

static void take_stdin(struct client *c)
{
	ssize_t n = read(STDIN_FILENO, c->pending, ATTACH_DATA_MAX - KEYS_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		c->stdin_open = false;
		c->close_pending = true;
	} else {
		c->pending_size = (size_t)n;
		if (c->session->tty)
			c->pending_size = keys_filter(&c->keys, c->pending, (size_t)n);
		if (c->keys.complete) {
			struct attach_message message = {.type = ATTACH_DETACH};
			send_message(c, &message);
			c->ended = true;
			c->end = ENGINE_SESSION_DETACHED;
			return;
		}
	}
	flush_stdin(c);
}

static void show(int fd, bool *gone, const struct attach_message *message)
{
	if (!*gone && fd_write_all(fd, message->bytes.data, message->bytes.size) < 0)
		*gone = true;
}

static void take_message(struct client *c, const struct attach_message *message)
{
	if (message->type == ATTACH_STDOUT) {
		show(STDOUT_FILENO, &c->stdout_gone, message);
	} else if (message->type == ATTACH_STDERR) {
		show(STDERR_FILENO, &c->stderr_gone, message);
	} else if (message->type == ATTACH_EXITED) {
		c->ended = true;
		c->end = ENGINE_SESSION_EXITED;
		c->exit_code = (int)message->exited.exit_code;
	} else if (message->type == ATTACH_FAILED) {
		c->ended = true;
		c->end = ENGINE_SESSION_EXITED;
		c->exit_code = (int)message->failed.exit_code;
	}
}

static int take_socket(struct client *c, struct err *err)
{
	uint8_t buffer[ATTACH_MESSAGE_MAX];
	struct attach_message message;

	int rc = attach_receive(c->session->fd, buffer, &message, err);
	if (rc == -EAGAIN)
		return 0;
	if (rc == 0 || rc == -ECONNRESET) {
		c->ended = true;
		c->end = ENGINE_SESSION_LOST;
		return 0;
	}
	if (rc < 0)
		return rc;
	take_message(c, &message);
	return 0;
}

static int run_loop(struct client *c, struct err *err)
{
	while (!c->ended) {
		bool waiting = c->pending_size > 0 || c->close_pending;
		struct pollfd fds[3] = {
			{.fd = c->session->fd, .events = (short)(POLLIN | (waiting ? POLLOUT : 0))},
			{.fd = c->signal_fd, .events = POLLIN},
			{.fd = c->stdin_open && !waiting ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "wait for the container");
		}
		if ((fds[1].revents & POLLIN) != 0)
			take_signals(c);
		if ((fds[0].revents & POLLOUT) != 0)
			flush_stdin(c);
		if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
			int rc = take_socket(c, err);
			if (rc < 0)
				return rc;
		}
		if (!c->ended && fds[2].revents != 0)
			take_stdin(c);
	}
	return 0;
}

static int set_nonblocking(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, "make the session's socket non-blocking");
	return 0;
}

int engine_session_check_keys(const char *text, struct err *err)
{
	struct keys keys;

	return keys_parse(text, &keys, err);
}

int engine_session_run(const struct engine_session *session, enum engine_session_end *ret_end,
		       int *ret_exit_code, struct err *err)
{
	struct client c = {
		.session = session, .signal_fd = FD_NONE, .stdin_open = session->want_stdin};
	const char *text =
		session->detach_keys != NULL ? session->detach_keys : DETACH_KEYS_DEFAULT;

	int rc = keys_parse(text, &c.keys, err);
	if (rc == 0)
		rc = set_nonblocking(session->fd, err);
	if (rc == 0)
		rc = open_signals(&c, err);
	if (rc < 0)
		return rc;
	if (session->tty && session->want_stdin && isatty(STDIN_FILENO)) {
		rc = tty_set_raw(STDIN_FILENO, &c.saved, err);
		c.raw = rc == 0;
	}
	if (rc == 0 && session->tty)
		send_size(&c);
	if (rc == 0)
		rc = run_loop(&c, err);
	if (c.raw) {
		struct err ignored;
		(void)tty_restore(STDIN_FILENO, &c.saved, &ignored);
	}
	fd_closep(&c.signal_fd);
	/* What arrived meanwhile is for a container that has ended. */
	(void)sigprocmask(SIG_SETMASK, &c.old_mask, NULL);
	if (rc == 0) {
		*ret_end = c.end;
		*ret_exit_code = c.exit_code;
	}
	return rc;
}

void engine_session_cleaned(int fd)
{
	struct attach_message message = {.type = ATTACH_CLEANED};

	(void)attach_send(fd, &message);
}
