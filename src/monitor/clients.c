#include "monitor/clients.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/fd.h"

struct client *clients_add(struct clients *clients, int fd)
{
	if (clients->count == CLIENTS_MAX) {
		fd_closep(&fd);
		return NULL;
	}
	struct client *client = &clients->list[clients->count++];
	*client = (struct client){.fd = fd};
	return client;
}

void clients_remove(struct clients *clients, struct client *client)
{
	fd_closep(&client->fd);
	*client = clients->list[--clients->count];
}

void clients_done(struct clients *clients)
{
	while (clients->count > 0)
		clients_remove(clients, &clients->list[0]);
}

static bool client_writable(const struct client *client)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLOUT};

	/* One that has closed holds nobody up. */
	return poll(&poll_fd, 1, 0) != 0;
}

bool clients_ready(struct clients *clients, unsigned flag, int64_t now_ms, unsigned timeout_ms)
{
	bool ready = true;

	for (size_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->list[i];
		if ((client->flags & ATTACH_PACED) == 0 || (client->flags & flag) == 0 ||
		    client->slow)
			continue;
		if (client_writable(client)) {
			client->stalled_ms = 0;
		} else if (client->stalled_ms == 0) {
			client->stalled_ms = now_ms;
			ready = false;
		} else if (now_ms - client->stalled_ms >= timeout_ms) {
			client->stalled_ms = 0;
			client->slow = true;
		} else {
			ready = false;
		}
	}
	return ready;
}

int64_t clients_deadline(const struct clients *clients, unsigned timeout_ms)
{
	int64_t first = -1;

	for (size_t i = 0; i < clients->count; i++) {
		int64_t since = clients->list[i].stalled_ms;
		if (since != 0 && (first < 0 || since + timeout_ms < first))
			first = since + timeout_ms;
	}
	return first;
}

int clients_send(struct client *client, const struct attach_message *message)
{
	if (client->lost_bytes > 0) {
		struct attach_message lost = {.type = ATTACH_LOST, .number = client->lost_bytes};
		int rc = attach_send(client->fd, &lost);
		if (rc < 0)
			return rc;
		client->lost_bytes = 0;
		client->slow = false;
	}
	return attach_send(client->fd, message);
}

void clients_output(struct clients *clients, enum attach_type type, const char *data, size_t size)
{
	unsigned flag = type == ATTACH_STDOUT ? ATTACH_WANT_STDOUT : ATTACH_WANT_STDERR;
	struct attach_message message = {.type = type};

	message.bytes.data = data;
	message.bytes.size = size;
	for (size_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->list[i];
		if ((client->flags & flag) != 0 && clients_send(client, &message) < 0)
			client->lost_bytes += size;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clients_tell_all(struct clients *clients, const struct attach_message *message,
		      unsigned timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (size_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->list[i];
		if (!client->greeted)
			continue;
		while (clients_send(client, message) == -EAGAIN &&
		       (client->flags & (ATTACH_PACED | ATTACH_WILL_CLEAN)) != 0) {
			struct pollfd poll_fd = {.fd = client->fd, .events = POLLOUT};
			int64_t left = deadline - now_ms();
			if (left <= 0 || poll(&poll_fd, 1, (int)left) <= 0 ||
			    (poll_fd.revents & (POLLHUP | POLLERR)) != 0)
				break;
		}
	}
}
