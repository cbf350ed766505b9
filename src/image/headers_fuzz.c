/* Any bytes as a layer's headers: parts keep the reader's promises, and have the archive's size together. */
#include <stdlib.h>

#include "image/headers.h"
#include "image/testing.h"

#define ARCHIVE_MAX ((int64_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t check_part(struct headers_reader *reader, const struct headers_part *part,
			  struct err *err)
{
	uint8_t bytes[300];

	if (part->size_bytes <= 0 || part->offset < 0)
		abort();
	if (part->path != NULL) {
		if (part->path[0] == '\0' || strlen(part->path) > TAR_PATH_MAX ||
		    part->offset > INT64_MAX - part->size_bytes)
			abort();
	} else if (headers_reader_copy(reader, bytes, sizeof(bytes), err) >
		   (ssize_t)sizeof(bytes)) {
		abort();
	}
	return part->size_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream memory = memory_stream(data, size, 100);
	struct headers_reader *reader;
	struct headers_part part;
	struct err err = {0};
	int64_t total = 0;
	int rc;

	if (headers_reader_new(&memory.stream, ARCHIVE_MAX, &reader, &err) < 0)
		return 0;
	if (headers_reader_size(reader) > ARCHIVE_MAX)
		abort();
	while ((rc = headers_reader_next(reader, &part, &err)) > 0)
		total += check_part(reader, &part, &err);
	if (total > headers_reader_size(reader) ||
	    (rc == 0 && total != headers_reader_size(reader)))
		abort();
	headers_reader_free(reader);
	return 0;
}
