/*
 * corten-os-init: PID 1 of a machine. Prepares it, keeps the system containers running, ends it.
 *
 *   /etc/corten/modules            modules to load, one path a line
 *   /etc/corten/system/            NAME.container: system containers (init/unit.h)
 *   /usr/lib/corten/images/        archives that `corten load` takes in before they start
 *   corten.boot=PROGRAM            on the kernel's command line: also started, once
 *
 * SIGTERM and SIGUSR2 power off; SIGINT (Ctrl-Alt-Del) restarts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "init/init.h"
#include "init/machine.h"
#include "init/services.h"

#define CORTEN        "/usr/bin/corten"
#define UNITS_FOLDER  "/etc/corten/system"
#define IMAGES_FOLDER "/usr/lib/corten/images"
#define MODULES_FILE  "/etc/corten/modules"
#define HOSTNAME_FILE "/etc/hostname"
#define BOOT_ARGUMENT "corten.boot="
#define WATCHDOG_S    60
#define WATCHDOG_MS   20000
#define STOP_MS       10000
#define LOAD_MS       120000
#define COMMAND_LINE  4096

static void say(const char *text)
{
	(void)fd_write_all(2, text, strlen(text));
}

static void say_err(const struct err *err)
{
	char text[sizeof(err->text) + 160], line[sizeof(text) + 32];

	(void)snprintf(line, sizeof(line), "corten-os-init: %s\n",
		       err_format(err, text, sizeof(text)));
	say(line);
}

static void say_service(const char *name, const char *what, int code)
{
	char line[512];

	if (code < 0)
		(void)snprintf(line, sizeof(line), "corten-os-init: %s: %s\n", name, what);
	else
		(void)snprintf(line, sizeof(line), "corten-os-init: %s: %s %d\n", name, what, code);
	say(line);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The kernel gives PID 1 no stdio when the root had no /dev/console yet. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		(void)close(fd);
}

static int load_modules(struct err *err)
{
	return machine_load_modules(MODULES_FILE, err);
}

static int set_hostname(struct err *err)
{
	return machine_set_hostname(HOSTNAME_FILE, err);
}

static void prepare(void)
{
	static int (*const steps[])(struct err *) = {
		machine_leave_initramfs, machine_mount,        load_modules,
		machine_raise_loopback,  machine_raise_limits, set_hostname,
	};
	struct err err;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i](&err) < 0)
			say_err(&err);
		if (steps[i] == machine_mount)
			open_console();
	}
	/* Ctrl-Alt-Del becomes SIGINT. */
	(void)reboot(RB_DISABLE_CAD);
	(void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

/* Runs a command to its end, for a bounded time. */
static void run_and_wait(const char *const *argv, const sigset_t *signals)
{
	const struct init_program program = {.argv = argv, .signals = signals, .own_session = true};
	int64_t deadline = now_ms() + LOAD_MS;
	struct err err;
	pid_t pid;

	if (init_start(&program, &pid, NULL, &err) < 0) {
		say_err(&err);
		return;
	}
	while (now_ms() < deadline) {
		int status;
		pid_t ended = init_reap(&status);
		if (ended == pid)
			return;
		if (ended == 0)
			(void)init_wait_signal(1000);
	}
	(void)kill(pid, SIGKILL);
}

static void load_images(const sigset_t *signals)
{
	char path[512];
	const char *const argv[] = {CORTEN, "load", "--input", path, NULL};
	DIR *folder = opendir(IMAGES_FOLDER);

	if (folder == NULL)
		return;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", IMAGES_FOLDER, entry->d_name);
		run_and_wait(argv, signals);
	}
	(void)closedir(folder);
}

static void start_boot_program(const sigset_t *signals)
{
	BUF_AUTO(line, COMMAND_LINE);
	struct err err;
	pid_t pid;

	if (fd_read_file_at(AT_FDCWD, "/proc/cmdline", &line, &err) < 0 || line.data == NULL)
		return;
	char *at = strstr(line.data, BOOT_ARGUMENT);
	if (at == NULL)
		return;
	at += sizeof(BOOT_ARGUMENT) - 1;
	at[strcspn(at, " \n")] = '\0';
	const char *const argv[] = {at, NULL};
	const struct init_program program = {.argv = argv, .signals = signals, .own_session = true};
	if (init_start(&program, &pid, NULL, &err) < 0)
		say_err(&err);
}

static void reap_all(struct services *services)
{
	int status;

	for (pid_t pid = init_reap(&status); pid != 0; pid = init_reap(&status))
		services_ended(services, pid, status, now_ms());
}

/* Until a signal asks for the machine's end. Returns whether it is to start again. */
static bool attend(struct services *services, int watchdog)
{
	for (;;) {
		int64_t now = now_ms(), next = services_start_due(services, now);
		int64_t wait = next < 0 ? -1 : next - now;
		if (watchdog >= 0 && (wait < 0 || wait > WATCHDOG_MS))
			wait = WATCHDOG_MS;
		int sig = init_wait_signal(wait);
		machine_watchdog_keep(watchdog);
		if (sig == SIGTERM || sig == SIGUSR2)
			return false;
		if (sig == SIGINT)
			return true;
		reap_all(services);
	}
}

static size_t count_running(const struct services *services)
{
	return services_signal(services, 0);
}

/* Asks the containers to stop, then everything else, then insists. */
static void stop_all(struct services *services, int watchdog)
{
	int64_t deadline = now_ms() + STOP_MS;

	(void)services_signal(services, SIGTERM);
	while (count_running(services) > 0 && now_ms() < deadline) {
		machine_watchdog_keep(watchdog);
		(void)init_wait_signal(100);
		reap_all(services);
	}
	(void)kill(-1, SIGTERM);
	(void)init_wait_signal(200);
	(void)kill(-1, SIGKILL);
	reap_all(services);
}

int main(void)
{
	sigset_t saved;
	struct err err;

	if (getpid() != 1) {
		say("corten-os-init: runs as a machine's process 1 alone\n");
		return 2;
	}
	struct services *services = calloc(1, sizeof(*services));
	if (services == NULL) {
		say("corten-os-init: no memory\n");
		return 1;
	}
	init_block_signals(&saved);
	prepare();
	say("corten-os-init: up\n");
	auto_fd watchdog = machine_watchdog_open(WATCHDOG_S, &err);
	if (watchdog < 0 && watchdog != -ENOENT)
		say_err(&err);
	load_images(&saved);
	*services = (struct services){
		.program = CORTEN, .signals = &saved, .tell = say_service, .tell_error = say_err};
	if (services_load(services, UNITS_FOLDER, &err) < 0)
		say_err(&err);
	start_boot_program(&saved);
	bool restart = attend(services, watchdog);
	say(restart ? "corten-os-init: restarting\n" : "corten-os-init: powering off\n");
	stop_all(services, watchdog);
	if (machine_end(restart, &err) < 0)
		say_err(&err);
	for (;;)
		(void)pause();
}
