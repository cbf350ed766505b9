#include "kern/cgroup/systemd.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "kern/cgroup/internal.h"
#include "kern/cgroup/systemd_internal.h"

#define CALL_TIMEOUT_MS 25000
#define JOB_TIMEOUT_MS  30000
#define SYSTEM_ADDRESS  "unix:path=/run/dbus/system_bus_socket"
#define SYSTEMD_NAME    "org.freedesktop.systemd1"
#define MANAGER_PATH    "/org/freedesktop/systemd1"
#define MANAGER         SYSTEMD_NAME ".Manager"
#define PREFIX_DEFAULT  "corten"

/* --- the plan --- */

bool cgroup_systemd_is_user(void)
{
	return geteuid() != 0 || cgroup_in_user_namespace();
}

static int check_unit(const char *what, const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= CGROUP_UNIT_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG,
			       "%s '%.64s': a unit's name has 1 to %d characters", what, name,
			       CGROUP_UNIT_MAX - 1);
	for (const char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr(":-_.\\@", *at) == NULL)
			return err_set(err, ERR_INVALID, 0,
				       "%s '%.64s': systemd has no '%c' in names, only letters, "
				       "digits and : - _ . \\ @; choose another cgroupsPath",
				       what, name, *at);
	return 0;
}

/* "a-b.slice" lies in "a.slice": "/a.slice/a-b.slice". "-.slice" is the top, "". */
static int expand_slice(const char *slice, char *buf, size_t size, struct err *err)
{
	size_t len = strlen(slice), used = 0;

	buf[0] = '\0';
	if (strcmp(slice, "-.slice") == 0)
		return 0;
	int rc = check_unit("slice", slice, err);
	if (rc < 0)
		return rc;
	if (!str_ends_with(slice, ".slice") || len <= strlen(".slice") || slice[0] == '-')
		return err_set(err, ERR_INVALID, 0, "'%.64s' is no slice like machine.slice",
			       slice);
	size_t stem = len - strlen(".slice");
	for (size_t i = 1; i <= stem; i++) {
		if (i < stem && slice[i] != '-')
			continue;
		if (slice[i - 1] == '-')
			return err_set(err, ERR_INVALID, 0,
				       "slice '%.64s': nothing between two dashes, or behind one",
				       slice);
		int put = snprintf(buf + used, size - used, "/%.*s.slice", (int)i, slice);
		if (put < 0 || (size_t)put >= size - used)
			return err_set(err, ERR_INVALID, ENAMETOOLONG, "slice '%.64s...'", slice);
		used += (size_t)put;
	}
	return 0;
}

/* Cuts "SLICE:PREFIX:NAME" up; the parts may be empty but for the last. */
static int cut(const char *cgroups_path, char *slice, char *prefix, char *name, size_t size,
	       struct err *err)
{
	char *parts[3] = {slice, prefix, name};
	const char *at = cgroups_path;

	for (size_t i = 0; i < 3; i++) {
		size_t len = strcspn(at, ":");
		bool last = i == 2;
		if (len >= size || at[len] != (last ? '\0' : ':') || (last && len == 0))
			return err_set(err, ERR_INVALID, 0,
				       "linux.cgroupsPath '%.100s': with systemd it is "
				       "SLICE:PREFIX:NAME, as machine.slice:corten:web",
				       cgroups_path);
		memcpy(parts[i], at, len);
		parts[i][len] = '\0';
		at += len + !last;
	}
	return 0;
}

int cgroup_systemd_parse(bool user, const char *cgroups_path, const char *id,
			 const char *manager_path, struct cgroup_systemd *ret_plan, struct err *err)
{
	char prefix[CGROUP_UNIT_MAX] = PREFIX_DEFAULT, name[CGROUP_UNIT_MAX];
	char beneath[CGROUP_PATH_MAX] = "";
	int rc = 0;

	*ret_plan = (struct cgroup_systemd){.user = user};
	if (cgroups_path == NULL || cgroups_path[0] == '\0')
		rc = str_copy(name, sizeof(name), id) < 0 ? err_set(err, ERR_INVALID, ENAMETOOLONG,
								    "container id '%.64s...'", id)
							  : 0;
	else
		rc = cut(cgroups_path, ret_plan->slice, prefix, name, sizeof(name), err);
	if (rc < 0)
		return rc;
	if (ret_plan->slice[0] == '\0')
		(void)str_copy(ret_plan->slice, sizeof(ret_plan->slice),
			       user ? "user.slice" : "system.slice");
	ret_plan->is_slice = str_ends_with(name, ".slice");
	if (ret_plan->is_slice)
		rc = str_copy(ret_plan->unit, sizeof(ret_plan->unit), name);
	else
		rc = str_format(ret_plan->unit, sizeof(ret_plan->unit), "%s-%s.scope", prefix,
				name);
	if (rc < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the unit's name, of '%.64s'", name);
	rc = check_unit("unit", ret_plan->unit, err);
	if (rc == 0)
		rc = expand_slice(ret_plan->slice, beneath, sizeof(beneath), err);
	if (rc == 0 && ret_plan->is_slice)
		rc = expand_slice(ret_plan->unit, beneath, sizeof(beneath), err);
	if (rc < 0)
		return rc;
	if (beneath[0] == '\0' && ret_plan->is_slice)
		return err_set(err, ERR_INVALID, 0, "'%s' is the top of the tree", ret_plan->unit);
	if (str_format(ret_plan->path, sizeof(ret_plan->path), "%s%s%s%s", manager_path, beneath,
		       ret_plan->is_slice ? "" : "/", ret_plan->is_slice ? "" : ret_plan->unit) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the cgroup's path, of '%s'",
			       ret_plan->unit);
	return 0;
}

/* --- the bus --- */

static int user_address(char *buf, size_t size, struct err *err)
{
	const char *given = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int rc;

	if (given != NULL && given[0] != '\0')
		rc = str_copy(buf, size, given);
	else if (runtime != NULL && runtime[0] == '/')
		rc = str_format(buf, size, "unix:path=%s/bus", runtime);
	else if (geteuid() != 0)
		rc = str_format(buf, size, "unix:path=/run/user/%u/bus", geteuid());
	else
		return err_set(err, ERR_NOT_FOUND, ENOENT,
			       "no bus of the user's is known: set XDG_RUNTIME_DIR or "
			       "DBUS_SESSION_BUS_ADDRESS, or use --cgroup-manager cgroupfs");
	return rc < 0 ? err_set(err, ERR_INVALID, ENAMETOOLONG, "the address of the user's bus")
		      : 0;
}

int cgroup_systemd_open(bool user, struct dbus *ret_bus, struct err *err)
{
	char address[DBUS_ADDRESS_MAX] = SYSTEM_ADDRESS;
	const char *given = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int rc = 0;

	*ret_bus = DBUS_CLOSED;
	if (user)
		rc = user_address(address, sizeof(address), err);
	else if (given != NULL && given[0] != '\0' && str_copy(address, sizeof(address), given) < 0)
		rc = err_set(err, ERR_INVALID, ENAMETOOLONG, "DBUS_SYSTEM_BUS_ADDRESS");
	if (rc == 0)
		rc = dbus_open(address, CALL_TIMEOUT_MS, ret_bus, err);
	return rc < 0 ? err_wrap(err, rc, "reach systemd (--cgroup-manager cgroupfs needs none)")
		      : 0;
}

static int call_manager(struct dbus *bus, const char *method, const char *signature,
			const struct buf *body, struct dbus_message *ret_reply, struct err *err)
{
	const struct dbus_message call = {
		.path = MANAGER_PATH,
		.interface = MANAGER,
		.member = method,
		.destination = SYSTEMD_NAME,
		.signature = signature,
		.body = body != NULL ? (const uint8_t *)body->data : NULL,
		.body_bytes = body != NULL ? body->len : 0,
	};
	int rc = body != NULL ? buf_check(body, "a message for systemd", err) : 0;

	return rc < 0 ? rc : dbus_call(bus, &call, CALL_TIMEOUT_MS, ret_reply, err);
}

static int call_with_name(struct dbus *bus, const char *method, const char *signature,
			  const char *name, struct dbus_message *ret_reply, struct err *err)
{
	BUF_AUTO(body, 1024);

	dbus_put_string(&body, name);
	if (signature[1] == 's')
		dbus_put_string(&body, "replace");
	return call_manager(bus, method, signature, &body, ret_reply, err);
}

/* Reads a property that is text. */
static int get_text(struct dbus *bus, const char *path, const char *interface, const char *name,
		    char *buf, size_t size, struct err *err)
{
	BUF_AUTO(body, 1024);
	struct dbus_message reply;

	dbus_put_string(&body, interface);
	dbus_put_string(&body, name);
	const struct dbus_message call = {
		.path = path,
		.interface = "org.freedesktop.DBus.Properties",
		.member = "Get",
		.destination = SYSTEMD_NAME,
		.signature = "ss",
		.body = (const uint8_t *)body.data,
		.body_bytes = body.len,
	};
	int rc = dbus_call(bus, &call, CALL_TIMEOUT_MS, &reply, err);
	if (rc < 0)
		return err_wrap(err, rc, "property %s", name);
	struct dbus_reader in = dbus_body(&reply);
	if (strcmp(reply.signature, "v") != 0 || strcmp(dbus_get_signature(&in), "s") != 0 ||
	    str_copy(buf, size, dbus_get_string(&in)) < 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "property %s of systemd is no short text",
			       name);
	return 0;
}

int cgroup_systemd_plan(struct dbus *bus, bool user, const char *cgroups_path, const char *id,
			struct cgroup_systemd *ret_plan, struct err *err)
{
	char top[CGROUP_PATH_MAX];
	int rc = get_text(bus, MANAGER_PATH, MANAGER, "ControlGroup", top, sizeof(top), err);

	if (rc < 0)
		return rc;
	if (strcmp(top, "/") == 0)
		top[0] = '\0';
	return cgroup_systemd_parse(user, cgroups_path, id, top, ret_plan, err);
}

/* --- jobs --- */

static int watch_jobs(struct dbus *bus, struct err *err)
{
	BUF_AUTO(body, 1024);
	struct dbus_message reply;

	dbus_put_string(&body, "type='signal',sender='" SYSTEMD_NAME "',interface='" MANAGER
			       "',member='JobRemoved',path='" MANAGER_PATH "'");
	const struct dbus_message call = {
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "AddMatch",
		.destination = "org.freedesktop.DBus",
		.signature = "s",
		.body = (const uint8_t *)body.data,
		.body_bytes = body.len,
	};
	return dbus_call(bus, &call, CALL_TIMEOUT_MS, &reply, err);
}

/* Waits for the end of the job that a reply names. */
static int await_job(struct dbus *bus, const struct dbus_message *reply, const char *unit,
		     struct err *err)
{
	uint64_t deadline_ms = dbus_now_ms() + JOB_TIMEOUT_MS;
	struct dbus_message message;
	char job[256];

	struct dbus_reader in = dbus_body(reply);
	if (strcmp(reply->signature, "o") != 0 ||
	    str_copy(job, sizeof(job), dbus_get_string(&in)) < 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "systemd names no job for unit '%s'", unit);
	for (;;) {
		int rc = dbus_next(bus, deadline_ms, &message, err);
		if (rc < 0)
			return err_wrap(err, rc, "wait for systemd's job on unit '%s'", unit);
		if (message.type != DBUS_SIGNAL || strcmp(message.member, "JobRemoved") != 0 ||
		    strcmp(message.signature, "uoss") != 0)
			continue;
		in = dbus_body(&message);
		(void)dbus_get_uint32(&in);
		if (strcmp(dbus_get_string(&in), job) != 0)
			continue;
		(void)dbus_get_string(&in);
		const char *result = dbus_get_string(&in);
		if (strcmp(result, "done") == 0)
			return 0;
		return err_set(err, ERR_SYSTEM, 0,
			       "systemd's job on unit '%s' ended as '%.32s' (see `journalctl -u "
			       "%s`)",
			       unit, result, unit);
	}
}

static int put_properties(const struct cgroup_host *host, const struct cgroup_systemd_start *how,
			  struct buf *out, struct err *err)
{
	const struct cgroup_systemd *plan = how->plan;
	bool v2 = host->mode == CGROUP_MODE_V2;
	int rc = 0;

	systemd_put_string(out, "Description", how->description);
	dbus_put_align(out, 8);
	dbus_put_string(out, plan->is_slice ? "Wants" : "Slice");
	dbus_put_signature(out, plan->is_slice ? "as" : "s");
	size_t wants = plan->is_slice ? dbus_put_array(out, 4) : 0;
	dbus_put_string(out, plan->slice);
	if (plan->is_slice) {
		dbus_put_array_end(out, wants, 4);
	} else {
		systemd_put_bool(out, "Delegate", true);
		dbus_put_align(out, 8);
		dbus_put_string(out, "PIDs");
		dbus_put_signature(out, "au");
		size_t pids = dbus_put_array(out, 4);
		dbus_put_uint32(out, (uint32_t)how->pid);
		dbus_put_array_end(out, pids, 4);
	}
	systemd_put_bool(out, "DefaultDependencies", false);
	systemd_put_bool(out, "CPUAccounting", true);
	systemd_put_bool(out, "MemoryAccounting", true);
	systemd_put_bool(out, "TasksAccounting", true);
	systemd_put_bool(out, v2 ? "IOAccounting" : "BlockIOAccounting", true);
	rc = systemd_put_limits(out, v2, how->limits, false, err);
	for (size_t i = 0; rc == 0 && i < how->property_count; i++)
		rc = systemd_put_property(out, &how->properties[i], err);
	return rc;
}

static int start_once(struct dbus *bus, const struct buf *body, const char *unit, struct err *err)
{
	struct dbus_message reply;
	int rc = call_manager(bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", body, &reply, err);

	return rc < 0 ? rc : await_job(bus, &reply, unit, err);
}

int cgroup_systemd_start(struct dbus *bus, const struct cgroup_host *host,
			 const struct cgroup_systemd_start *how, struct err *err)
{
	const char *unit = how->plan->unit;
	struct dbus_message reply;
	struct err ignored;
	BUF_AUTO(body, SYSTEMD_PROPERTIES_MAX);

	dbus_put_string(&body, unit);
	dbus_put_string(&body, "fail");
	size_t properties = dbus_put_array(&body, 8);
	int rc = put_properties(host, how, &body, err);
	dbus_put_array_end(&body, properties, 8);
	dbus_put_array_end(&body, dbus_put_array(&body, 8), 8); /* no other units with it */
	if (rc == 0)
		rc = watch_jobs(bus, err);
	if (rc == 0)
		rc = start_once(bus, &body, unit, err);
	/* One that failed (by the kernel's out-of-memory killer, say) keeps its name until told. */
	if (rc == -EEXIST &&
	    call_with_name(bus, "ResetFailedUnit", "s", unit, &reply, &ignored) == 0)
		rc = start_once(bus, &body, unit, err);
	if (rc < 0 && rc != -EEXIST)
		(void)cgroup_systemd_stop(bus, unit, how->description, &ignored);
	return rc < 0 ? err_wrap(err, rc, "start systemd unit '%s'", unit) : 0;
}

int cgroup_systemd_attach(struct dbus *bus, const char *unit, pid_t pid, struct err *err)
{
	struct dbus_message reply;
	BUF_AUTO(body, 1024);

	dbus_put_string(&body, unit);
	dbus_put_string(&body, ""); /* no cgroup beneath it */
	size_t pids = dbus_put_array(&body, 4);
	dbus_put_uint32(&body, (uint32_t)pid);
	dbus_put_array_end(&body, pids, 4);
	int rc = call_manager(bus, "AttachProcessesToUnit", "ssau", &body, &reply, err);
	return rc < 0 ? err_wrap(err, rc, "move process %d into systemd unit '%s'", (int)pid, unit)
		      : 0;
}

int cgroup_systemd_update(struct dbus *bus, const struct cgroup_host *host, const char *unit,
			  const struct cgroup_limits *limits, struct err *err)
{
	struct dbus_message reply;
	BUF_AUTO(body, SYSTEMD_PROPERTIES_MAX);

	dbus_put_string(&body, unit);
	dbus_put_bool(&body, true); /* for this run alone */
	size_t properties = dbus_put_array(&body, 8);
	size_t before = body.len;
	int rc = systemd_put_limits(&body, host->mode == CGROUP_MODE_V2, limits, true, err);
	bool any = body.len > before;
	dbus_put_array_end(&body, properties, 8);
	if (rc == 0 && any)
		rc = call_manager(bus, "SetUnitProperties", "sba(sv)", &body, &reply, err);
	return rc < 0 ? err_wrap(err, rc, "update systemd unit '%s'", unit) : 0;
}

/* 1 when the unit is there and is the one described; 0 when not. */
static int is_ours(struct dbus *bus, const char *unit, const char *description, struct err *err)
{
	struct dbus_message reply;
	char path[1024], text[1024];
	int rc = call_with_name(bus, "GetUnit", "s", unit, &reply, err);

	if (rc < 0)
		return err->kind == ERR_NOT_FOUND ? 0 : rc;
	struct dbus_reader in = dbus_body(&reply);
	if (strcmp(reply.signature, "o") != 0 ||
	    str_copy(path, sizeof(path), dbus_get_string(&in)) < 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "systemd names no object");
	rc = get_text(bus, path, SYSTEMD_NAME ".Unit", "Description", text, sizeof(text), err);
	if (rc < 0)
		return err->kind == ERR_NOT_FOUND ? 0 : rc;
	return strcmp(text, description) == 0;
}

int cgroup_systemd_stop(struct dbus *bus, const char *unit, const char *description,
			struct err *err)
{
	struct dbus_message reply;
	struct err ignored;
	int rc = is_ours(bus, unit, description, err);

	if (rc == 0)
		return 0;
	if (rc > 0)
		rc = watch_jobs(bus, err);
	if (rc == 0)
		rc = call_with_name(bus, "StopUnit", "ss", unit, &reply, err);
	if (rc == 0)
		rc = await_job(bus, &reply, unit, err);
	else if (err->kind == ERR_NOT_FOUND)
		rc = 0; /* gone meanwhile */
	/* Where its end counts as a failure, systemd would keep it, and its name. */
	(void)call_with_name(bus, "ResetFailedUnit", "s", unit, &reply, &ignored);
	return rc < 0 ? err_wrap(err, rc, "stop systemd unit '%s'", unit) : 0;
}
