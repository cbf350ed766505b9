/*
 * tty.h - pseudo terminals by descriptor.
 *
 * Purpose    The slave is opened through its master and mounted by descriptor; no path under a
 *            container's /dev is trusted on the way.
 * Ownership  Returned descriptors are O_CLOEXEC and the caller's.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_TTY_TTY_H
#define CORTEN_KERN_TTY_TTY_H

#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "base/err.h"

/*
 * A new pair of the devpts instance whose root is devpts_fd (verified; O_PATH will do). The slave
 * comes from the master (TIOCGPTPEER), unlocked.
 */
int tty_open_pair(int devpts_fd, int *ret_master, int *ret_slave, struct err *err);

/* The slave's number, N of /dev/pts/N. */
int tty_slave_number(int master, struct err *err);

/*
 * Mounts the slave on the file behind target_fd (/dev/console in the container). The slave is of
 * the current mount namespace.
 */
int tty_mount_console(int slave, int target_fd, struct err *err);

/* Connects to the unix stream socket at path, of any length. */
int tty_connect_socket(const char *path, struct err *err);

/*
 * Sends the master over sock with SCM_RIGHTS; name is the message's data, as the receivers of
 * --console-socket expect ("/dev/ptmx").
 */
int tty_send_master(int sock, int master, const char *name, struct err *err);

int tty_set_size(int fd, uint16_t rows, uint16_t columns, struct err *err);
int tty_get_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns, struct err *err);

/* Raw mode; the former state goes to ret_saved for tty_restore(). */
int tty_set_raw(int fd, struct termios *ret_saved, struct err *err);
int tty_restore(int fd, const struct termios *saved, struct err *err);

/* setsid (unless the caller leads a session already) and makes fd the controlling terminal. */
int tty_make_controlling(int fd, struct err *err);

#endif
