/* console.h - the terminal of a process in a container, and where its master goes. */
#ifndef CORTEN_RUNTIME_CONSOLE_H
#define CORTEN_RUNTIME_CONSOLE_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/process.h"

/*
 * The socket that takes the master: the one at `path`, or (path NULL, proxy) one end of a pair
 * whose other end goes to ret_master_socket. FD_NONE without a terminal. Returns 0 or negative.
 */
int console_connect(const struct oci_process *process, const char *path, bool proxy,
		    int *ret_socket, int *ret_master_socket, struct err *err);

/*
 * Inside: with a terminal, opens a pair of the container's devpts, sends the master off, and makes
 * the slave the controlling terminal and 0, 1 and 2; without, starts a session. mount: the slave
 * is bound on /dev/console too. proxy: it takes the size of the terminal on standard input, if any.
 */
/* Its two halves, for a process that is yet to be born: the slave, or FD_NONE without a terminal... */
int console_open(const struct oci_process *process, int root_fd, int socket, bool mount, bool proxy,
		 int *ret_slave, struct err *err);

/* ... and the session, by the process itself. Closes the slave. */
int console_take(int slave, struct err *err);

int console_attach(const struct oci_process *process, int root_fd, int socket, bool mount,
		   bool proxy, struct err *err);

#endif
