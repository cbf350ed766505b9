/* The profile that containers have on hosts with AppArmor, and how the kernel comes to know it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/labels.h"

#define PROFILES_MAX    (16 * 1024 * 1024) /* of the kernel's list: one line a profile */
#define PARSER_TEXT_MAX 65536

static const char *const parsers[] = {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser",
				      "/usr/bin/apparmor_parser", NULL};
const struct apparmor_place apparmor_host = {"/sys/kernel/security/apparmor", parsers};

/*
 * What Docker's default profile allows and denies, so that what runs there runs here. Everything is allowed but
 * what would reach the host through files that no namespace holds: mounts, and writing to most of /proc and /sys.
 * Of /proc it leaves the processes' folders (numbers) and /proc/sys/kernel/shm*; of /sys the cgroups.
 */
static const char profile_text[] =
	"profile " LABELS_APPARMOR_DEFAULT " flags=(attach_disconnected,mediate_deleted) {\n"
	"  file,\n"
	"  network,\n"
	"  unix,\n"
	"  capability,\n"
	"  umount,\n"
	"\n"
	"  signal (receive) peer=unconfined,\n"
	"  signal (receive) peer=corten-*,\n"
	"  signal (send,receive) peer=" LABELS_APPARMOR_DEFAULT ",\n"
	"  ptrace (readby,tracedby),\n"
	"  ptrace peer=" LABELS_APPARMOR_DEFAULT ",\n"
	"\n"
	"  deny mount,\n"
	"  deny remount,\n"
	"  deny pivot_root,\n"
	"\n"
	"  deny /proc/* w,\n"
	"  deny /proc/[^1-9]/** w,\n"
	"  deny /proc/[^1-9][^0-9]/** w,\n"
	"  deny /proc/[^1-9s][^0-9y][^0-9s]/** w,\n"
	"  deny /proc/[^1-9][^0-9][^0-9][^0-9/]*/** w,\n"
	"  deny /proc/sys/[^k]** w,\n"
	"  deny /proc/sys/kernel/? w,\n"
	"  deny /proc/sys/kernel/?? w,\n"
	"  deny /proc/sys/kernel/[^s][^h][^m]** w,\n"
	"  deny /proc/kcore rwklx,\n"
	"  deny /proc/sysrq-trigger rwklx,\n"
	"\n"
	"  deny /sys/[^f]*/** wklx,\n"
	"  deny /sys/f[^s]*/** wklx,\n"
	"  deny /sys/fs/[^c]*/** wklx,\n"
	"  deny /sys/fs/c[^g]*/** wklx,\n"
	"  deny /sys/fs/cg[^r]*/** wklx,\n"
	"  deny /sys/firmware/** rwklx,\n"
	"  deny /sys/devices/virtual/powercap/** rwklx,\n"
	"  deny /sys/kernel/security/** rwklx,\n"
	"}\n";

int apparmor_is_loaded(const struct apparmor_place *place, const char *profile, bool *ret_loaded,
		       struct err *err)
{
	BUF_AUTO(text, PROFILES_MAX);
	char path[256];
	size_t len = strlen(profile);

	(void)snprintf(path, sizeof(path), "%s/profiles", place->securityfs);
	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);
	if (rc < 0)
		return err_wrap(err, rc, "list the AppArmor profiles that are loaded");
	*ret_loaded = false;
	/* "NAME (MODE)" */
	for (const char *at = text.data; at != NULL && *at != '\0' && !*ret_loaded;) {
		*ret_loaded = strncmp(at, profile, len) == 0 && strncmp(at + len, " (", 2) == 0;
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return 0;
}

static int parser_failed(struct buf *text, const char *parser, struct err *err)
{
	const char *words = text->data != NULL ? text->data : "";
	size_t len = strcspn(words, "\n");

	return err_set(err, ERR_SYSTEM, 0,
		       "load the AppArmor profile '" LABELS_APPARMOR_DEFAULT
		       "': %s failed: %.*s (--security-opt apparmor=unconfined runs without it)",
		       parser, (int)(len > 200 ? 200 : len), words);
}

/* What a file in memory says goes to its standard input; what it says comes out of a pipe. */
static int run_parser(const char *parser, struct err *err)
{
	BUF_AUTO(text, PARSER_TEXT_MAX);
	const char *argv[] = {parser, "--replace", "--skip-cache", NULL};
	struct err ignored;
	int fds[2], pid = -1, status = 0;

	auto_fd profile = memfd_create("corten-profile", MFD_CLOEXEC);
	if (profile < 0)
		return err_errno(err, "make a file in memory");
	int rc = fd_write_all(profile, profile_text, sizeof(profile_text) - 1);
	if (rc < 0 || lseek(profile, 0, SEEK_SET) < 0)
		return err_set(err, ERR_SYSTEM, rc < 0 ? -rc : errno, "write the AppArmor profile");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd readable = fds[0];
	struct launch launch = {argv, {FD_NONE, FD_NONE, FD_NONE}, {profile, FD_NONE, fds[1]}};
	rc = launch_start(&launch, &pid, err);
	(void)close(fds[1]);
	if (rc < 0)
		return rc;
	(void)fd_read_all(readable, "apparmor_parser's errors", &text, &ignored);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(err, "wait for '%s'", parser);
	}
	return status == 0 ? 0 : parser_failed(&text, parser, err);
}

int apparmor_ensure_default(const struct apparmor_place *place, struct err *err)
{
	bool loaded = false;

	int rc = apparmor_is_loaded(place, LABELS_APPARMOR_DEFAULT, &loaded, err);
	if (rc < 0 || loaded)
		return rc < 0 ? rc : 1;
	for (size_t i = 0; place->parsers[i] != NULL; i++) {
		if (faccessat(AT_FDCWD, place->parsers[i], X_OK, 0) < 0)
			continue;
		rc = run_parser(place->parsers[i], err);
		return rc < 0 ? rc : 1;
	}
	return 0;
}
