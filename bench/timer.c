/*
 * timer.c - starts commands one after another and measures each, from inside the namespace and root
 * that they share. Tiny and static, so that its own cost is the same for all and small.
 *
 * Reads lines "GAP_US<tab>COMMAND<tab>ARGUMENT...", sleeps the gap, runs the command with stdin from
 * /dev/null and its output appended to the log, and answers "WALL_NS STATUS MAXRSS_KB". The line
 * "@reap" waits for what containers left behind, their first processes (it is their subreaper), and
 * answers "0 0 0".
 *
 * usage: timer LOG
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 64

extern char **environ;

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int reap_all(void)
{
	(void)alarm(20); /* a container that does not die ends the measurement */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	(void)alarm(0);
	return errno == ECHILD ? 0 : 1;
}

static void run(char **argv, posix_spawn_file_actions_t *actions)
{
	pid_t pid;
	int status = 0;
	struct rusage usage = {.ru_maxrss = 0};
	int64_t start = now_ns();

	int rc = posix_spawn(&pid, argv[0], actions, NULL, argv, environ);
	if (rc != 0) {
		(void)fprintf(stderr, "timer: %s: %s\n", argv[0], strerror(rc));
		exit(1);
	}
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	int64_t end = now_ns();
	(void)printf("%lld %d %ld\n", (long long)(end - start),
		     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		     usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	char line[8192];
	posix_spawn_file_actions_t actions;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: timer LOG\n");
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
	    posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 1, argv[1], O_WRONLY | O_CREAT | O_APPEND,
					     0644) != 0 ||
	    posix_spawn_file_actions_adddup2(&actions, 1, 2) != 0) {
		perror("timer");
		return 1;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *words[ARGS_MAX], *rest = line;
		int count = 0;
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "@reap") == 0) {
			(void)printf("0 %d 0\n", reap_all());
			continue;
		}
		while (rest != NULL && count < ARGS_MAX - 1)
			words[count++] = strsep(&rest, "\t");
		words[count] = NULL;
		(void)usleep((useconds_t)strtoul(words[0], NULL, 10));
		run(words + 1, &actions);
	}
	return 0;
}
