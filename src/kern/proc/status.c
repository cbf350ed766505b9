#include "kern/proc/status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* "CapBnd:\t000001ffffffffff" */
static bool status_line(const char *text, const char *name, uint64_t *ret_set)
{
	const char *at = strstr(text, name);
	char *end = NULL;

	if (at == NULL)
		return false;
	*ret_set = strtoull(at + strlen(name), &end, 16);
	return end == at + strlen(name) + 1 + 16 && *end == '\n';
}

void proc_status_parse(const char *text, struct proc_status *ret_status)
{
	struct proc_status status = {.known = true};

	if (!status_line(text, "\nCapBnd:", &status.caps_bounding) ||
	    !status_line(text, "\nCapAmb:", &status.caps_ambient) ||
	    !status_line(text, "\nSigIgn:", &status.signals_ignored))
		status = (struct proc_status){.signals_ignored = UINT64_MAX};
	*ret_status = status;
}

void proc_status_read(struct proc_status *ret_status)
{
	char text[4096];
	auto_fd fd = openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
	/* The kernel writes the whole text at once into a buffer of this size. */
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	proc_status_parse(text, ret_status);
}
