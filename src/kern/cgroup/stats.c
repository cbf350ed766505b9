/* Statistics, from whichever hierarchy accounts them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/cgroup/control.h"
#include "kern/cgroup/internal.h"

#define STAT_MAX 16384

/* v1 writes "no limit" as the largest multiple of a page. */
#define V1_UNLIMITED 0x7ffffffffffff000u

struct cgroup_source cgroup_source_of(const struct cgroup *cgroup,
				      enum cgroup_controller controller)
{
	int i = cgroup_host_find(cgroup->host, controller);

	if (i < 0)
		i = cgroup_host_find_v2(cgroup->host);
	if (i < 0 || cgroup->dir_at[i] == 0)
		return (struct cgroup_source){.known = false};
	return (struct cgroup_source){.root_fd = cgroup->host->root_fd,
				      .dir = cgroup_dir(cgroup, (size_t)i),
				      .v2 = cgroup->host->hierarchies[i].v2,
				      .known = true};
}

/* A number or "max". A file that is not there leaves the value as it is. */
static bool read_number(const struct cgroup_source *source, const char *file, uint64_t *ret_value)
{
	char text[64];

	if (cgroup_read_file(source->root_fd, source->dir, file, text, sizeof(text)) <= 0)
		return false;
	uint64_t value = strtoull(text, NULL, 10);
	bool unlimited = strncmp(text, "max", 3) == 0 || (!source->v2 && value >= V1_UNLIMITED);
	*ret_value = unlimited ? CGROUP_UNLIMITED : value;
	return true;
}

struct stat_key {
	const char *name;
	uint64_t *value;
};

/* Reads lines "name number". */
static bool read_keys(const struct cgroup_source *source, const char *file,
		      const struct stat_key *keys, size_t count)
{
	char text[STAT_MAX];

	if (cgroup_read_file(source->root_fd, source->dir, file, text, sizeof(text)) <= 0)
		return false;
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n"), name = strcspn(line, " \n");
		for (size_t k = 0; k < count; k++)
			if (strlen(keys[k].name) == name && memcmp(keys[k].name, line, name) == 0)
				*keys[k].value = strtoull(line + name, NULL, 10);
		line += len;
		line += *line == '\n';
	}
	return true;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void read_memory_v1(const struct cgroup_source *source, struct cgroup_stats *stats)
{
	uint64_t memsw = 0, memsw_limit = CGROUP_UNLIMITED;
	const struct stat_key keys[] = {{"total_cache", &stats->memory.cache_bytes},
					{"total_inactive_file", &stats->memory.inactive_file_bytes},
					{"total_rss", &stats->memory.anonymous_bytes}};
	const struct stat_key oom[] = {{"oom_kill", &stats->memory.oom_kills}};

	stats->memory.known =
		read_number(source, "memory.usage_in_bytes", &stats->memory.usage_bytes);
	if (!stats->memory.known)
		return;
	(void)read_number(source, "memory.max_usage_in_bytes", &stats->memory.peak_bytes);
	(void)read_number(source, "memory.limit_in_bytes", &stats->memory.limit_bytes);
	(void)read_number(source, "memory.failcnt", &stats->memory.limit_hits);
	if (read_number(source, "memory.memsw.usage_in_bytes", &memsw) &&
	    memsw > stats->memory.usage_bytes)
		stats->memory.swap_usage_bytes = memsw - stats->memory.usage_bytes;
	if (read_number(source, "memory.memsw.limit_in_bytes", &memsw_limit) &&
	    memsw_limit != CGROUP_UNLIMITED && memsw_limit >= stats->memory.limit_bytes)
		stats->memory.swap_limit_bytes = memsw_limit - stats->memory.limit_bytes;
	(void)read_keys(source, "memory.stat", keys, COUNT(keys));
	(void)read_keys(source, "memory.oom_control", oom, COUNT(oom));
}

static void read_memory_v2(const struct cgroup_source *source, struct cgroup_stats *stats)
{
	const struct stat_key keys[] = {{"file", &stats->memory.cache_bytes},
					{"inactive_file", &stats->memory.inactive_file_bytes},
					{"anon", &stats->memory.anonymous_bytes}};
	const struct stat_key events[] = {{"max", &stats->memory.limit_hits},
					  {"oom_kill", &stats->memory.oom_kills}};

	stats->memory.known = read_number(source, "memory.current", &stats->memory.usage_bytes);
	if (!stats->memory.known)
		return;
	(void)read_number(source, "memory.peak", &stats->memory.peak_bytes);
	(void)read_number(source, "memory.max", &stats->memory.limit_bytes);
	(void)read_number(source, "memory.swap.current", &stats->memory.swap_usage_bytes);
	(void)read_number(source, "memory.swap.max", &stats->memory.swap_limit_bytes);
	(void)read_keys(source, "memory.stat", keys, COUNT(keys));
	(void)read_keys(source, "memory.events", events, COUNT(events));
}

static void read_cpu_v1(const struct cgroup *cgroup, struct cgroup_stats *stats)
{
	struct cgroup_source usage = cgroup_source_of(cgroup, CGROUP_CPUACCT);
	struct cgroup_source bandwidth = cgroup_source_of(cgroup, CGROUP_CPU);
	const struct stat_key keys[] = {{"nr_periods", &stats->cpu.periods},
					{"nr_throttled", &stats->cpu.throttled_periods},
					{"throttled_time", &stats->cpu.throttled_ns}};

	if (usage.known && !usage.v2) {
		stats->cpu.known = read_number(&usage, "cpuacct.usage", &stats->cpu.usage_ns);
		(void)read_number(&usage, "cpuacct.usage_user", &stats->cpu.user_ns);
		(void)read_number(&usage, "cpuacct.usage_sys", &stats->cpu.system_ns);
	}
	if (bandwidth.known && !bandwidth.v2)
		(void)read_keys(&bandwidth, "cpu.stat", keys, COUNT(keys));
}

static void read_cpu_v2(const struct cgroup_source *source, struct cgroup_stats *stats)
{
	uint64_t usage_us = 0, user_us = 0, system_us = 0, throttled_us = 0;
	const struct stat_key keys[] = {{"usage_usec", &usage_us},
					{"user_usec", &user_us},
					{"system_usec", &system_us},
					{"nr_periods", &stats->cpu.periods},
					{"nr_throttled", &stats->cpu.throttled_periods},
					{"throttled_usec", &throttled_us}};

	stats->cpu.known = read_keys(source, "cpu.stat", keys, COUNT(keys));
	stats->cpu.usage_ns = usage_us * 1000;
	stats->cpu.user_ns = user_us * 1000;
	stats->cpu.system_ns = system_us * 1000;
	stats->cpu.throttled_ns = throttled_us * 1000;
}

/* v1: "8:0 Read 4096", one file for bytes and one for operations. */
static bool read_io_v1(const struct cgroup_source *source, const char *file, uint64_t *ret_reads,
		       uint64_t *ret_writes)
{
	char text[STAT_MAX];

	if (cgroup_read_file(source->root_fd, source->dir, file, text, sizeof(text)) < 0)
		return false;
	for (const char *line = text; *line != '\0';) {
		const char *operation = line + strcspn(line, " \n");
		if (strncmp(operation, " Read ", 6) == 0)
			*ret_reads += strtoull(operation + 6, NULL, 10);
		else if (strncmp(operation, " Write ", 7) == 0)
			*ret_writes += strtoull(operation + 7, NULL, 10);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return true;
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." */
static bool read_io_v2(const struct cgroup_source *source, struct cgroup_stats *stats)
{
	char text[STAT_MAX];
	const struct stat_key keys[] = {{"rbytes=", &stats->io.read_bytes},
					{"wbytes=", &stats->io.write_bytes},
					{"rios=", &stats->io.read_operations},
					{"wios=", &stats->io.write_operations}};

	if (cgroup_read_file(source->root_fd, source->dir, "io.stat", text, sizeof(text)) < 0)
		return false;
	for (const char *word = text; *word != '\0';) {
		for (size_t k = 0; k < COUNT(keys); k++)
			if (strncmp(word, keys[k].name, strlen(keys[k].name)) == 0)
				*keys[k].value += strtoull(word + strlen(keys[k].name), NULL, 10);
		word += strcspn(word, " \n");
		word += *word != '\0';
	}
	return true;
}

static void read_io(const struct cgroup_source *source, struct cgroup_stats *stats)
{
	if (source->v2) {
		stats->io.known = read_io_v2(source, stats);
		return;
	}
	/* What passes the throttle is all; BFQ counts only its own. */
	stats->io.known = read_io_v1(source, "blkio.throttle.io_service_bytes_recursive",
				     &stats->io.read_bytes, &stats->io.write_bytes);
	(void)read_io_v1(source, "blkio.throttle.io_serviced_recursive", &stats->io.read_operations,
			 &stats->io.write_operations);
}

int cgroup_read_stats(const struct cgroup *cgroup, struct cgroup_stats *ret_stats, struct err *err)
{
	struct cgroup_source memory = cgroup_source_of(cgroup, CGROUP_MEMORY);
	struct cgroup_source cpu = cgroup_source_of(cgroup, CGROUP_CPUACCT);
	struct cgroup_source pids = cgroup_source_of(cgroup, CGROUP_PIDS);
	struct cgroup_source io = cgroup_source_of(cgroup, CGROUP_IO);

	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->memory.limit_bytes = CGROUP_UNLIMITED;
	ret_stats->memory.swap_limit_bytes = CGROUP_UNLIMITED;
	ret_stats->pids.limit = CGROUP_UNLIMITED;
	if (memory.known && memory.v2)
		read_memory_v2(&memory, ret_stats);
	else if (memory.known)
		read_memory_v1(&memory, ret_stats);
	if (cpu.known && cpu.v2)
		read_cpu_v2(&cpu, ret_stats);
	else
		read_cpu_v1(cgroup, ret_stats);
	if (pids.known) {
		ret_stats->pids.known =
			read_number(&pids, "pids.current", &ret_stats->pids.current);
		(void)read_number(&pids, "pids.max", &ret_stats->pids.limit);
	}
	if (io.known)
		read_io(&io, ret_stats);
	if (ret_stats->memory.known || ret_stats->cpu.known || ret_stats->pids.known)
		return 0;
	return err_set(err, ERR_NOT_FOUND, ENOENT,
		       "the container's cgroups are gone or account nothing");
}

int cgroup_count_oom_kills(const struct cgroup *cgroup, uint64_t *ret_kills, struct err *err)
{
	struct cgroup_source memory = cgroup_source_of(cgroup, CGROUP_MEMORY);
	char text[1024];

	*ret_kills = 0;
	if (!memory.known)
		return 0;
	const char *file = memory.v2 ? "memory.events" : "memory.oom_control";
	ssize_t got = cgroup_read_file(memory.root_fd, memory.dir, file, text, sizeof(text));
	if (got == -ENOENT) /* no memory controller on v2, or the cgroup is gone */
		return 0;
	if (got < 0) {
		errno = (int)-got;
		return err_errno(err, "read '" CGROUP_ROOT "/%s/%s'", memory.dir, file);
	}
	const struct stat_key keys[] = {{"oom_kill", ret_kills}};
	(void)read_keys(&memory, file, keys, COUNT(keys));
	return 0;
}
