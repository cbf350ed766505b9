/* What happens in a container and what it uses, as lines of JSON. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "kern/cgroup/account.h"
#include "kern/cgroup/oom_watch.h"
#include "runtime/command/command.h"
#include "runtime/command/events_json.h"
#include "runtime/control.h"

#define EVENTS_INTERVAL_DEFAULT_NS 5000000000
#define EVENTS_LINE_MAX            ((size_t)4 << 20)

struct events_values {
	bool help;
	bool stats;
	const char *interval;
};

static const struct option options[] = {
	OPTION_HELP(struct events_values),
	OPTION_ROW(struct events_values, interval, "interval", 0, OPTION_STRING, "DURATION",
		   "how often to show statistics (default 5s)"),
	OPTION_ROW(struct events_values, stats, "stats", 0, OPTION_BOOL, NULL,
		   "show statistics once and end"),
};

struct events {
	const char *id;
	const struct cgroup *cgroup;
	struct cgroup_account *account;
	struct cgroup_oom_watch watch;
	int pidfd;
	int64_t interval_ns;
};

static int events_show_stats(const struct events *events, struct err *err)
{
	BUF_AUTO(line, EVENTS_LINE_MAX);
	int rc = cgroup_read_account(events->cgroup, events->account, err);

	if (rc < 0)
		return rc;
	events_write_stats(events->id, events->account, &line);
	return command_print(&line, "statistics", err);
}

static int events_show_oom(struct events *events, bool *ret_end, struct err *err)
{
	BUF_AUTO(lines, EVENTS_LINE_MAX);
	uint64_t count = 0;
	int rc = cgroup_oom_read(&events->watch, &count, ret_end, err);

	for (; rc == 0 && count > 0 && !lines.failed; count--)
		events_write_oom(events->id, &lines);
	return rc < 0 ? rc : command_print(&lines, "events", err);
}

static int64_t events_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Until the container ends. */
static int events_follow(struct events *events, struct err *err)
{
	int64_t next = events_now_ns() + events->interval_ns;
	bool end = false;
	int rc = 0;

	while (rc == 0 && !end) {
		struct pollfd fds[] = {{.fd = events->watch.fd, .events = POLLIN},
				       {.fd = events->pidfd, .events = POLLIN}};
		int64_t left = next - events_now_ns();
		struct timespec wait = {.tv_sec = left > 0 ? left / 1000000000 : 0,
					.tv_nsec = left > 0 ? left % 1000000000 : 0};
		int ready = ppoll(fds, 2, &wait, NULL);
		if (ready < 0 && errno != EINTR)
			return err_errno(err, "wait for events");
		if (ready == 0) {
			rc = events_show_stats(events, err);
			next += events->interval_ns;
			continue;
		}
		/* Of what made it end, first. */
		if (ready > 0 && events->watch.fd >= 0)
			rc = events_show_oom(events, &end, err);
		end = end || (ready > 0 && fds[1].revents != 0);
	}
	return rc;
}

static int events_open(const struct events_values *values, const struct container *container,
		       const struct command_globals *globals, struct events *events,
		       struct err *err)
{
	struct err about;
	char text[sizeof(about.text)];
	int rc;

	if (container_status(container, &events->pidfd) == OCI_STATUS_STOPPED)
		return err_set(err, ERR_CONFLICT, 0, "container '%s' is not running", events->id);
	events->account = malloc(sizeof(*events->account));
	if (events->account == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "statistics");
	if (values->stats)
		return 0;
	rc = cgroup_oom_open(events->cgroup, &events->watch, &about);
	if (rc < 0)
		globals->warn(globals->log_context, err_format(&about, text, sizeof(text)));
	return 0;
}

static int events_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		      struct err *err)
{
	const struct events_values *values = values_;
	struct container container;
	struct cgroup_host host;
	struct cgroup cgroup;
	struct events events = {.id = argv[0],
				.cgroup = &cgroup,
				.watch = {.fd = FD_NONE},
				.pidfd = FD_NONE,
				.interval_ns = EVENTS_INTERVAL_DEFAULT_NS};
	int rc = values->interval == NULL
			 ? 0
			 : str_parse_duration(values->interval, &events.interval_ns, err);

	(void)argc;
	if (rc < 0)
		return err_wrap(err, rc, "--interval");
	if (events.interval_ns == 0)
		return err_set(err, ERR_INVALID, 0, "--interval must be more than nothing");
	rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	container_unlock(&container);
	rc = control_open_cgroup(&container, &host, &cgroup, err);
	if (rc == 0) {
		rc = events_open(values, &container, globals, &events, err);
		if (rc == 0)
			rc = values->stats ? events_show_stats(&events, err)
					   : events_follow(&events, err);
		cgroup_host_close(&host);
	}
	cgroup_oom_close(&events.watch);
	fd_closep(&events.pidfd);
	free(events.account);
	container_close(&container);
	return rc;
}

const struct command command_events = {
	.name = "events",
	.operands = "ID",
	.summary = "show statistics and out-of-memory events as lines of JSON",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct events_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = events_run,
};
