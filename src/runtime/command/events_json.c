/*
 * The names are runc's (its types/events.go), which engines parse. Written by hand, not by a field table:
 * most members are left out or kept at zero by rules of their own.
 */
#include "runtime/command/events_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* A comma between members, none before the first. */
static void add_name(struct buf *out, const char *name)
{
	char last = out->len > 0 && out->data != NULL ? out->data[out->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_char(out, ',');
	json_write_string(out, name);
	buf_char(out, ':');
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
	add_name(out, name);
	buf_fmt(out, "%" PRIu64, value);
}

static void add_some(struct buf *out, const char *name, uint64_t value)
{
	if (value != 0)
		add_number(out, name, value);
}

static void add_object(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_char(out, '{');
}

static void add_numbers(struct buf *out, const char *name, const uint64_t *values, size_t count)
{
	if (count == 0)
		return;
	add_name(out, name);
	buf_char(out, '[');
	for (size_t i = 0; i < count; i++)
		buf_fmt(out, "%s%" PRIu64, i > 0 ? "," : "", values[i]);
	buf_char(out, ']');
}

static void add_pressure(struct buf *out, const struct cgroup_pressure *pressure)
{
	if (!pressure->known)
		return;
	add_object(out, "psi");
	buf_fmt(out,
		"\"some\":{\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,\"total\":%" PRIu64 "},",
		pressure->some.avg10, pressure->some.avg60, pressure->some.avg300,
		pressure->some.total);
	buf_fmt(out,
		"\"full\":{\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,\"total\":%" PRIu64 "}}",
		pressure->full.avg10, pressure->full.avg60, pressure->full.avg300,
		pressure->full.total);
}

static void add_cpu(struct buf *out, const struct cgroup_account *account)
{
	add_object(out, "cpu");
	if (account->stats.cpu.known) {
		add_object(out, "usage");
		add_some(out, "total", account->stats.cpu.usage_ns);
		add_numbers(out, "percpu", account->per_cpu_ns, account->cpu_count);
		add_numbers(out, "percpu_kernel", account->per_cpu_system_ns,
			    account->cpu_mode_count);
		add_numbers(out, "percpu_user", account->per_cpu_user_ns, account->cpu_mode_count);
		add_number(out, "kernel", account->stats.cpu.system_ns);
		add_number(out, "user", account->stats.cpu.user_ns);
		buf_char(out, '}');
	}
	if (account->stats.cpu.periods != 0 || account->stats.cpu.throttled_periods != 0 ||
	    account->stats.cpu.throttled_ns != 0) {
		add_object(out, "throttling");
		add_some(out, "periods", account->stats.cpu.periods);
		add_some(out, "throttledPeriods", account->stats.cpu.throttled_periods);
		add_some(out, "throttledTime", account->stats.cpu.throttled_ns);
		buf_char(out, '}');
	}
	add_pressure(out, &account->cpu_pressure);
	buf_char(out, '}');
}

/* "0-2,7" as [0,1,2,7]. */
static void add_set(struct buf *out, const char *name, const char *list)
{
	bool first = true;

	for (const char *at = list; *at >= '0' && *at <= '9';) {
		char *end = NULL;
		unsigned long low = strtoul(at, &end, 10), high = low;
		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		for (; low <= high && low <= UINT16_MAX; low++) {
			if (first) {
				add_name(out, name);
				buf_char(out, '[');
			}
			buf_fmt(out, "%s%lu", first ? "" : ",", low);
			first = false;
		}
		at = *end == ',' ? end + 1 : "";
	}
	if (!first)
		buf_char(out, ']');
}

static void add_cpuset(struct buf *out, const struct cgroup_account *account)
{
	static const char *const names[CGROUP_CPUSET_FLAGS] = {
		"cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
		"memory_migrate",  "memory_spread_page", "memory_spread_slab",
		"memory_pressure", "sched_load_balance", "sched_relax_domain_level",
	};

	add_object(out, "cpuset");
	add_set(out, "cpus", account->cpuset.cpus);
	for (size_t i = 0; i < CGROUP_CPUSET_FLAGS; i++) {
		if (i == 1)
			add_set(out, "mems", account->cpuset.mems);
		add_name(out, names[i]);
		buf_fmt(out, "%" PRId64, account->cpuset.flags[i]);
	}
	buf_char(out, '}');
}

static void add_counter(struct buf *out, const char *name, const struct cgroup_counter *counter)
{
	add_object(out, name);
	add_number(out, "limit", counter->limit);
	add_some(out, "usage", counter->usage);
	add_some(out, "max", counter->peak);
	add_number(out, "failcnt", counter->limit_hits);
	buf_char(out, '}');
}

static bool counter_is_zero(const struct cgroup_counter *counter)
{
	return counter->limit == 0 && counter->usage == 0 && counter->peak == 0 &&
	       counter->limit_hits == 0;
}

static void add_memory(struct buf *out, const struct cgroup_account *account)
{
	const struct {
		const char *name;
		const struct cgroup_counter *counter;
	} counters[] = {{"usage", &account->memory},
			{"swap", &account->memory_swap},
			{"kernel", &account->kernel},
			{"kernelTCP", &account->kernel_tcp}};

	add_object(out, "memory");
	for (size_t i = 0; i < account->memory_key_count; i++)
		if (strcmp(account->memory_keys[i].name, "cache") == 0 ||
		    strcmp(account->memory_keys[i].name, "file") == 0)
			add_some(out, "cache", account->memory_keys[i].value);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (!counter_is_zero(counters[i].counter))
			add_counter(out, counters[i].name, counters[i].counter);
	if (account->memory_key_count > 0) {
		add_object(out, "raw");
		for (size_t i = 0; i < account->memory_key_count; i++)
			add_number(out, account->memory_keys[i].name,
				   account->memory_keys[i].value);
		buf_char(out, '}');
	}
	add_pressure(out, &account->memory_pressure);
	buf_char(out, '}');
}

static void add_io_list(struct buf *out, const char *name, const struct cgroup_io_list *list)
{
	if (list->count == 0)
		return;
	add_name(out, name);
	buf_char(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct cgroup_io_entry *entry = &list->entries[i];
		buf_str(out, i > 0 ? ",{" : "{");
		add_some(out, "major", entry->major);
		add_some(out, "minor", entry->minor);
		if (entry->operation[0] != '\0') {
			add_name(out, "op");
			json_write_string(out, entry->operation);
		}
		add_some(out, "value", entry->value);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static void add_io(struct buf *out, const struct cgroup_account *account)
{
	static const char *const names[CGROUP_IO_KINDS] = {
		[CGROUP_IO_SERVICE_BYTES] = "ioServiceBytesRecursive",
		[CGROUP_IO_SERVICED] = "ioServicedRecursive",
		[CGROUP_IO_QUEUED] = "ioQueueRecursive",
		[CGROUP_IO_SERVICE_TIME] = "ioServiceTimeRecursive",
		[CGROUP_IO_WAIT_TIME] = "ioWaitTimeRecursive",
		[CGROUP_IO_MERGED] = "ioMergedRecursive",
		[CGROUP_IO_TIME] = "ioTimeRecursive",
		[CGROUP_IO_SECTORS] = "sectorsRecursive",
	};

	add_object(out, "blkio");
	for (size_t i = 0; i < CGROUP_IO_KINDS; i++)
		add_io_list(out, names[i], &account->io[i]);
	add_pressure(out, &account->io_pressure);
	buf_char(out, '}');
}

static void add_pages(struct buf *out, const struct cgroup_account *account)
{
	add_object(out, "hugetlb");
	for (size_t i = 0; i < account->page_size_count; i++) {
		const struct cgroup_pages *pages = &account->pages[i];
		add_object(out, pages->size);
		add_some(out, "usage", pages->counter.usage);
		add_some(out, "max", pages->counter.peak);
		add_number(out, "failcnt", pages->counter.limit_hits);
		buf_char(out, '}');
	}
	buf_char(out, '}');
}

static void add_head(struct buf *out, const char *type, const char *id)
{
	buf_fmt(out, "{\"type\":\"%s\",\"id\":", type);
	json_write_string(out, id);
}

void events_write_stats(const char *id, const struct cgroup_account *account, struct buf *out)
{
	add_head(out, "stats", id);
	add_object(out, "data");
	add_cpu(out, account);
	add_cpuset(out, account);
	add_memory(out, account);
	add_object(out, "pids");
	add_some(out, "current", account->stats.pids.current);
	if (account->stats.pids.limit != CGROUP_UNLIMITED)
		add_some(out, "limit", account->stats.pids.limit);
	buf_char(out, '}');
	add_io(out, account);
	add_pages(out, account);
	/* No resource director technology, and no interfaces that the runtime made. */
	buf_str(out, ",\"intel_rdt\":{},\"network_interfaces\":null}}\n");
}

void events_write_oom(const char *id, struct buf *out)
{
	add_head(out, "oom", id);
	buf_str(out, "}\n");
}
