#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fd.h"

#define EVENTS_AT_ONCE 16

enum source_type {
	SOURCE_FD,
	SOURCE_TIMER,
	SOURCE_SIGNALS,
	SOURCE_CHILD,
};

struct loop_source {
	struct loop *loop;
	struct loop_source *next; /* of the loop's sources, or of its removed ones */
	struct loop_source *prev;
	enum source_type type;
	bool removed;
	int fd;
	void *data;
	union {
		loop_fd_fn *fd;
		loop_timer_fn *timer;
		loop_signal_fn *signals;
		loop_child_fn *child;
	} fn;
};

struct loop {
	int epoll;
	bool stopped;
	bool dispatching;
	struct loop_source *sources;
	struct loop_source *removed; /* freed when no event can name them any more */
};

int loop_new(struct loop **ret_loop, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return err_errno(err, "make an event loop");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		int rc = err_errno(err, "make an event loop");
		free(loop);
		return rc;
	}
	*ret_loop = loop;
	return 0;
}

static void free_removed(struct loop *loop)
{
	while (loop->removed != NULL) {
		struct loop_source *source = loop->removed;
		loop->removed = source->next;
		free(source);
	}
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->sources != NULL)
		loop_remove(loop->sources);
	free_removed(loop);
	(void)close(loop->epoll);
	free(loop);
}

static bool owns_fd(const struct loop_source *source)
{
	return source->type == SOURCE_TIMER || source->type == SOURCE_SIGNALS;
}

void loop_remove(struct loop_source *source)
{
	if (source == NULL || source->removed)
		return;
	struct loop *loop = source->loop;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	if (owns_fd(source))
		(void)close(source->fd);
	if (source->next != NULL)
		source->next->prev = source->prev;
	if (source->prev != NULL)
		source->prev->next = source->next;
	else
		loop->sources = source->next;
	source->removed = true;
	source->next = loop->removed;
	loop->removed = source;
	if (!loop->dispatching)
		free_removed(loop);
}

/* Takes fd over when the type owns it, also on failure. */
static int add_source(struct loop *loop, const struct loop_source *init, uint32_t events,
		      struct loop_source **ret_source, struct err *err)
{
	struct loop_source *source = malloc(sizeof(*source));
	int rc = 0;

	if (source == NULL) {
		rc = err_errno(err, "watch descriptor %d", init->fd);
	} else {
		*source = *init;
		source->loop = loop;
		struct epoll_event event = {.events = events, .data.ptr = source};
		if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0)
			rc = err_errno(err, "watch descriptor %d", init->fd);
	}
	if (rc < 0) {
		if (owns_fd(init))
			(void)close(init->fd);
		free(source);
		return rc;
	}
	source->next = loop->sources;
	if (source->next != NULL)
		source->next->prev = source;
	loop->sources = source;
	if (ret_source != NULL)
		*ret_source = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *data,
		struct loop_source **ret_source, struct err *err)
{
	const struct loop_source init = {
		.type = SOURCE_FD, .fd = fd, .data = data, .fn = {.fd = fn}};

	return add_source(loop, &init, events, ret_source, err);
}

int loop_set_events(struct loop_source *source, uint32_t events, struct err *err)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return err_errno(err, "watch descriptor %d", source->fd);
	return 0;
}

int loop_add_timer(struct loop *loop, loop_timer_fn *fn, void *data,
		   struct loop_source **ret_source, struct err *err)
{
	struct loop_source init = {.type = SOURCE_TIMER, .data = data, .fn = {.timer = fn}};

	init.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (init.fd < 0)
		return err_errno(err, "make a timer");
	return add_source(loop, &init, EPOLLIN, ret_source, err);
}

static struct timespec timespec_of(uint64_t ms)
{
	return (struct timespec){.tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000};
}

static int set_timer(struct loop_source *source, const struct itimerspec *when, struct err *err)
{
	if (timerfd_settime(source->fd, 0, when, NULL) < 0)
		return err_errno(err, "set a timer");
	return 0;
}

int loop_arm_timer(struct loop_source *source, uint64_t delay_ms, uint64_t interval_ms,
		   struct err *err)
{
	struct itimerspec when = {.it_value = timespec_of(delay_ms),
				  .it_interval = timespec_of(interval_ms)};

	if (delay_ms == 0)
		when.it_value.tv_nsec = 1; /* zero would disarm it */
	return set_timer(source, &when, err);
}

int loop_disarm_timer(struct loop_source *source, struct err *err)
{
	return set_timer(source, &(struct itimerspec){.it_value = {0}}, err);
}

int loop_add_signals(struct loop *loop, const sigset_t *signals, loop_signal_fn *fn, void *data,
		     struct loop_source **ret_source, struct err *err)
{
	struct loop_source init = {.type = SOURCE_SIGNALS, .data = data, .fn = {.signals = fn}};

	errno = pthread_sigmask(SIG_BLOCK, signals, NULL);
	if (errno != 0)
		return err_errno(err, "block signals");
	init.fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (init.fd < 0)
		return err_errno(err, "watch signals");
	return add_source(loop, &init, EPOLLIN, ret_source, err);
}

int loop_add_child(struct loop *loop, int pidfd, loop_child_fn *fn, void *data,
		   struct loop_source **ret_source, struct err *err)
{
	const struct loop_source init = {
		.type = SOURCE_CHILD, .fd = pidfd, .data = data, .fn = {.child = fn}};

	return add_source(loop, &init, EPOLLIN, ret_source, err);
}

static int dispatch_timer(struct loop_source *source, struct err *err)
{
	uint64_t fired;

	/* Set anew by an earlier callback of this round: not due any more. */
	if (read(source->fd, &fired, sizeof(fired)) != (ssize_t)sizeof(fired))
		return 0;
	return source->fn.timer(source->data, err);
}

static int dispatch_signals(struct loop_source *source, struct err *err)
{
	struct signalfd_siginfo info;
	int rc = 0;

	while (rc >= 0 && !source->removed && !source->loop->stopped &&
	       read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		rc = source->fn.signals(source->data, (int)info.ssi_signo, err);
	return rc;
}

static int dispatch_child(struct loop_source *source, struct err *err)
{
	struct process_exit exit;
	int rc = process_wait(source->fd, &exit, err);

	if (rc < 0)
		return rc;
	loop_remove(source);
	return source->fn.child(source->data, &exit, err);
}

static int dispatch(struct loop_source *source, uint32_t events, struct err *err)
{
	switch (source->type) {
	case SOURCE_FD:
		return source->fn.fd(source->data, source->fd, events, err);
	case SOURCE_TIMER:
		return dispatch_timer(source, err);
	case SOURCE_SIGNALS:
		return dispatch_signals(source, err);
	case SOURCE_CHILD:
		return dispatch_child(source, err);
	}
	return 0;
}

int loop_run_once(struct loop *loop, int timeout_ms, struct err *err)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int rc = 0;
	int count = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : err_errno(err, "wait for events");
	loop->dispatching = true;
	for (int i = 0; i < count && rc >= 0 && !loop->stopped; i++) {
		struct loop_source *source = events[i].data.ptr;
		if (!source->removed)
			rc = dispatch(source, events[i].events, err);
	}
	loop->dispatching = false;
	free_removed(loop);
	return rc < 0 ? rc : 0;
}

int loop_run(struct loop *loop, struct err *err)
{
	int rc = 0;

	loop->stopped = false;
	while (rc >= 0 && !loop->stopped && loop->sources != NULL)
		rc = loop_run_once(loop, -1, err);
	return rc;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
