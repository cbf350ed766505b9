/*
 * exec.h - finding a program as execvp would, and saying why it could not be executed.
 *
 * Purpose    "no such file or directory" may mean the file, its interpreter or its loader. The
 *            bytes of the program are read to tell which; they are hostile and reads are bounded.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_EXEC_EXEC_H
#define CORTEN_KERN_EXEC_EXEC_H

#include <stddef.h>

#include "base/err.h"

#define EXEC_STATUS_NOT_FOUND 127
#define EXEC_STATUS_NOT_RUN   126

/*
 * Finds name beneath rootfd. With a "/" it is taken as it is (relative to cwd); without, the
 * folders of path_value (NULL: /usr/local/sbin:...:/bin) are searched in order, an empty one being
 * cwd. cwd is absolute. The first executable regular file wins. Writes the absolute path to
 * ret_path. A file that is there but cannot be executed is remembered: EACCES instead of ENOENT.
 * Access is judged as the calling user.
 */
int exec_find(int rootfd, const char *name, const char *path_value, const char *cwd, char *ret_path,
	      size_t size, struct err *err);

/*
 * Fills err with the cause of execve(path) = errno sys in the root behind rootfd. Keeps the words
 * that engines look for: "executable file not found in $PATH" for a bare name that was not found,
 * "no such file or directory", "permission denied". err->sys is 0: the words are in the text.
 * Returns the status to exit with: EXEC_STATUS_NOT_FOUND or EXEC_STATUS_NOT_RUN. argv0: what the
 * user asked for; path: what was executed (the same when nothing was found).
 */
int exec_explain(int rootfd, const char *path, const char *argv0, int sys, struct err *err);

#endif
