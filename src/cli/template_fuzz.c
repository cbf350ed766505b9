/* A template of any bytes over a document with a value of every kind: an answer or an error, within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template.h"

#define ARENA_MAX (16 << 20)
#define OUT_MAX   (1 << 20)

static const char document[] = "{\"A\":{\"B\":\"text\",\"C\":null},\"L\":[\"a\",\"b,c\",\"\"],"
			       "\"M\":{\"k\":\"v\",\"k.2\":\"w\"},"
			       "\"N\":[1,-2,3.5,18446744073709551615],\"T\":true,\"S\":"
			       "\"\\u00e4\\n<&>\",\"E\":[],\"Z\":0}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct template_zero zeros[] = {
		{"Health", DATA_NULL}, {"Env", DATA_LIST}, {NULL, DATA_NULL}};
	ARENA_AUTO(arena, ARENA_MAX);
	BUF_AUTO(out, OUT_MAX);
	BUF_AUTO(head, OUT_MAX);
	const struct template *template = NULL;
	struct template_mode mode = {.zeros = zeros};
	struct err err = {.kind = ERR_NONE};
	struct data dot;

	/* A copy of just its size: reading past the end is seen. */
	char *text = malloc(size > 0 ? size : 1);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	int rc = data_parse(document, strlen(document), &arena, &dot, &err);
	if (rc < 0)
		abort();
	rc = template_parse(text, size, &arena, &template, &err);
	if (rc == 0)
		rc = template_run(template, &mode, &dot, &out, &err);
	if ((rc < 0) != (err.kind != ERR_NONE))
		abort();
	mode.head = true;
	mode.row = "row";
	if (template != NULL)
		(void)template_run(template, &mode, &dot, &head, &err);
	free(text);
	return 0;
}
