/*
 * remote.h - corten-remote beside corten-image, for as long as a pull or a push takes.
 *
 * Ownership  remote_start() and remote_done(), which ends the program if it has not ended.
 * Errors     Those of starting it. Why it gave up it writes down: remote_prefer().
 */
#ifndef CORTEN_STORE_REMOTE_H
#define CORTEN_STORE_REMOTE_H

#include "base/fd.h"
#include "base/json.h"

struct remote {
	int pidfd;
	int socket_fd; /* corten-image's end */
	int records_fd;
};

#define REMOTE_INIT                       \
	{                                 \
		FD_NONE, FD_NONE, FD_NONE \
	}

struct remote_start {
	const char *program;
	const char *verb;
	json_strings options;
	json_strings from;    /* push: repositories to mount from */
	const char *password; /* NULL: none */
	const char *reference;
};

int remote_start(const struct remote_start *request, struct remote *remote, struct err *err);
void remote_done(struct remote *remote);

/*
 * When corten-image found the other side gone, it was corten-remote that failed, and wrote down why before it let go
 * of the pipes. rc unchanged when it did not.
 */
int remote_prefer(const struct remote *remote, int rc, struct err *err);

#endif
