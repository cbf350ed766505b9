/*
 * loop.h - a small event loop over epoll: descriptors, timers, signals, children.
 *
 * Ownership  The loop owns its sources and frees them in loop_free() or loop_remove(). Descriptors
 *            given to it stay the caller's; those it makes (timerfd, signalfd) are its own.
 * Order      A callback may add and remove any source, itself included: a removed source is not
 *            called again, even for an event that is already there.
 *            A callback does not run the loop itself.
 * Units      Milliseconds of the monotonic clock.
 * Errors     A callback that returns negative stops loop_run(), which returns that with its err.
 * Threads    One loop, one thread.
 */
#ifndef CORTEN_BASE_LOOP_H
#define CORTEN_BASE_LOOP_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/process.h"

struct loop;
struct loop_source;

typedef int loop_fd_fn(void *data, int fd, uint32_t events, struct err *err);
typedef int loop_timer_fn(void *data, struct err *err);
typedef int loop_signal_fn(void *data, int signal, struct err *err);
typedef int loop_child_fn(void *data, const struct process_exit *exit, struct err *err);

int loop_new(struct loop **ret_loop, struct err *err);
void loop_free(struct loop *loop);

/* events: EPOLLIN, EPOLLOUT, ...; level-triggered unless EPOLLET is among them. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *data,
		struct loop_source **ret_source, struct err *err);
int loop_set_events(struct loop_source *source, uint32_t events, struct err *err);

/* Made unarmed. */
int loop_add_timer(struct loop *loop, loop_timer_fn *fn, void *data,
		   struct loop_source **ret_source, struct err *err);

/* Fires after delay_ms (0: at once), then each interval_ms (0: once only). */
int loop_arm_timer(struct loop_source *source, uint64_t delay_ms, uint64_t interval_ms,
		   struct err *err);
int loop_disarm_timer(struct loop_source *source, struct err *err);

/* Blocks the signals in this thread, for good, and hands them to fn. */
int loop_add_signals(struct loop *loop, const sigset_t *signals, loop_signal_fn *fn, void *data,
		     struct loop_source **ret_source, struct err *err);

/* Reaps the child of the pidfd when it ends and calls fn once; the source is then gone. */
int loop_add_child(struct loop *loop, int pidfd, loop_child_fn *fn, void *data,
		   struct loop_source **ret_source, struct err *err);

/* Accepts NULL. Do it before the descriptor is closed. */
void loop_remove(struct loop_source *source);

/* Runs until loop_stop(), a failing callback, or no source is left. */
int loop_run(struct loop *loop, struct err *err);

/* Waits once, at most timeout_ms (negative: without end), and calls what is due. */
int loop_run_once(struct loop *loop, int timeout_ms, struct err *err);

/* loop_run() returns 0 after the running callback. */
void loop_stop(struct loop *loop);

#endif
