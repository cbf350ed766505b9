/* pid_file.h - the file that --pid-file names, replaced atomically: engines watch for it. */
#ifndef CORTEN_RUNTIME_PID_FILE_H
#define CORTEN_RUNTIME_PID_FILE_H

#include <sys/types.h>

#include "base/err.h"

int pid_file_write(const char *path, pid_t pid, struct err *err);

#endif
