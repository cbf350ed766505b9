#include "init/services.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "init/init.h"

static int unit_load(struct services *services, int folder_fd, const char *name, struct err *err)
{
	BUF_AUTO(text, UNIT_FILE_MAX);
	struct unit *unit = malloc(sizeof(*unit));

	if (unit == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "unit '%s'", name);
	int rc = fd_read_file_at(folder_fd, name, &text, err);
	if (rc == 0)
		rc = unit_parse(services->program, name, text.data == NULL ? "" : text.data,
				text.len, unit, err);
	if (rc == 0 && services->count == SERVICES_MAX)
		rc = err_set(err, ERR_INVALID, E2BIG, "unit '%s': more than %d units", name,
			     SERVICES_MAX);
	if (rc < 0) {
		free(unit);
		return rc;
	}
	services->list[services->count++] =
		(struct service){.unit = unit, .pause_ms = SERVICE_PAUSE_FIRST_MS};
	return 0;
}

static int is_unit(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".container") == 0;
}

int services_load(struct services *services, const char *folder, struct err *err)
{
	struct dirent **entries;
	struct err unit_err;
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "open the units' folder '%s'", folder);
	int count = scandir(folder, &entries, is_unit, alphasort);
	if (count < 0)
		return err_errno(err, "list the units' folder '%s'", folder);
	for (int i = 0; i < count; i++) {
		if (unit_load(services, fd, entries[i]->d_name, &unit_err) < 0)
			services->tell_error(&unit_err);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static void pause_before_next(struct service *service, int64_t now_ms)
{
	service->pid = 0;
	service->since_ms = now_ms + service->pause_ms;
	service->pause_ms *= 2;
	if (service->pause_ms > SERVICE_PAUSE_LAST_MS)
		service->pause_ms = SERVICE_PAUSE_LAST_MS;
}

/*
 * When `corten run` itself was killed its container may live on under the same name: it is removed
 * before each start.
 */
static void service_begin(struct services *services, struct service *service, int64_t now_ms)
{
	const char *const argv[] = {services->program, "rm", "--force", service->unit->name, NULL};
	struct err err;
	const struct init_program removal = {
		.argv = argv, .signals = services->signals, .own_session = true};
	service->clearing = true;
	if (init_start(&removal, &service->pid, NULL, &err) < 0) {
		services->tell_error(&err);
		pause_before_next(service, now_ms);
	}
}

static void service_run(struct services *services, struct service *service, int64_t now_ms)
{
	const struct init_program run = {
		.argv = service->unit->argv, .signals = services->signals, .own_session = true};
	struct err err;

	service->clearing = false;
	service->since_ms = now_ms;
	if (init_start(&run, &service->pid, NULL, &err) < 0) {
		services->tell_error(&err);
		pause_before_next(service, now_ms);
		return;
	}
	services->tell(service->unit->name, "started", -1);
}

int64_t services_start_due(struct services *services, int64_t now_ms)
{
	int64_t next_ms = -1;

	for (size_t i = 0; i < services->count; i++) {
		struct service *service = &services->list[i];
		if (service->pid == 0 && service->since_ms <= now_ms)
			service_begin(services, service, now_ms);
		if (service->pid == 0 && (next_ms < 0 || service->since_ms < next_ms))
			next_ms = service->since_ms;
	}
	return next_ms;
}

void services_ended(struct services *services, pid_t pid, int status, int64_t now_ms)
{
	for (size_t i = 0; i < services->count; i++) {
		struct service *service = &services->list[i];
		if (service->pid != pid)
			continue;
		if (service->clearing) {
			service_run(services, service, now_ms);
			return;
		}
		services->tell(service->unit->name, "ended with status", init_exit_code(status));
		if (now_ms - service->since_ms >= SERVICE_STEADY_MS)
			service->pause_ms = SERVICE_PAUSE_FIRST_MS;
		pause_before_next(service, now_ms);
		return;
	}
}

size_t services_signal(const struct services *services, int sig)
{
	size_t running = 0;

	for (size_t i = 0; i < services->count; i++) {
		if (services->list[i].pid == 0)
			continue;
		(void)kill(services->list[i].pid, sig);
		running++;
	}
	return running;
}

void services_done(struct services *services)
{
	for (size_t i = 0; i < services->count; i++)
		free(services->list[i].unit);
	services->count = 0;
}
