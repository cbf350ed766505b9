/* oci_test.h - what the tests of this room share: reading a document of tests/oci, round trips. */
#ifndef CORTEN_OCI_OCI_TEST_H
#define CORTEN_OCI_OCI_TEST_H

#include <fcntl.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/test.h"

#define DOCUMENT_MAX (1 << 20)

/* Fails the running case and returns negative when the file cannot be read. */
static inline int document_read(const char *name, struct buf *out)
{
	struct err err;
	char path[256], text[600];

	(void)snprintf(path, sizeof(path), "tests/oci/%s", name);
	int rc = fd_read_file_at(AT_FDCWD, path, out, &err);
	if (rc < 0)
		TEST_FAIL("%s", err_format(&err, text, sizeof(text)));
	return rc;
}

static inline int document_parse(const struct json_shape *shape, const struct buf *text,
				 struct arena *arena, void *ret_object)
{
	struct err err;
	char message[600];

	int rc = json_parse(shape, text->data, text->len, arena, ret_object, &err);
	if (rc < 0)
		TEST_FAIL("%s: %s", shape->name, err_format(&err, message, sizeof(message)));
	return rc;
}

/* Reads the file, writes it in `style`, reads that and writes again: both texts must be the same. */
static inline void document_round_trip(const struct json_shape *shape, const char *name,
				       enum json_style style)
{
	char object[2048];
	BUF_AUTO(text, DOCUMENT_MAX);
	BUF_AUTO(first, DOCUMENT_MAX);
	BUF_AUTO(second, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	REQUIRE(shape->size <= sizeof(object));
	if (document_read(name, &text) < 0 || document_parse(shape, &text, &arena, object) < 0)
		return;
	json_write(shape, object, style, &first);
	if (document_parse(shape, &first, &arena, object) < 0)
		return;
	json_write(shape, object, style, &second);
	CHECK(first.len > 2);
	CHECK_STR(second.data, first.data);
}

#endif
