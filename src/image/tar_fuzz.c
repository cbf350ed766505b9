/* Any bytes as a tar: every entry keeps the reader's promises, and all data is read. */
#include <stdlib.h>

#include "image/tar.h"
#include "image/testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct tar_entry *entry)
{
	int64_t end = 0;

	if (entry->name[0] == '\0' || strlen(entry->name) > TAR_PATH_MAX ||
	    strlen(entry->link) > TAR_PATH_MAX || entry->size_bytes < 0 || entry->mode > 07777 ||
	    entry->uid == UINT32_MAX || entry->xattr_count > TAR_XATTRS_MAX)
		abort();
	for (size_t i = 0; i < entry->segment_count; i++) {
		const struct tar_segment *part = &entry->segments[i];
		if (part->offset < end || part->size < 0 ||
		    part->size > entry->size_bytes - part->offset)
			abort();
		end = part->offset + part->size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream memory = memory_stream(data, size, 1000);
	struct err err = {0};
	struct tar tar;
	const uint8_t *at;
	size_t len;

	tar_init(&tar, &memory.stream);
	while (tar_next(&tar, &err) > 0) {
		check_entry(&tar.entry);
		while (tar_peek(&tar, &at, &len, &err) > 0)
			tar_take(&tar, len);
	}
	tar_done(&tar);
	return 0;
}
