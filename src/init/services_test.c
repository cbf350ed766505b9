#include "init/services.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

static int told, errors;

static void count_told(const char *name, const char *what, int code)
{
	told++;
}

static void count_errors(const struct err *err)
{
	errors++;
}

static void add_file(const char *folder, const char *name, const char *text)
{
	struct err err;
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(fd_replace_file_at(fd, name, text, strlen(text), 0600, &err), 0);
}

static void remove_file(const char *folder, const char *name)
{
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(unlinkat(fd, name, 0), 0);
}

static void wait_end(struct services *services, int64_t now_ms)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	CHECK(pid > 0);
	services_ended(services, pid, status, now_ms);
}

TEST(started_and_started_again)
{
	char folder[] = "/tmp/services_test.XXXXXX";
	sigset_t none;
	struct err err;
	struct services services = {.program = "/bin/true",
				    .signals = &none,
				    .tell = count_told,
				    .tell_error = count_errors};

	(void)sigemptyset(&none);
	REQUIRE(mkdtemp(folder) != NULL);
	add_file(folder, "b.container", "[Container]\nImage=i\n");
	add_file(folder, "a.container", "[Container]\nNonsense=i\n");
	add_file(folder, "README", "not a unit");
	CHECK_INT(services_load(&services, folder, &err), 0);
	CHECK_INT(services.count, 1);
	CHECK_INT(errors, 1);

	/* First the leftover goes, then it runs; each end doubles the pause. */
	int64_t now = 1000, pause = SERVICE_PAUSE_FIRST_MS;
	for (int i = 0; i < 12; i++) {
		CHECK_INT(services_start_due(&services, now), -1);
		CHECK(services.list[0].clearing);
		wait_end(&services, now);
		CHECK(!services.list[0].clearing && services.list[0].pid > 0);
		wait_end(&services, now);
		CHECK_INT(services_start_due(&services, now), now + pause);
		CHECK_INT(services.list[0].pid, 0);
		now += pause;
		pause = pause * 2 > SERVICE_PAUSE_LAST_MS ? SERVICE_PAUSE_LAST_MS : pause * 2;
	}
	CHECK_INT(told, 24);
	/* Having run for long it starts over quickly. */
	CHECK_INT(services_start_due(&services, now), -1);
	wait_end(&services, now);
	now += SERVICE_STEADY_MS;
	wait_end(&services, now);
	CHECK_INT(services_start_due(&services, now), now + SERVICE_PAUSE_FIRST_MS);
	CHECK_INT(services_signal(&services, SIGTERM), 0);
	services_done(&services);
	remove_file(folder, "a.container");
	remove_file(folder, "b.container");
	remove_file(folder, "README");
	CHECK_INT(rmdir(folder), 0);
}

TEST(no_folder_means_no_services)
{
	struct services services = {.program = "/bin/true"};
	struct err err;

	CHECK_INT(services_load(&services, "/nonexistent", &err), 0);
	CHECK_INT(services.count, 0);
	CHECK_INT(services_start_due(&services, 0), -1);
}

TESTS(T(started_and_started_again), T(no_folder_means_no_services))
