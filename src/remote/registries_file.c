/* Where the files are: the user's instead of the system's, and the pieces beside each. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "remote/environment.h"
#include "remote/limits.h"
#include "remote/registries.h"

/* 1: it is there. */
static int read_file(struct registries *registries, int folder, const char *path, const char *name,
		     struct err *err)
{
	BUF_AUTO(text, REMOTE_CONFIG_BYTES_MAX);

	int rc = fd_read_file_at(folder, path, &text, err);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc < 0)
		return err_wrap(err, rc, "'%s'", name);
	rc = registries_parse(registries, text.data != NULL ? text.data : "", text.len, name, err);
	return rc < 0 ? rc : 1;
}

static int is_piece(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends_with(entry->d_name, ".conf");
}

/* The pieces in the order of their names: a later one replaces what an earlier one says. */
static int read_pieces(struct registries *registries, const char *folder, struct err *err)
{
	struct dirent **names = NULL;
	char name[4096];
	int rc = 0;

	auto_fd fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : err_errno(err, "read '%s'", folder);
	int count = scandirat(fd, ".", &names, is_piece, alphasort);
	if (count < 0)
		return err_errno(err, "read '%s'", folder);
	for (int i = 0; i < count; i++) {
		if (rc >= 0) {
			(void)str_format(name, sizeof(name), "%s/%s", folder, names[i]->d_name);
			rc = read_file(registries, fd, names[i]->d_name, name, err);
		}
		free(names[i]);
	}
	free(names);
	return rc < 0 ? rc : 0;
}

int registries_load(struct registries *registries, char *const *env, struct err *err)
{
	const char *named = environment_get(env, "CONTAINERS_REGISTRIES_CONF");
	char path[4096];
	int rc = 0;

	if (named != NULL) {
		rc = read_file(registries, AT_FDCWD, named, named, err);
		return rc == 0  ? err_set(err, ERR_NOT_FOUND, ENOENT, "'%s'", named)
		       : rc < 0 ? rc
				: 0;
	}
	bool own = environment_config(env, "containers/registries.conf", path, sizeof(path)) == 0;
	if (own)
		rc = read_file(registries, AT_FDCWD, path, path, err);
	if (rc == 0)
		rc = read_file(registries, AT_FDCWD, "/etc/containers/registries.conf",
			       "/etc/containers/registries.conf", err);
	if (rc >= 0)
		rc = read_pieces(registries, "/etc/containers/registries.conf.d", err);
	if (rc == 0 &&
	    environment_config(env, "containers/registries.conf.d", path, sizeof(path)) == 0)
		rc = read_pieces(registries, path, err);
	return rc < 0 ? rc : 0;
}
