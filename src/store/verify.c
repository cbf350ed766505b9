#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sha256.h"
#include "store/internal.h"

struct check {
	struct store *store;
	const struct store_verify *request;
	struct err *err;
};

static int find(struct check *check, const char *fmt, ...) PRINTF(2, 3);
static int find(struct check *check, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return check->request->finding(check->request->arg, text, check->err);
}

bool store_document_is(const struct buf *text, const char *hex, char ret_found[65])
{
	struct sha256 hash;

	sha256_init(&hash);
	if (text->len > 0)
		sha256_add(&hash, text->data, text->len);
	sha256_hex(&hash, ret_found);
	return strncmp(ret_found, hex, 64) == 0;
}

/* Reads a document and compares its digest with its name. 1: it is right. */
static int check_document(struct check *check, const char *what, const char *hex, struct buf *text)
{
	char path[96], found[65];
	struct err failed;

	(void)snprintf(path, sizeof(path), "blobs/sha256/%.64s", hex);
	int rc = fd_read_regular_at(check->store->root_fd, path, text, &failed);
	if (rc < 0 && failed.kind != ERR_NOT_FOUND && failed.kind != ERR_INVALID) {
		*check->err = failed;
		return rc;
	}
	if (rc < 0)
		return find(check, "%s sha256:%.64s is %s", what, hex,
			    failed.kind == ERR_NOT_FOUND ? "missing" : "no file, or too large");
	if (store_document_is(text, hex, found))
		return 1;
	return find(check, "%s sha256:%.64s has the digest sha256:%s", what, hex, found);
}

static int check_layer(struct check *check, const char *diff_id)
{
	struct err failed;
	auto_fd fd = store_layer_open(check->store, diff_id, &failed);

	if (fd < 0)
		return find(check, "layer sha256:%.64s %s", diff_id,
			    failed.kind == ERR_NOT_FOUND ? "is missing" : "cannot be opened");
	return 0;
}

/* The database's layers against those that the configuration lists. */
static int check_list(struct check *check, const struct store_image *image, const struct buf *text)
{
	ARENA_AUTO(arena, STORE_ARENA_MAX);
	struct oci_image_config config;
	struct err failed;
	char shown[256];

	if (json_parse(&oci_image_config_shape, text->data, text->len, &arena, &config, &failed) <
	    0)
		return find(check, "configuration sha256:%.64s: %s", image->id,
			    err_format(&failed, shown, sizeof(shown)));
	bool same = config.rootfs.diff_ids.count == image->layers.count;
	for (size_t i = 0; same && i < image->layers.count; i++) {
		const char *id = config.rootfs.diff_ids.items[i];
		same = strncmp(id, "sha256:", 7) == 0 &&
		       strcmp(id + 7, image->layers.items[i]) == 0;
	}
	return same ? 0 : find(check, "the configuration lists other layers than the database");
}

int store_image_verify(struct store *store, const char *reference,
		       const struct store_verify *request, struct err *err)
{
	struct check check = {store, request, err};
	BUF_AUTO(config, STORE_DOCUMENT_MAX);
	BUF_AUTO(manifest, STORE_DOCUMENT_MAX);
	struct store_image *image = NULL;
	char id[65];
	bool by_name;

	int rc = store_image_find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = store_image_read(store, id, &image, err);
	if (rc < 0 || image == NULL)
		return rc;
	rc = check_document(&check, "configuration", image->id, &config);
	if (rc == 1)
		rc = check_list(&check, image, &config);
	if (rc >= 0 && image->manifest != NULL)
		rc = check_document(&check, "manifest", image->manifest, &manifest);
	for (size_t i = 0; rc >= 0 && i < image->layers.count; i++)
		rc = check_layer(&check, image->layers.items[i]);
	store_image_free(image);
	return rc < 0 ? rc : 0;
}
