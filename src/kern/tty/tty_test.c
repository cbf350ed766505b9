#include "kern/tty/tty.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "kern/scm/scm.h"
#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

/* A devpts instance of its own at /tmp/pts; its root. */
static int make_devpts(void)
{
	struct err err = {0};

	(void)mkdir("/tmp/pts", 0755);
	auto_fd tree = mount_fs_create("devpts", "devpts", "newinstance,ptmxmode=0666,mode=0620", 0,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &err);
	auto_fd target = open("/tmp/pts", O_PATH | O_CLOEXEC);
	if (tree < 0 || mount_attach(tree, target, &err) < 0)
		return -1;
	return fd_take(&tree);
}

CHILD_TEST(opens_a_pair)
{
	struct err err = {0};
	int master = FD_NONE, slave = FD_NONE;
	uint16_t rows = 0, columns = 0;
	char text[16] = "";
	struct stat by_name = {0}, by_fd = {0};
	struct termios saved, now;

	if (!testing_private_mounts())
		return;
	auto_fd pts = make_devpts();
	REQUIRE(pts >= 0);
	CHECK_INT(tty_open_pair(pts, &master, &slave, &err), 0);
	CHECK(fcntl(master, F_GETFD) == FD_CLOEXEC && fcntl(slave, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(tty_slave_number(master, &err), 0);
	CHECK(stat("/tmp/pts/0", &by_name) == 0 && fstat(slave, &by_fd) == 0);
	CHECK(by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev);
	CHECK_INT(tty_set_size(master, 25, 81, &err), 0);
	CHECK_INT(tty_get_size(slave, &rows, &columns, &err), 0);
	CHECK(rows == 25 && columns == 81);
	CHECK_INT(tty_set_raw(slave, &saved, &err), 0);
	CHECK(write(slave, "a\nb", 3) == 3 && read(master, text, sizeof(text)) == 3);
	CHECK_STR(text, "a\nb");
	CHECK_INT(tty_restore(slave, &saved, &err), 0);
	CHECK(tcgetattr(slave, &now) == 0 && now.c_lflag == saved.c_lflag);
	CHECK(tty_set_raw(pts, &saved, &err) < 0);
	CHECK(tty_get_size(pts, &rows, &columns, &err) < 0);
	(void)close(slave);
	(void)close(master);
}

/* Attack 4 and its kin: what is not devpts, or not its multiplexer, is refused. */
CHILD_TEST(false_devices_are_refused)
{
	struct err err = {0};
	int master = FD_NONE, slave = FD_NONE;

	if (!testing_private_mounts())
		return;
	auto_fd pts = make_devpts();
	REQUIRE(pts >= 0 && mkdir("/tmp/fake", 0755) == 0);
	CHECK_INT(symlink("/dev/ptmx", "/tmp/fake/ptmx"), 0);
	auto_fd fake = open("/tmp/fake", O_PATH | O_CLOEXEC);
	CHECK(tty_open_pair(fake, &master, &slave, &err) < 0);
	CHECK(says(&err, "not on devpts"));
	CHECK_INT(mount("/dev/null", "/tmp/pts/ptmx", NULL, MS_BIND, NULL), 0);
	CHECK(tty_open_pair(pts, &master, &slave, &err) < 0);
	CHECK(says(&err, "ptmx is not on devpts"));
	CHECK_INT(master, FD_NONE);
}

CHILD_TEST(console_is_mounted_by_descriptor)
{
	struct err err = {0};
	int master = FD_NONE, slave = FD_NONE;
	struct stat console = {0}, terminal = {0};

	if (!testing_private_mounts())
		return;
	auto_fd pts = make_devpts();
	CHECK_INT(tty_open_pair(pts, &master, &slave, &err), 0);
	testing_write("/tmp/console", "");
	auto_fd target = open("/tmp/console", O_PATH | O_CLOEXEC);
	auto_fd null = open("/dev/null", O_PATH | O_CLOEXEC);
	CHECK(tty_mount_console(null, target, &err) < 0);
	CHECK_INT(err.kind, ERR_DENIED);
	/* The name may lead elsewhere by now. */
	CHECK_INT(mount("/dev/null", "/tmp/pts/0", NULL, MS_BIND, NULL), 0);
	CHECK_INT(tty_mount_console(slave, target, &err), 0);
	CHECK(stat("/tmp/console", &console) == 0 && fstat(slave, &terminal) == 0);
	CHECK(console.st_rdev == terminal.st_rdev && console.st_ino == terminal.st_ino);
	(void)close(slave);
	(void)close(master);
}

static void check_socket(const char *folder)
{
	struct err err = {0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[512], data[32] = "";
	size_t len = 0;

	REQUIRE(mkdir(folder, 0755) == 0 && chdir(folder) == 0);
	(void)snprintf(path, sizeof(path), "%s/console.sock", folder);
	(void)memcpy(address.sun_path, "console.sock", 13);
	auto_fd listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
	REQUIRE(listen(listener, 1) == 0);
	auto_fd sock = tty_connect_socket(path, &err);
	auto_fd peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(sock >= 0 && peer >= 0);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK_INT(tty_send_master(sock, null, "/dev/ptmx", &err), 0);
	auto_fd got = scm_receive_fd(peer, data, sizeof(data), &len, &err);
	CHECK(got >= 0);
	CHECK_STR(data, "/dev/ptmx");
	CHECK_INT(len, 9);
}

CHILD_TEST(master_is_sent)
{
	char longer[256] = "/tmp/";
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	check_socket("/tmp/short");
	(void)memset(longer + 5, 'a', 200);
	check_socket(longer);
	CHECK_INT(tty_connect_socket("/tmp/absent", &err), -ENOENT);
}

CHILD_TEST(controls_a_session)
{
	struct err err = {0};
	int master = FD_NONE, slave = FD_NONE;

	if (!testing_private_mounts())
		return;
	auto_fd pts = make_devpts();
	CHECK_INT(tty_open_pair(pts, &master, &slave, &err), 0);
	CHECK_INT(tty_make_controlling(slave, &err), 0);
	CHECK(getsid(0) == getpid() && tcgetpgrp(slave) == getpid());
	CHECK_INT(tty_make_controlling(slave, &err), 0);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK_INT(tty_make_controlling(null, &err), -ENOTTY);
	(void)signal(SIGHUP, SIG_IGN);
	(void)close(slave);
	(void)close(master);
}

TESTS(T(opens_a_pair), T(false_devices_are_refused), T(console_is_mounted_by_descriptor),
      T(master_is_sent), T(controls_a_session))
