/* Any header: no text is longer than its room, and none holds what a line could not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t room)
{
	if (strnlen(text, room) == room)
		abort();
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[8192];
	struct challenge challenge = {0};
	struct err err = {0};

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (challenge_parse(text, &challenge, &err) < 0)
		return 0;
	check(challenge.realm, sizeof(challenge.realm));
	check(challenge.service, sizeof(challenge.service));
	check(challenge.scope, sizeof(challenge.scope));
	return 0;
}
