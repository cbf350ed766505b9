/*
 * Any bytes as an image archive, up to where layers would be unpacked. Digests are in the way of a
 * fuzzer: a seed has them right, and documents of docker archives need none.
 */
#include "image/plan.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/testing.h"
#include "store/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct plan *plan)
{
	for (size_t i = 0; i < plan->image_count; i++) {
		if (!reference_is_hex64(plan->images[i].id))
			abort();
	}
	for (size_t i = 0; i < plan->layer_count; i++) {
		if (!reference_is_hex64(plan->layers[i].diff_id) || plan->layers[i].size_bytes < 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_fd fd = memfd_create("archive", MFD_CLOEXEC);
	struct platform platform = {.os = "linux", .architecture = "amd64"};
	struct archive *archive;
	struct plan plan;
	struct err err = {0};

	/* A packed archive would be written to a folder: that is left to inflate_fuzz. */
	if (size < 2 || data[0] == 0x1f || data[0] == 0x28 || fd < 0 ||
	    write(fd, data, size) != (ssize_t)size)
		return 0;
	if (archive_open(fd, FD_NONE, &archive, &err) < 0)
		return 0;
	if (plan_read(archive, &platform, &plan, &err) == 0) {
		check_plan(&plan);
		plan_done(&plan);
	}
	archive_close(archive);
	return 0;
}
