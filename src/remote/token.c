#include "remote/token.h"

#include <string.h>

#include "base/json.h"

struct document {
	const char *token;
	const char *access_token;
};

static const struct json_field fields[] = {
	JSON_STRING(struct document, token, "token"),
	JSON_STRING(struct document, access_token, "access_token"),
};
static JSON_SHAPE(shape, struct document, fields);

int token_parse(const char *text, size_t len, struct arena *arena, const char **ret_token,
		struct err *err)
{
	struct document document = {0};

	int rc = json_parse(&shape, text, len, arena, &document, err);
	if (rc < 0)
		return rc;
	const char *token = document.token;
	if (token == NULL || token[0] == '\0')
		token = document.access_token;
	if (token == NULL || token[0] == '\0')
		return err_set(err, ERR_INVALID, 0, "no token is in it");
	for (const char *at = token; *at != '\0'; at++) {
		if (*at <= ' ' || *at >= 0x7f)
			return err_set(err, ERR_INVALID, 0,
				       "its token holds what no header may hold");
	}
	*ret_token = token;
	return 0;
}
