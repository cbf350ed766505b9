/* Any bytes as an image archive to copy: each part has a digest and a size, and the last is a document. */
#include "image/copy_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/document.h"
#include "store/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct copy_plan *plan)
{
	if (plan->count == 0)
		abort();
	for (size_t i = 0; i < plan->count; i++) {
		const struct copy_item *item = &plan->items[i];
		if (strncmp(item->descriptor.digest, "sha256:", 7) != 0 ||
		    !reference_is_hex64(item->descriptor.digest + 7) ||
		    item->descriptor.size_bytes < 0 ||
		    (item->text.data == NULL && item->member == NULL))
			abort();
	}
	const char *type = plan->items[plan->count - 1].descriptor.media_type;
	if (plan->manifest != NULL ? !oci_is_manifest(type) : !oci_is_index(type))
		abort();
}

static void try_wish(const struct archive *archive, bool all)
{
	const struct copy_wish wish = {.all = all,
				       .platform = {.os = "linux", .architecture = "amd64"}};
	struct copy_plan plan;
	struct err err = {0};

	if (copy_plan_read(archive, &wish, &plan, &err) < 0)
		return;
	check_plan(&plan);
	copy_plan_done(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_fd fd = memfd_create("archive", MFD_CLOEXEC);
	struct archive *archive;
	struct err err = {0};

	/* A packed archive would be written to a folder: that is left to inflate_fuzz. */
	if (size < 2 || data[0] == 0x1f || data[0] == 0x28 || fd < 0 ||
	    write(fd, data, size) != (ssize_t)size)
		return 0;
	if (archive_open(fd, FD_NONE, &archive, &err) < 0)
		return 0;
	try_wish(archive, true);
	try_wish(archive, false);
	archive_close(archive);
	return 0;
}
