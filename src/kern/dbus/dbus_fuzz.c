/* What comes from a bus: messages of any sender on it. A message that parses, written again, is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "kern/dbus/client.h"
#include "kern/dbus/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool promise)
{
	if (!promise)
		abort();
}

static void check_again(const struct dbus_message *message)
{
	BUF_AUTO(out, 2 * DBUS_MESSAGE_BYTES_MAX);
	struct dbus_message again;
	struct err err;

	dbus_put_message(&out, message);
	expect(!out.failed);
	if (out.len > DBUS_MESSAGE_BYTES_MAX)
		return;
	expect(dbus_message_parse((const uint8_t *)out.data, out.len, &again, &err) == 0);
	expect(again.type == message->type && again.serial == message->serial &&
	       again.reply_serial == message->reply_serial);
	expect(strcmp(again.path, message->path) == 0 &&
	       strcmp(again.member, message->member) == 0 &&
	       strcmp(again.error_name, message->error_name) == 0 &&
	       strcmp(again.signature, message->signature) == 0);
	expect(again.body_bytes == message->body_bytes &&
	       memcmp(again.body, message->body, message->body_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dbus_message message;
	struct sockaddr_un address;
	socklen_t bytes;
	char text[DBUS_ADDRESS_MAX];
	struct err err;
	size_t length;

	/* An address, when it is none of the first bytes of a message. */
	if (size > 0 && size < sizeof(text) && data[0] == 'u') {
		memcpy(text, data, size);
		text[size] = '\0';
		(void)dbus_address_parse(text, &address, &bytes, &err);
	}
	if (size >= DBUS_HEADER_FIXED_BYTES)
		(void)dbus_message_length(data, &length, &err);
	if (dbus_message_parse(data, size, &message, &err) == 0)
		check_again(&message);
	return 0;
}
