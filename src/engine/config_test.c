#include "engine/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

TEST(keys_and_comments)
{
	ARENA_AUTO(arena, 1 << 20);
	struct engine_config config = {0};
	struct err err;

	CHECK_INT(engine_config_parse("# c\n\n root = /a b \ninit=true\noffline=true\nulimit = "
				      "nofile=1\nulimit=core=0\n",
				      "f", &arena, &config, &err),
		  0);
	CHECK_STR(config.root, "/a b");
	CHECK(config.init);
	CHECK(config.offline);
	REQUIRE(config.ulimits.count == 2);
	CHECK_STR(config.ulimits.items[0], "nofile=1");
	CHECK_INT(engine_config_parse("root=\nulimit=\n", "f", &arena, &config, &err), 0);
	CHECK(config.root == NULL);
	CHECK_INT(config.ulimits.count, 0);
}

TEST(mistakes_name_the_line)
{
	ARENA_AUTO(arena, 1 << 20);
	struct engine_config config = {0};
	struct err err;
	char text[256];

	CHECK(engine_config_parse("root=/a\nrooot=/b\n", "f", &arena, &config, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "f:2: unknown key 'rooot'");
	CHECK(engine_config_parse("root", "f", &arena, &config, &err) < 0);
	CHECK(engine_config_parse("init=maybe", "f", &arena, &config, &err) < 0);
}

static void put(int dirfd, const char *name, const char *text)
{
	auto_fd fd = openat(dirfd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		TEST_FAIL("cannot write %s", name);
}

TEST(later_places_win)
{
	ARENA_AUTO(arena, 1 << 20);
	char dir[] = "/tmp/corten-conf-XXXXXX", xdg[64], state[64];
	struct engine_config config;
	struct err err;

	REQUIRE(mkdtemp(dir) != NULL);
	auto_fd at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(at, "corten.conf.d", 0755);
	mkdirat(at, "corten", 0755);
	put(at, "corten.conf", "root=/1\nshm-size=1m\nnetwork=host\nstate=/s\n");
	put(at, "corten.conf.d/20.conf", "root=/3\n");
	put(at, "corten.conf.d/10.conf", "root=/2\nshm-size=2m\n");
	put(at, "corten.conf.d/ignored", "nonsense\n");
	put(at, "corten/corten.conf", "network=none\n");
	(void)snprintf(xdg, sizeof(xdg), "XDG_CONFIG_HOME=%s", dir);
	(void)snprintf(state, sizeof(state), "CORTEN_STATE=/env");
	char *env[] = {xdg, state, NULL};
	CHECK_INT(engine_config_load(dir, env, &arena, &config, &err), 0);
	CHECK_STR(config.root, "/3");
	CHECK_STR(config.shm_size, "2m");
	CHECK_STR(config.network, "none");
	CHECK_STR(config.state, "/env");
	CHECK_INT(engine_config_load("/nonexistent", NULL, &arena, &config, &err), 0);
	CHECK_STR(config.root, "/var/lib/corten");
	unlinkat(at, "corten.conf.d/20.conf", 0);
	unlinkat(at, "corten.conf.d/10.conf", 0);
	unlinkat(at, "corten.conf.d/ignored", 0);
	unlinkat(at, "corten/corten.conf", 0);
	unlinkat(at, "corten.conf", 0);
	unlinkat(at, "corten.conf.d", AT_REMOVEDIR);
	unlinkat(at, "corten", AT_REMOVEDIR);
	rmdir(dir);
}

TESTS(T(keys_and_comments), T(mistakes_name_the_line), T(later_places_win))
