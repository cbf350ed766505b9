/*
 * filter.c - writes the seccomp program that the runtime makes of a config.json, for limit.c. The
 * runtime caches it: that goes to the working folder.
 *
 * usage: filter CONFIG >PROGRAM
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/filter.h"

int main(int argc, char **argv)
{
	ARENA_AUTO(arena, 64u << 20);
	BUF_AUTO(text, 16u << 20);
	struct oci_config config;
	struct filter filter;
	struct err err;
	char line[600];

	if (argc != 2) {
		(void)fprintf(stderr, "usage: filter CONFIG >PROGRAM\n");
		return 2;
	}
	auto_fd cache = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd_read_file_at(AT_FDCWD, argv[1], &text, &err) < 0 ||
	    json_parse(&oci_config_shape, text.data, text.len, &arena, &config, &err) < 0 ||
	    filter_prepare(&config.linux->seccomp, cache, &arena, &filter, &err) < 0) {
		(void)fprintf(stderr, "filter: %s\n", err_format(&err, line, sizeof(line)));
		return 1;
	}
	return fd_write_all(1, filter.insns, (size_t)filter.count * 8) < 0;
}
