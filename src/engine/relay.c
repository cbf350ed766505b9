#include "engine/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

/* Ends a direction: a writer to a pipe without a reader gets SIGPIPE, a reader without one the end. */
static void stream_stop(struct relay_stream *stream)
{
	fd_closep(&stream->own);
	stream->from = FD_NONE;
	stream->to = FD_NONE;
	stream->begin = 0;
	stream->end = 0;
}

static int stream_open(struct relay_stream *stream, int number, uid_t uid, struct err *err)
{
	bool input = number == STDIN_FILENO;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	stream->own = fds[input ? 1 : 0];
	stream->theirs = fds[input ? 0 : 1];
	stream->from = input ? number : stream->own;
	stream->to = input ? stream->own : number;
	/* The process may open /dev/stdout anew, which asks for the pipe's owner and mode. */
	if (fchown(stream->own, uid, (gid_t)-1) < 0)
		return err_errno(err, "give a pipe to user %u", uid);
	if (fcntl(stream->own, F_SETFL, (input ? O_WRONLY : O_RDONLY) | O_NONBLOCK) < 0)
		return err_errno(err, "make a pipe non-blocking");
	return 0;
}

void relay_init(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		struct relay_stream *stream = &relay->streams[i];
		stream->own = FD_NONE;
		stream->theirs = FD_NONE;
		stream->bounded = false;
		stream->left = 0;
		stream_stop(stream);
	}
}

int relay_open(struct relay *relay, bool want_stdin, uid_t uid, struct err *err)
{
	int rc = 0;

	for (int i = want_stdin ? 0 : 1; rc == 0 && i < RELAY_STREAMS; i++)
		rc = stream_open(&relay->streams[i], i, uid, err);
	return rc;
}

void relay_started(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		fd_closep(&relay->streams[i].theirs);
}

void relay_poll(const struct relay *relay, struct pollfd *fds)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		const struct relay_stream *stream = &relay->streams[i];
		bool full = stream->end > stream->begin;
		int fd = full ? stream->to : stream->from;
		fds[i] = (struct pollfd){.fd = fd >= 0 ? fd : -1,
					 .events = (short)(full ? POLLOUT : POLLIN)};
	}
}

static void stream_read(struct relay_stream *stream)
{
	size_t room = sizeof(stream->data);

	if (stream->bounded && stream->left < room)
		room = stream->left;
	ssize_t n = read(stream->from, stream->data, room);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		stream_stop(stream);
		return;
	}
	stream->begin = 0;
	stream->end = (size_t)n;
	if (stream->bounded)
		stream->left -= (size_t)n;
}

/* A pipe that poll(2) calls writable takes PIPE_BUF bytes without blocking. */
static void stream_write(struct relay_stream *stream)
{
	size_t size = stream->end - stream->begin;

	ssize_t n =
		write(stream->to, stream->data + stream->begin, size > PIPE_BUF ? PIPE_BUF : size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		stream_stop(stream);
		return;
	}
	stream->begin += (size_t)n;
	if (stream->begin == stream->end && stream->bounded && stream->left == 0)
		stream_stop(stream);
}

void relay_move(struct relay *relay, const struct pollfd *fds)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		struct relay_stream *stream = &relay->streams[i];
		if (fds[i].fd < 0 || fds[i].revents == 0)
			continue;
		if (stream->end > stream->begin)
			stream_write(stream);
		else
			stream_read(stream);
	}
}

void relay_ended(struct relay *relay)
{
	stream_stop(&relay->streams[STDIN_FILENO]);
	for (size_t i = 1; i < RELAY_STREAMS; i++) {
		struct relay_stream *stream = &relay->streams[i];
		int left = 0;
		if (stream->own < 0)
			continue;
		if (ioctl(stream->own, FIONREAD, &left) < 0 || left < 0)
			left = 0;
		stream->bounded = true;
		stream->left = (size_t)left;
		if (left == 0 && stream->begin == stream->end)
			stream_stop(stream);
	}
}

bool relay_is_done(const struct relay *relay)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		if (relay->streams[i].own >= 0)
			return false;
	}
	return true;
}

void relay_close(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		stream_stop(&relay->streams[i]);
	relay_started(relay);
}
