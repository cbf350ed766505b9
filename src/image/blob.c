#include "image/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "store/wire.h"

int blob_folder_open(int root_fd, struct err *err)
{
	if (mkdirat(root_fd, WIRE_BLOBS, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder of documents");
	int fd = openat(root_fd, WIRE_BLOBS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open the folder of documents") : fd;
}

int blob_write(int folder_fd, const char *hex, const char *data, size_t size, struct err *err)
{
	auto_fd fd =
		openat(folder_fd, hex, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_errno(err, "make document %.12s", hex);
	int rc = fd_write_all(fd, data, size);
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write document %.12s", hex) : 0;
}
