#include "image/progress.h"

#include <errno.h>

#include "image/records.h"

#define STEP_BYTES ((int64_t)1 << 20)

int progress_watch(void *arg, int64_t done_bytes, struct err *err)
{
	struct progress *progress = arg;
	const int64_t bytes[2] = {done_bytes, progress->total_bytes};

	if (progress->stop != NULL && atomic_load(progress->stop))
		return err_set(err, ERR_SYSTEM, ECANCELED, "another layer failed");
	if (done_bytes - progress->told_bytes < STEP_BYTES)
		return 0;
	progress->told_bytes = done_bytes;
	return records_layer(progress->records_fd, WIRE_PROGRESS, progress->layer, NULL, bytes,
			     err);
}
