/* The image documents: the first byte chooses which; read, checked, written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/image.h"

#define DOCUMENT_MAX (16 << 20)

union document {
	struct oci_index index;
	struct oci_manifest manifest;
	struct oci_image_config config;
	struct oci_layout layout;
};

static const struct json_shape *const shapes[] = {&oci_index_shape, &oci_manifest_shape,
						  &oci_image_config_shape, &oci_layout_shape};

static void check(size_t kind, const union document *document)
{
	struct err err;

	if (kind == 0)
		(void)oci_index_check(&document->index, &err);
	else if (kind == 1)
		(void)oci_manifest_check(&document->manifest, &err);
	else if (kind == 2)
		(void)oci_image_config_check(&document->config, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union document document;
	oci_docker_archive archive;
	struct err err;
	ARENA_AUTO(arena, DOCUMENT_MAX);
	ARENA_AUTO(arena_again, 4 * DOCUMENT_MAX);
	BUF_AUTO(first, DOCUMENT_MAX);
	BUF_AUTO(second, DOCUMENT_MAX);

	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	size_t kind = (data[0] - (size_t)'0') % 5;
	size--;
	if (kind == 4) {
		(void)json_parse_list(&oci_docker_archive_image_shape, text, size, &arena, &archive,
				      &err);
		return 0;
	}
	if (json_parse(shapes[kind], text, size, &arena, &document, &err) < 0)
		return 0;
	check(kind, &document);
	json_write(shapes[kind], &document, JSON_PRETTY, &first);
	if (first.failed)
		return 0;
	if (json_parse(shapes[kind], first.data, first.len, &arena_again, &document, &err) < 0)
		abort();
	json_write(shapes[kind], &document, JSON_PRETTY, &second);
	if (!second.failed && strcmp(first.data, second.data) != 0)
		abort();
	return 0;
}
