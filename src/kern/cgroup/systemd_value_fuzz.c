/* Values of org.systemd.property annotations: text that comes with a configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "kern/cgroup/systemd_internal.h"
#include "kern/dbus/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool promise)
{
	if (!promise)
		abort();
}

/* What was taken must be a string, a signature and a value of that signature, and nothing else. */
static void check(const struct buf *out)
{
	struct dbus_reader in = {.data = (const uint8_t *)out->data, .size = out->len};
	char type[256];

	(void)dbus_get_string(&in);
	const char *signature = dbus_get_signature(&in);
	expect(!in.failed && strlen(signature) < sizeof(type));
	(void)str_copy(type, sizeof(type), signature);
	dbus_skip(&in, type);
	expect(!in.failed && in.at == in.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO(out, SYSTEMD_PROPERTIES_MAX);
	char *text = malloc(size + 1);
	struct err err;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	const struct cgroup_property property = {size % 2 == 0 ? "CollectMode" : "TimeoutStopSec",
						 text};
	if (systemd_put_property(&out, &property, &err) == 0 && !out.failed)
		check(&out);
	free(text);
	return 0;
}
