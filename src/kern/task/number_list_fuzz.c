/* What was read and is written again must read as the same set. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/task/number_list.h"

#define TEXT_MAX (NUMBER_LIST_MAX * 6)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct number_list list, again;
	static char written[TEXT_MAX];
	size_t used = 0;
	struct err err;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (number_list_parse(text, &list, &err) == 0) {
		written[0] = '\0';
		for (unsigned int i = 0; i < NUMBER_LIST_MAX; i++)
			if (number_list_has(&list, i))
				used += (size_t)snprintf(written + used, sizeof(written) - used,
							 "%s%u", used > 0 ? "," : "", i);
		if (number_list_parse(written, &again, &err) < 0 ||
		    memcmp(&list, &again, sizeof(list)) != 0)
			abort();
	}
	free(text);
	return 0;
}
