#include "remote/certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "remote/environment.h"
#include "remote/limits.h"

#define PATH_ROOM 4096

static const char *join(const char *folder, const char *name, size_t name_len, const char *end,
			struct arena *arena)
{
	char path[PATH_ROOM];

	if (str_format(path, sizeof(path), "%s/%.*s%s", folder, (int)name_len, name, end) < 0)
		return NULL;
	return arena_strndup(arena, path, strlen(path));
}

/* A pair has one name: client.cert and client.key. Of several pairs the first of the folder counts. */
static int take_pair(const char *folder, int folder_fd, const char *name, const char *end,
		     struct arena *arena, struct http_tls *tls, struct err *err)
{
	const char *other = strcmp(end, ".cert") == 0 ? ".key" : ".cert";
	size_t len = strlen(name) - strlen(end);
	char twin[300];

	if (str_format(twin, sizeof(twin), "%.*s%s", (int)len, name, other) < 0 ||
	    faccessat(folder_fd, twin, R_OK, 0) < 0)
		return err_set(err, ERR_INVALID, ENOENT, "'%s/%s' has no '%.*s%s' beside it",
			       folder, name, (int)len, name, other);
	if (tls->cert_file != NULL)
		return 0;
	tls->cert_file = join(folder, name, len, ".cert", arena);
	tls->key_file = join(folder, name, len, ".key", arena);
	return tls->cert_file != NULL && tls->key_file != NULL
		       ? 0
		       : err_set(err, ERR_SYSTEM, ENOMEM, "read '%s'", folder);
}

static int take_file(const char *folder, int folder_fd, const char *name, struct arena *arena,
		     struct http_tls *tls, struct buf *pem, struct err *err)
{
	if (str_ends_with(name, ".crt")) {
		int rc = fd_read_file_at(folder_fd, name, pem, err);
		buf_char(pem, '\n');
		return rc;
	}
	if (str_ends_with(name, ".cert"))
		return take_pair(folder, folder_fd, name, ".cert", arena, tls, err);
	if (str_ends_with(name, ".key"))
		return take_pair(folder, folder_fd, name, ".key", arena, tls, err);
	return 0;
}

static int read_folder(const char *folder, struct arena *arena, struct http_tls *tls,
		       struct err *err)
{
	BUF_AUTO(pem, REMOTE_CERTS_BYTES_MAX);
	struct dirent *entry;
	int rc = 0;

	auto_fd fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : err_errno(err, "read '%s'", folder);
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		return err_errno(err, "read '%s'", folder);
	(void)fd_take(&fd);
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		rc = take_file(folder, dirfd(dir), entry->d_name, arena, tls, &pem, err);
	(void)closedir(dir);
	if (rc == 0)
		rc = buf_check(&pem, "the authorities' certificates", err);
	if (rc == 0 && pem.len > 0) {
		tls->ca_pem = arena_strndup(arena, pem.data, pem.len);
		tls->ca_len = pem.len;
		if (tls->ca_pem == NULL)
			rc = err_set(err, ERR_SYSTEM, ENOMEM, "read '%s'", folder);
	}
	return rc < 0 ? rc : 1;
}

int certs_find(const char *folder, const char *host, char *const *env, struct arena *arena,
	       struct http_tls *ret_tls, struct err *err)
{
	char top[PATH_ROOM], path[PATH_ROOM];
	int rc = 0;

	if (folder != NULL)
		rc = read_folder(folder, arena, ret_tls, err);
	/* The host is a name of one component, which reference.h or libcurl has checked. */
	for (int i = 0; folder == NULL && rc == 0 && i < ENVIRONMENT_CERT_FOLDERS; i++) {
		if (strchr(host, '/') == NULL &&
		    environment_cert_folder(env, i, top, sizeof(top)) == 0 &&
		    str_format(path, sizeof(path), "%s/%s", top, host) == 0)
			rc = read_folder(path, arena, ret_tls, err);
	}
	return rc < 0 ? rc : 0;
}
