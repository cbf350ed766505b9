#include "store/staged.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "store/wire.h"

int staged_write(int dirfd, const char *name, const struct buf *text, struct err *err)
{
	auto_fd fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "make 'staging/%s'", name);
	int rc = fd_write_all(fd, text->data, text->len);
	return rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write 'staging/%s'", name) : 0;
}

int staged_document(struct store *store, int dirfd, const char *hex, struct err *err)
{
	BUF_AUTO(text, STORE_DOCUMENT_MAX);
	char name[96];

	int rc = store_image_config_text(store, hex, &text, err);
	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), WIRE_BLOBS "/%.64s", hex);
	return staged_write(dirfd, name, &text, err);
}
