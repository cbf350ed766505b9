#include "image/records.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

_Static_assert(sizeof(struct wire_record) <= PIPE_BUF, "a record must be written whole");

int records_send(int fd, const struct wire_record *record, struct err *err)
{
	int rc = fd_write_all(fd, record, sizeof(*record));

	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "report to the store") : 0;
}

int records_layer(int fd, enum wire_type type, uint32_t layer, const char *hex,
		  const int64_t bytes[2], struct err *err)
{
	struct wire_record record = {
		.type = type, .layer = layer, .done_bytes = bytes[0], .total_bytes = bytes[1]};

	if (hex != NULL)
		(void)snprintf(record.hex, sizeof(record.hex), "%s", hex);
	return records_send(fd, &record, err);
}

int records_image(int fd, const struct plan_image *image, struct err *err)
{
	struct wire_record record = {.type = WIRE_IMAGE};

	(void)snprintf(record.hex, sizeof(record.hex), "%s", image->id);
	(void)snprintf(record.manifest, sizeof(record.manifest), "%s", image->manifest);
	(void)snprintf(record.top, sizeof(record.top), "%s", image->top);
	int rc = records_send(fd, &record, err);
	for (size_t i = 0; rc == 0 && i < image->names.count; i++) {
		record = (struct wire_record){.type = WIRE_NAME};
		(void)snprintf(record.name, sizeof(record.name), "%s", image->names.items[i]);
		rc = records_send(fd, &record, err);
	}
	return rc;
}
