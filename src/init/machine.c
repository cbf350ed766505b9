#include "init/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/watchdog.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define OPEN_FILES_MAX  1048576
#define LIST_MAX        65536
#define NEW_ROOT_FOLDER "/.root"

struct place {
	const char *path;
	const char *type; /* NULL: a folder alone */
	unsigned long flags;
	const char *options;
};

/* In the order of mounting: a place is within what stands above it. */
static const struct place places[] = {
	{"/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
	{"/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
	{"/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NOEXEC | MS_NODEV, "nsdelegate"},
	{"/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755"},
	{"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
	{"/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
	{"/dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
	{"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"},
	{"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
	{"/var", NULL, 0, NULL},
	{"/var/lib", NULL, 0, NULL},
};

static bool is_initramfs(void)
{
	struct statfs fs;

	return statfs("/", &fs) == 0 && (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

int machine_leave_initramfs(struct err *err)
{
	if (!is_initramfs())
		return 0;
	if (mkdir(NEW_ROOT_FOLDER, 0755) < 0) {
		/* There already: done before. */
		return errno == EEXIST ? 0 : err_errno(err, "make '%s'", NEW_ROOT_FOLDER);
	}
	if (mount("/", NEW_ROOT_FOLDER, NULL, MS_BIND, NULL) < 0)
		return err_errno(err, "bind the root on '%s'", NEW_ROOT_FOLDER);
	if (chdir(NEW_ROOT_FOLDER) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		return err_errno(err, "move the root");
	return 0;
}

static int place_mount(const struct place *place, struct err *err)
{
	struct stat here, above;
	char parent[64] = "";

	if (mkdir(place->path, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make '%s'", place->path);
	if (place->type == NULL)
		return 0;
	/* The kernel may have mounted devtmpfs itself. */
	const char *slash = strrchr(place->path, '/');
	memcpy(parent, place->path, (size_t)(slash - place->path));
	if (stat(place->path, &here) == 0 && stat(parent[0] == '\0' ? "/" : parent, &above) == 0 &&
	    here.st_dev != above.st_dev)
		return 0;
	if (mount(place->type, place->path, place->type, place->flags, place->options) < 0)
		return err_errno(err, "mount %s on '%s'", place->type, place->path);
	return 0;
}

int machine_mount(struct err *err)
{
	struct err first, other;
	int rc = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int now = place_mount(&places[i], rc == 0 ? &first : &other);
		/* mqueue and the like may not be built in. */
		if (now == -ENODEV)
			now = 0;
		rc = rc < 0 ? rc : now;
	}
	if (rc < 0)
		*err = first;
	return rc;
}

static int module_load(const char *path, struct err *err)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open the module '%s'", path);
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		return err_errno(err, "load the module '%s'", path);
	return 0;
}

int machine_load_modules(const char *list, struct err *err)
{
	struct err other;
	BUF_AUTO(text, LIST_MAX);
	int rc = 0;

	int read = fd_read_file_at(AT_FDCWD, list, &text, &other);
	if (read == -ENOENT || (read == 0 && text.data == NULL))
		return 0;
	if (read < 0) {
		*err = other;
		return read;
	}
	for (char *line = text.data; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		bool last = line[len] == '\0';
		line[len] = '\0';
		if (len > 0 && line[0] != '#') {
			int now = module_load(line, rc == 0 ? err : &other);
			rc = rc < 0 ? rc : now;
		}
		line += len + !last;
	}
	return rc;
}

int machine_raise_loopback(struct err *err)
{
	struct ifreq request = {.ifr_name = "lo"};
	auto_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(err, "make a socket for the loopback interface");
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return err_errno(err, "look at the loopback interface");
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_errno(err, "bring the loopback interface up");
	return 0;
}

int machine_set_hostname(const char *path, struct err *err)
{
	BUF_AUTO(text, 256);
	struct err ignored;

	if (fd_read_file_at(AT_FDCWD, path, &text, &ignored) < 0 || text.data == NULL)
		return 0;
	size_t len = strcspn(text.data, " \t\r\n");
	if (len > 0 && sethostname(text.data, len) < 0)
		return err_errno(err, "set the hostname of '%s'", path);
	return 0;
}

int machine_raise_limits(struct err *err)
{
	const struct rlimit many = {OPEN_FILES_MAX, OPEN_FILES_MAX};

	if (setrlimit(RLIMIT_NOFILE, &many) < 0)
		return err_errno(err, "raise the limit of open files to %d", OPEN_FILES_MAX);
	return 0;
}

/* The requests do not fit an int, which is what musl's ioctl() takes. */
static long watchdog_ask(int fd, unsigned long request, int *value)
{
	return syscall(SYS_ioctl, fd, request, value);
}

int machine_watchdog_open(int timeout_s, struct err *err)
{
	auto_fd fd = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '/dev/watchdog'");
	if (watchdog_ask(fd, WDIOC_SETTIMEOUT, &timeout_s) < 0 && errno != ENOTTY &&
	    errno != EOPNOTSUPP)
		return err_errno(err, "set the watchdog to %d s", timeout_s);
	machine_watchdog_keep(fd);
	return fd_take(&fd);
}

void machine_watchdog_keep(int fd)
{
	if (fd >= 0 && watchdog_ask(fd, WDIOC_KEEPALIVE, NULL) < 0)
		/* Any byte does as well, but for 'V', which disarms. */
		(void)!write(fd, "k", 1);
}

int machine_end(bool restart, struct err *err)
{
	sync();
	(void)reboot(restart ? RB_AUTOBOOT : RB_POWER_OFF);
	return err_errno(err, restart ? "restart the machine" : "power the machine off");
}
