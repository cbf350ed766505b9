#include "remote/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "kern/scm/scm.h"

#define STACK_BYTES ((size_t)1 << 20)

struct server {
	const struct serve *serve;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	unsigned int busy;
};

struct transfer {
	struct server *server;
	int fd;
	_Alignas(max_align_t) char request[SERVE_REQUEST_MAX];
};

static void *run_transfer(void *arg)
{
	struct transfer *transfer = arg;
	struct server *server = transfer->server;
	struct err err = {0};

	int rc = server->serve->serve(server->serve->arg, transfer->request, transfer->fd, &err);
	/* Told before the pipe ends: its reader takes that end for the whole, or for a cut. */
	if (rc < 0)
		server->serve->fail(server->serve->arg, &err);
	fd_closep(&transfer->fd);
	free(transfer);
	(void)pthread_mutex_lock(&server->mutex);
	server->busy--;
	(void)pthread_cond_signal(&server->ended);
	(void)pthread_mutex_unlock(&server->mutex);
	return NULL;
}

static void wait_until(struct server *server, unsigned int busy)
{
	(void)pthread_mutex_lock(&server->mutex);
	while (server->busy > busy)
		(void)pthread_cond_wait(&server->ended, &server->mutex);
	(void)pthread_mutex_unlock(&server->mutex);
}

static int start_transfer(struct server *server, struct transfer *transfer, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)pthread_mutex_lock(&server->mutex);
	server->busy++;
	(void)pthread_mutex_unlock(&server->mutex);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int sys = pthread_create(&thread, &attr, run_transfer, transfer);
	(void)pthread_attr_destroy(&attr);
	if (sys == 0)
		return 0;
	fd_closep(&transfer->fd);
	free(transfer);
	(void)pthread_mutex_lock(&server->mutex);
	server->busy--;
	(void)pthread_mutex_unlock(&server->mutex);
	return err_set(err, ERR_SYSTEM, sys, "start a transfer");
}

/* ret_ends[0] is for the other side. */
static int make_ends(const struct serve *serve, int ret_ends[2], struct err *err)
{
	if (serve->both_ways)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends) < 0
			       ? err_errno(err, "make a pair of sockets")
			       : 0;
	return pipe2(ret_ends, O_CLOEXEC) < 0 ? err_errno(err, "make a pipe") : 0;
}

static int answer(struct server *server, const void *request, struct err *err)
{
	const struct serve *serve = server->serve;
	int ends[2];

	int rc = make_ends(serve, ends, err);
	if (rc < 0)
		return rc;
	auto_fd theirs = ends[0];
	auto_fd ours = ends[1];
	rc = scm_send_fd(serve->socket_fd, theirs, request, serve->request_size, err);
	if (rc < 0 || (serve->adopt != NULL && serve->adopt(serve->arg, request, &ours)))
		return rc;
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "start a transfer");
	transfer->server = server;
	memcpy(transfer->request, request, serve->request_size);
	transfer->fd = fd_take(&ours);
	return start_transfer(server, transfer, err);
}

static int serve_all(struct server *server, struct err *err)
{
	_Alignas(max_align_t) char request[SERVE_REQUEST_MAX];

	for (;;) {
		ssize_t got = recv(server->serve->socket_fd, request, sizeof(request), MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return 0;
		if (got < 0)
			return err_errno(err, "wait for requests");
		if (got != (ssize_t)server->serve->request_size || !server->serve->valid(request))
			return err_set(err, ERR_INVALID, EPROTO,
				       "corten-image asked for what there is not");
		wait_until(server, WIRE_ASKS_MAX - 1);
		int rc = answer(server, request, err);
		if (rc < 0)
			return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
	}
}

int serve_run(const struct serve *serve, struct err *err)
{
	struct server server = {.serve = serve,
				.mutex = PTHREAD_MUTEX_INITIALIZER,
				.ended = PTHREAD_COND_INITIALIZER};

	int rc = serve_all(&server, err);
	if (rc < 0)
		serve->fail(serve->arg, err);
	if (serve->closed != NULL)
		serve->closed(serve->arg);
	wait_until(&server, 0);
	return rc;
}
