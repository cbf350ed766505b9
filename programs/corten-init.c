/* corten-init: PID 1 of a container. Reaps orphans, passes signals on, ends as its child does. */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "init/init.h"

static const char usage[] = "usage: corten-init [-s] [-g] [--] PROGRAM [ARG...]\n"
			    "  -s  adopt orphans also when this is not PID 1\n"
			    "  -g  pass signals to the program's whole process group\n";

struct options {
	bool subreaper;
	bool group;
	char **program;
};

static int parse_options(char **argv, struct options *options)
{
	char **arg = argv[0] == NULL ? argv : argv + 1;

	for (; *arg != NULL && (*arg)[0] == '-'; arg++) {
		if (strcmp(*arg, "--") == 0) {
			arg++;
			break;
		}
		if (strcmp(*arg, "-s") == 0)
			options->subreaper = true;
		else if (strcmp(*arg, "-g") == 0)
			options->group = true;
		else
			return -1;
	}
	options->program = arg;
	return *arg == NULL ? -1 : 0;
}

static void say(const struct err *err)
{
	char text[sizeof(err->text) + 128];

	(void)err_format(err, text, sizeof(text));
	(void)fd_write_all(2, "corten-init: ", 13);
	(void)fd_write_all(2, text, strlen(text));
	(void)fd_write_all(2, "\n", 1);
}

/* Until the child's end; the rest of the container ends with us. */
static int attend(pid_t child, bool group)
{
	for (;;) {
		int sig = init_wait_signal(-1), status, code = -1;
		if (sig != SIGCHLD) {
			if (sig > 0)
				(void)kill(group ? -child : child, sig);
			continue;
		}
		for (pid_t pid = init_reap(&status); pid != 0; pid = init_reap(&status))
			if (pid == child)
				code = init_exit_code(status);
		if (code >= 0)
			return code;
	}
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct err err;
	sigset_t saved;
	pid_t child;
	int code = 1;

	if (argc < 1 || parse_options(argv, &options) < 0) {
		(void)fd_write_all(2, usage, sizeof(usage) - 1);
		return 2;
	}
	if (options.subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		(void)err_errno(&err, "adopt orphans");
		say(&err);
		return 1;
	}
	init_block_signals(&saved);
	const struct init_program program = {
		.argv = (const char *const *)options.program, .signals = &saved, .own_group = true};
	if (init_start(&program, &child, &code, &err) < 0) {
		say(&err);
		return code;
	}
	return attend(child, options.group);
}
