#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "monitor/state.h"

/* Rows of the table that poll() gets; the clients follow. */
enum { SLOT_SIGNAL, SLOT_LISTENER, SLOT_OUT, SLOT_ERR, SLOT_IN, SLOT_CLIENTS };

#define TTY_DRAIN_MAX (1 << 20) /* of a terminal, bytes read after the container's end */

static void serve_hello(struct monitor *monitor, struct client *client,
			const struct attach_message *message)
{
	client->greeted = true;
	client->flags = message->hello.flags;
	if (message->hello.rows > 0 && message->hello.columns > 0)
		(void)stdio_resize(&monitor->stdio, message->hello.rows, message->hello.columns);
	if (monitor->init > 0) {
		struct attach_message started = {.type = ATTACH_STARTED,
						 .number = (uint64_t)monitor->init};
		(void)clients_send(client, &started);
	}
}

static void refuse(struct client *client, const struct err *err)
{
	struct attach_message message = {.type = ATTACH_ERROR};

	message.failed.err = *err;
	(void)clients_send(client, &message);
}

static void serve_signal(struct monitor *monitor, struct client *client, uint64_t number)
{
	struct err err;

	/* init is our child until we reap it: its pid cannot be another's. */
	if (number == 0 || number >= NSIG)
		(void)err_set(&err, ERR_INVALID, EINVAL, "signal %llu", (unsigned long long)number);
	else if (monitor->init == 0 || monitor->ended)
		(void)err_set(&err, ERR_CONFLICT, ESRCH,
			      "signal %llu: the container is not running",
			      (unsigned long long)number);
	else if (kill(monitor->init, (int)number) < 0)
		(void)err_errno(&err, "signal %llu", (unsigned long long)number);
	else
		return;
	refuse(client, &err);
}

static void client_gone(struct monitor *monitor, struct client *client)
{
	if (monitor->config->stdin_once && (client->flags & ATTACH_WANT_STDIN) != 0)
		stdio_end_input(&monitor->stdio);
	clients_remove(&monitor->clients, client);
}

/* Whether the message was one that a client may send now. */
static bool serve_message(struct monitor *monitor, struct client *client,
			  const struct attach_message *message)
{
	if (client->greeted == (message->type == ATTACH_HELLO))
		return false;
	switch (message->type) {
	case ATTACH_HELLO:
		serve_hello(monitor, client, message);
		return true;
	case ATTACH_STDIN:
		if ((client->flags & ATTACH_WANT_STDIN) == 0)
			return false;
		/* Input that nobody reads is dropped, as a shell's pipe would. */
		(void)stdio_input(&monitor->stdio, message->bytes.data, message->bytes.size);
		return true;
	case ATTACH_STDIN_CLOSE:
		if ((client->flags & ATTACH_WANT_STDIN) != 0)
			stdio_end_input(&monitor->stdio);
		return true;
	case ATTACH_RESIZE:
		(void)stdio_resize(&monitor->stdio, message->size.rows, message->size.columns);
		return true;
	case ATTACH_SIGNAL:
		serve_signal(monitor, client, message->number);
		return true;
	case ATTACH_DETACH:
		client->flags &= (uint16_t)~ATTACH_WANT_STDIN;
		return true;
	case ATTACH_CLEANED:
	case ATTACH_STARTED:
	case ATTACH_FAILED:
	case ATTACH_STDOUT:
	case ATTACH_STDERR:
	case ATTACH_LOST:
	case ATTACH_EXITED:
	case ATTACH_ERROR:
		break;
	}
	return false;
}

void monitor_serve(struct monitor *monitor, struct client *client)
{
	struct attach_message message;
	struct err err;

	int rc = attach_receive(client->fd, monitor->message, &message, &err);
	if (rc == -EAGAIN)
		return;
	if (rc == 1 && serve_message(monitor, client, &message))
		return;
	if (rc == 1)
		(void)err_set(&err, ERR_INVALID, EPROTO, "attach message %d is out of turn",
			      message.type);
	if (rc != 0)
		refuse(client, &err);
	client_gone(monitor, client);
}

static void accept_clients(struct monitor *monitor)
{
	struct err ignored;
	int fd = attach_accept(monitor->listener, &ignored);

	if (fd >= 0)
		(void)clients_add(&monitor->clients, fd);
}

/* After init's end no more is read than what was written until then. */
static void drain_begin(struct monitor *monitor)
{
	for (int i = STDIO_OUT; i <= STDIO_ERR; i++) {
		int bytes = 0;
		if (monitor->stdio.tty)
			bytes = TTY_DRAIN_MAX;
		else if (monitor->stdio.ours[i] >= 0)
			(void)ioctl(monitor->stdio.ours[i], FIONREAD, &bytes);
		monitor->left_bytes[i] = bytes;
		if (bytes == 0)
			fd_closep(&monitor->stdio.ours[i]);
	}
	stdio_let_go(&monitor->stdio);
	monitor->quiet_ms = monitor_now_ms();
}

static void reap(struct monitor *monitor)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(monitor->signal_fd, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != monitor->init || monitor->ended)
			continue;
		monitor->ended = true;
		monitor->status = status;
		monitor->ended_ns = monitor_now_ns();
		drain_begin(monitor);
	}
}

/* Moves one chunk from the container to the log and the clients. */
static void carry_output(struct monitor *monitor, int which)
{
	int *fd = &monitor->stdio.ours[which];
	char *data = (char *)monitor->message;
	size_t want = ATTACH_DATA_MAX;

	if (monitor->ended && (size_t)monitor->left_bytes[which] < want)
		want = (size_t)monitor->left_bytes[which];
	ssize_t got = read(*fd, data, want);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		if (monitor->ended)
			fd_closep(fd);
		else
			stdio_hung_up(&monitor->stdio, which);
		return;
	}
	if (monitor->config->log_driver == MONITOR_LOG_JSON_FILE)
		log_write(&monitor->log, which == STDIO_ERR ? LOGLINE_STDERR : LOGLINE_STDOUT, data,
			  (size_t)got, monitor_now_ns());
	clients_output(&monitor->clients, which == STDIO_ERR ? ATTACH_STDERR : ATTACH_STDOUT, data,
		       (size_t)got);
	if (!monitor->ended)
		return;
	monitor->quiet_ms = monitor_now_ms();
	monitor->left_bytes[which] -= (int)got;
	if (monitor->left_bytes[which] == 0)
		fd_closep(fd);
}

static bool drained(struct monitor *monitor)
{
	if (!monitor->ended)
		return false;
	if (monitor->stdio.ours[STDIO_OUT] < 0 && monitor->stdio.ours[STDIO_ERR] < 0)
		return true;
	return clients_deadline(&monitor->clients, 0) < 0 &&
	       monitor_now_ms() - monitor->quiet_ms >= monitor->config->drain_timeout_ms;
}

static int wait_ms(const struct monitor *monitor)
{
	int64_t deadline = clients_deadline(&monitor->clients, monitor->config->stall_timeout_ms);

	if (deadline < 0 && monitor->ended)
		deadline = monitor->quiet_ms + monitor->config->drain_timeout_ms;
	if (deadline < 0)
		return -1;
	int64_t left = deadline - monitor_now_ms();
	return left < 0 ? 0 : (int)left;
}

static bool output_ready(struct monitor *monitor, int which)
{
	unsigned flag = which == STDIO_ERR ? ATTACH_WANT_STDERR : ATTACH_WANT_STDOUT;

	return clients_ready(&monitor->clients, flag, monitor_now_ms(),
			     monitor->config->stall_timeout_ms);
}

/* Fills poll()'s table; -1 takes a row out. */
static void slots_fill(struct monitor *monitor, struct pollfd *slots)
{
	bool room = stdio_has_room(&monitor->stdio);
	bool stalled = clients_deadline(&monitor->clients, 0) >= 0;

	slots[SLOT_SIGNAL] = (struct pollfd){.fd = monitor->signal_fd, .events = POLLIN};
	slots[SLOT_LISTENER] = (struct pollfd){.fd = monitor->listener, .events = POLLIN};
	for (int i = STDIO_OUT; i <= STDIO_ERR; i++)
		slots[SLOT_OUT + i - STDIO_OUT] = (struct pollfd){
			.fd = stalled ? -1 : monitor->stdio.ours[i], .events = POLLIN};
	slots[SLOT_IN] = (struct pollfd){.fd = room ? -1 : stdio_input_fd(&monitor->stdio),
					 .events = POLLOUT};
	for (size_t i = 0; i < monitor->clients.count; i++) {
		const struct client *client = &monitor->clients.list[i];
		bool reads = room || (client->flags & ATTACH_WANT_STDIN) == 0;
		slots[SLOT_CLIENTS + i] =
			(struct pollfd){.fd = reads || client->stalled_ms != 0 ? client->fd : -1,
					.events = (short)((reads ? POLLIN : 0) |
							  (client->stalled_ms != 0 ? POLLOUT : 0))};
	}
}

static void slots_handle(struct monitor *monitor, const struct pollfd *slots)
{
	/* From the last to the first: a client that leaves is replaced by the last. */
	for (size_t i = monitor->clients.count; i-- > 0;) {
		if ((slots[SLOT_CLIENTS + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
		    stdio_has_room(&monitor->stdio))
			monitor_serve(monitor, &monitor->clients.list[i]);
	}
	if (slots[SLOT_IN].revents != 0)
		stdio_push(&monitor->stdio);
	for (int i = STDIO_OUT; i <= STDIO_ERR; i++)
		if (slots[SLOT_OUT + i - STDIO_OUT].revents != 0 && output_ready(monitor, i))
			carry_output(monitor, i);
	if (slots[SLOT_LISTENER].revents != 0)
		accept_clients(monitor);
	if (slots[SLOT_SIGNAL].revents != 0)
		reap(monitor);
}

/* A stalled client that has caught up or run out of time lets output flow again. */
static void stalls_check(struct monitor *monitor)
{
	if (clients_deadline(&monitor->clients, 0) < 0)
		return;
	(void)output_ready(monitor, STDIO_OUT);
	(void)output_ready(monitor, STDIO_ERR);
}

void monitor_loop(struct monitor *monitor)
{
	/* A container that has ended while the runtime was waited for sends no second signal. */
	reap(monitor);
	while (!drained(monitor)) {
		struct pollfd slots[SLOT_CLIENTS + CLIENTS_MAX];

		slots_fill(monitor, slots);
		if (poll(slots, (nfds_t)(SLOT_CLIENTS + monitor->clients.count), wait_ms(monitor)) >
		    0)
			slots_handle(monitor, slots);
		stalls_check(monitor);
	}
}
