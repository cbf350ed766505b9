#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/host.h"
#include "oci/runtime_config.h"
#include "oci/state.h"
#include "runtime/command/command.h"
#include "runtime/command/spec_template.h"

struct spec_values {
	bool help;
	bool rootless;
	const char *bundle;
	const char *file;
};

static const struct option options[] = {
	OPTION_HELP(struct spec_values),
	OPTION_ROW(struct spec_values, bundle, "bundle", 'b', OPTION_STRING, "DIR",
		   "folder to write config.json to (default: the working folder)"),
	OPTION_ROW(struct spec_values, file, "file", 'f', OPTION_STRING, "FILE",
		   "name of the file there (default config.json)"),
	OPTION_ROW(struct spec_values, rootless, "rootless", 0, OPTION_BOOL, NULL,
		   "for a container of a user other than root"),
};

static int spec_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		    struct err *err)
{
	const struct spec_values *values = values_;
	const char *bundle = values->bundle != NULL ? values->bundle : ".";
	const char *file = values->file != NULL ? values->file : "config.json";
	struct spec_template template;
	struct cgroup_host host;
	BUF_AUTO(text, 1 << 20);

	(void)globals;
	(void)argc;
	(void)argv;
	bool pure_v2 = cgroup_host_open(&host, err) == 0;
	if (pure_v2) {
		pure_v2 = host.mode == CGROUP_MODE_V2;
		cgroup_host_close(&host);
	}
	spec_template_init(&template, pure_v2);
	if (values->rootless)
		spec_template_make_rootless(&template, geteuid(), getegid());
	json_write(&oci_config_shape, &template.config, JSON_PRETTY, &text);
	buf_char(&text, '\n');
	int rc = buf_check(&text, "config.json", err);
	if (rc < 0)
		return rc;
	auto_fd dir = openat(AT_FDCWD, bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(err, "--bundle '%s'", bundle);
	auto_fd fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_CONFLICT, 0, "'%s/%s' is there already: remove it first",
			       bundle, file);
	if (fd < 0)
		return err_errno(err, "create '%s/%s'", bundle, file);
	rc = fd_write_all(fd, text.data, text.len);
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write '%s/%s'", bundle, file) : 0;
}

const struct command command_spec = {
	.name = "spec",
	.operands = "",
	.summary = "write a config.json to start from",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct spec_values),
	.run = spec_run,
};
