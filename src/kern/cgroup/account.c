/* The kernel's accounts in detail, from whichever hierarchy keeps them. */
#include "kern/cgroup/account.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "kern/cgroup/internal.h"

#define TEXT_MAX 65536

static bool account_read(const struct cgroup_source *source, const char *file, char *text,
			 size_t size)
{
	return source->known &&
	       cgroup_read_file(source->root_fd, source->dir, file, text, size) > 0;
}

static bool account_number(const struct cgroup_source *source, const char *prefix, const char *file,
			   uint64_t *ret_value)
{
	char name[128], text[64];

	if (str_format(name, sizeof(name), "%s%s", prefix, file) < 0 ||
	    !account_read(source, name, text, sizeof(text)))
		return false;
	*ret_value = strncmp(text, "max", 3) == 0 ? CGROUP_UNLIMITED : strtoull(text, NULL, 10);
	return true;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

size_t cgroup_parse_keys(const char *text, struct cgroup_key *keys, size_t max)
{
	size_t count = 0;

	for (const char *line = text; *line != '\0' && count < max; line = next_line(line)) {
		size_t len = strcspn(line, " \n");
		if (len == 0 || len >= sizeof(keys->name) || line[len] != ' ')
			continue;
		memcpy(keys[count].name, line, len);
		keys[count].name[len] = '\0';
		keys[count].value = strtoull(line + len, NULL, 10);
		count++;
	}
	return count;
}

static void io_add(struct cgroup_io_list *list, uint64_t major, uint64_t minor,
		   const char *operation, uint64_t value)
{
	if (list->count == CGROUP_IO_ENTRIES_MAX)
		return;
	struct cgroup_io_entry *entry = &list->entries[list->count];
	*entry = (struct cgroup_io_entry){.major = major, .minor = minor, .value = value};
	if (str_copy(entry->operation, sizeof(entry->operation), operation) == 0)
		list->count++;
}

/* Takes a number, after blanks, off *at; leaves *at where it was when there is none. */
static bool take_number(const char **at, uint64_t *ret_number)
{
	const char *from = *at + strspn(*at, " ");
	char *end = NULL;

	if (*from < '0' || *from > '9')
		return false;
	*ret_number = strtoull(from, &end, 10);
	*at = end;
	return true;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* "avg10=1.50" */
static bool take_share(const char **at, const char *name, double *ret_share)
{
	char *end = NULL;

	if (!take_text(at, name))
		return false;
	*ret_share = strtod(*at, &end);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

static bool take_device(const char **at, uint64_t *ret_major, uint64_t *ret_minor)
{
	return take_number(at, ret_major) && take_text(at, ":") && take_number(at, ret_minor);
}

/* "8:0 Read 4096", or "8:0 4096" where operations are not told apart. */
void cgroup_parse_io_v1(const char *text, struct cgroup_io_list *list)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		uint64_t major, minor, value;
		char operation[16] = "";
		const char *at = line;
		if (!take_device(&at, &major, &minor))
			continue;
		at += strspn(at, " ");
		size_t len = strspn(at, letters);
		if (len >= sizeof(operation))
			continue;
		(void)memcpy(operation, at, len);
		at += len;
		if (take_number(&at, &value))
			io_add(list, major, minor, operation, value);
	}
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
void cgroup_parse_io_v2(const char *text, struct cgroup_io_list *bytes,
			struct cgroup_io_list *operations)
{
	static const struct {
		const char *name;
		const char *operation;
		bool counts;
	} words[] = {{" rbytes=", "Read", false},
		     {" wbytes=", "Write", false},
		     {" rios=", "Read", true},
		     {" wios=", "Write", true}};

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		uint64_t major, minor;
		const char *rest = line;
		size_t len = strcspn(line, "\n");
		if (!take_device(&rest, &major, &minor))
			continue;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			const char *at = strstr(line, words[i].name);
			if (at != NULL && at < line + len)
				io_add(words[i].counts ? operations : bytes, major, minor,
				       words[i].operation,
				       strtoull(at + strlen(words[i].name), NULL, 10));
		}
	}
}

void cgroup_parse_pressure(const char *text, struct cgroup_pressure *pressure)
{
	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		const char *at = line;
		bool some = take_text(&at, "some ");
		if (!some && !take_text(&at, "full "))
			continue;
		struct cgroup_pressure_line found = {0};
		if (!take_share(&at, "avg10=", &found.avg10) ||
		    !take_share(&at, " avg60=", &found.avg60) ||
		    !take_share(&at, " avg300=", &found.avg300) || !take_text(&at, " total=") ||
		    !take_number(&at, &found.total))
			continue;
		pressure->known = true;
		*(some ? &pressure->some : &pressure->full) = found;
	}
}

static void read_pressure(const struct cgroup_source *source, const char *file,
			  struct cgroup_pressure *pressure)
{
	char text[512];

	if (source->v2 && account_read(source, file, text, sizeof(text)))
		cgroup_parse_pressure(text, pressure);
}

static void read_cpu(const struct cgroup *cgroup, struct cgroup_account *account)
{
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_CPUACCT);
	char text[TEXT_MAX], *at = text;

	read_pressure(&source, "cpu.pressure", &account->cpu_pressure);
	if (!source.v2 && account_read(&source, "cpuacct.usage_percpu", text, sizeof(text)))
		for (char *end = at; account->cpu_count < CGROUP_CPUS_MAX; at = end) {
			uint64_t value = strtoull(at, &end, 10);
			if (end == at)
				break;
			account->per_cpu_ns[account->cpu_count++] = value;
		}
	if (source.v2 || !account_read(&source, "cpuacct.usage_all", text, sizeof(text)))
		return;
	for (const char *line = next_line(text); *line != '\0'; line = next_line(line)) {
		uint64_t number, user, system;
		const char *rest = line;
		if (account->cpu_mode_count == CGROUP_CPUS_MAX || !take_number(&rest, &number) ||
		    !take_number(&rest, &user) || !take_number(&rest, &system))
			break;
		account->per_cpu_user_ns[account->cpu_mode_count] = user;
		account->per_cpu_system_ns[account->cpu_mode_count++] = system;
	}
}

static void read_cpuset(const struct cgroup *cgroup, struct cgroup_account *account)
{
	static const char *const files[CGROUP_CPUSET_FLAGS] = {
		"cpuset.cpu_exclusive",
		"cpuset.mem_hardwall",
		"cpuset.mem_exclusive",
		"cpuset.memory_migrate",
		"cpuset.memory_spread_page",
		"cpuset.memory_spread_slab",
		"cpuset.memory_pressure",
		"cpuset.sched_load_balance",
		"cpuset.sched_relax_domain_level",
	};
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_CPUSET);
	char text[64];

	if (!source.known || source.v2)
		return;
	account->cpuset.known = account_read(&source, "cpuset.cpus", account->cpuset.cpus,
					     sizeof(account->cpuset.cpus));
	(void)account_read(&source, "cpuset.mems", account->cpuset.mems,
			   sizeof(account->cpuset.mems));
	for (size_t i = 0; i < CGROUP_CPUSET_FLAGS; i++)
		if (account_read(&source, files[i], text, sizeof(text)))
			account->cpuset.flags[i] = strtoll(text, NULL, 10);
}

static bool read_counter_v1(const struct cgroup_source *source, const char *prefix,
			    struct cgroup_counter *counter)
{
	if (!account_number(source, prefix, ".usage_in_bytes", &counter->usage))
		return false;
	(void)account_number(source, prefix, ".max_usage_in_bytes", &counter->peak);
	(void)account_number(source, prefix, ".failcnt", &counter->limit_hits);
	(void)account_number(source, prefix, ".limit_in_bytes", &counter->limit);
	return true;
}

static void read_memory_v2(const struct cgroup_source *source, struct cgroup_account *account)
{
	struct cgroup_counter swap = {0};

	(void)account_number(source, "memory", ".current", &account->memory.usage);
	(void)account_number(source, "memory", ".max", &account->memory.limit);
	(void)account_number(source, "memory", ".peak", &account->memory.peak);
	if (account_number(source, "memory.swap", ".current", &swap.usage))
		(void)account_number(source, "memory.swap", ".max", &swap.limit);
	/* As v1 has it: with memory, and no peak, for peaks do not add up. */
	account->memory_swap.usage = account->memory.usage + swap.usage;
	account->memory_swap.limit = swap.limit;
	if (swap.limit != CGROUP_UNLIMITED)
		account->memory_swap.limit = account->memory.limit == CGROUP_UNLIMITED
						     ? CGROUP_UNLIMITED
						     : account->memory.limit + swap.limit;
}

static void read_memory(const struct cgroup *cgroup, struct cgroup_account *account)
{
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_MEMORY);
	char text[TEXT_MAX];

	if (!account->stats.memory.known)
		return;
	read_pressure(&source, "memory.pressure", &account->memory_pressure);
	if (account_read(&source, "memory.stat", text, sizeof(text)))
		account->memory_key_count =
			cgroup_parse_keys(text, account->memory_keys, CGROUP_MEMORY_KEY_MAX);
	if (source.v2) {
		read_memory_v2(&source, account);
		return;
	}
	(void)read_counter_v1(&source, "memory", &account->memory);
	(void)read_counter_v1(&source, "memory.memsw", &account->memory_swap);
	(void)read_counter_v1(&source, "memory.kmem", &account->kernel);
	(void)read_counter_v1(&source, "memory.kmem.tcp", &account->kernel_tcp);
}

/* The throttle's accounts are whole; BFQ and CFQ keep the others, of what passes them. */
static const char *const io_files[CGROUP_IO_KINDS][2] = {
	[CGROUP_IO_SERVICE_BYTES] = {"throttle.io_service_bytes_recursive",
				     "throttle.io_service_bytes"},
	[CGROUP_IO_SERVICED] = {"throttle.io_serviced_recursive", "throttle.io_serviced"},
	[CGROUP_IO_QUEUED] = {"bfq.io_queued_recursive", "io_queued_recursive"},
	[CGROUP_IO_SERVICE_TIME] = {"bfq.io_service_time_recursive", "io_service_time_recursive"},
	[CGROUP_IO_WAIT_TIME] = {"bfq.io_wait_time_recursive", "io_wait_time_recursive"},
	[CGROUP_IO_MERGED] = {"bfq.io_merged_recursive", "io_merged_recursive"},
	[CGROUP_IO_TIME] = {"bfq.time_recursive", "time_recursive"},
	[CGROUP_IO_SECTORS] = {"bfq.sectors_recursive", "sectors_recursive"},
};

static void read_io(const struct cgroup *cgroup, struct cgroup_account *account)
{
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_IO);
	char text[TEXT_MAX], file[96];

	if (source.v2) {
		read_pressure(&source, "io.pressure", &account->io_pressure);
		if (account_read(&source, "io.stat", text, sizeof(text)))
			cgroup_parse_io_v2(text, &account->io[CGROUP_IO_SERVICE_BYTES],
					   &account->io[CGROUP_IO_SERVICED]);
		return;
	}
	for (size_t kind = 0; kind < CGROUP_IO_KINDS; kind++)
		for (size_t i = 0; i < 2; i++) {
			(void)str_format(file, sizeof(file), "blkio.%s", io_files[kind][i]);
			if (!account_read(&source, file, text, sizeof(text)))
				continue;
			cgroup_parse_io_v1(text, &account->io[kind]);
			break;
		}
}

/* "2MB" of "hugetlb.2MB.current"; reservations have names of their own. */
static bool pages_of_name(const char *name, bool v2, char *size, size_t max)
{
	const char *at = str_after(name, "hugetlb.");
	size_t len = at != NULL ? strcspn(at, ".") : 0;

	if (len == 0 || len >= max || strcmp(at + len, v2 ? ".current" : ".usage_in_bytes") != 0)
		return false;
	memcpy(size, at, len);
	size[len] = '\0';
	return true;
}

static void read_pages_of(const struct cgroup_source *source, struct cgroup_pages *pages)
{
	struct cgroup_counter *counter = &pages->counter;
	struct cgroup_key events[4];
	char prefix[64], file[96], text[256];

	(void)str_format(prefix, sizeof(prefix), "hugetlb.%s", pages->size);
	if (!source->v2) {
		(void)read_counter_v1(source, prefix, counter);
		return;
	}
	(void)account_number(source, prefix, ".current", &counter->usage);
	(void)account_number(source, prefix, ".max", &counter->limit);
	(void)str_format(file, sizeof(file), "%s.events", prefix);
	if (account_read(source, file, text, sizeof(text)) &&
	    cgroup_parse_keys(text, events, 1) == 1 && strcmp(events[0].name, "max") == 0)
		counter->limit_hits = events[0].value;
}

static void read_pages(const struct cgroup *cgroup, struct cgroup_account *account)
{
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_HUGETLB);
	int fd = source.known ? openat(source.root_fd, source.dir,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			      : FD_NONE;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		fd_closep(&fd);
		return;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		struct cgroup_pages *pages = &account->pages[account->page_size_count];
		if (account->page_size_count == CGROUP_PAGE_SIZES_MAX)
			break;
		if (!pages_of_name(entry->d_name, source.v2, pages->size, sizeof(pages->size)))
			continue;
		read_pages_of(&source, pages);
		account->page_size_count++;
	}
	(void)closedir(dir);
}

int cgroup_read_account(const struct cgroup *cgroup, struct cgroup_account *ret_account,
			struct err *err)
{
	memset(ret_account, 0, sizeof(*ret_account));
	int rc = cgroup_read_stats(cgroup, &ret_account->stats, err);
	if (rc < 0)
		return rc;
	read_cpu(cgroup, ret_account);
	read_cpuset(cgroup, ret_account);
	read_memory(cgroup, ret_account);
	read_io(cgroup, ret_account);
	read_pages(cgroup, ret_account);
	return 0;
}
