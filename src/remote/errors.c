#include "remote/errors.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "remote/limits.h"

struct one_error {
	const char *code;
	const char *message;
};
struct document {
	JSON_LIST_OF(struct one_error) errors;
	const char *details; /* of token servers */
	const char *message;
};

static const struct json_field error_fields[] = {
	JSON_STRING(struct one_error, code, "code"),
	JSON_STRING(struct one_error, message, "message"),
};
static JSON_SHAPE(error_shape, struct one_error, error_fields);

static const struct json_field document_fields[] = {
	JSON_OBJECTS(struct document, errors, "errors", error_shape),
	JSON_STRING(struct document, details, "details"),
	JSON_STRING(struct document, message, "message"),
};
static JSON_SHAPE(document_shape, struct document, document_fields);

/* Nothing of it commands a terminal, breaks the line or is longer than a line. */
static void add_printable(char *buf, const char *text)
{
	size_t at = strlen(buf);

	for (; *text != '\0' && at + 1 < ERRORS_TEXT_MAX; text++) {
		unsigned char c = (unsigned char)*text;
		buf[at++] = (char)(c < ' ' || c >= 0x7f ? '?' : c);
	}
	buf[at] = '\0';
}

void errors_text(const char *body, size_t len, char buf[ERRORS_TEXT_MAX])
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct document document = {0};
	struct err ignored;

	buf[0] = '\0';
	if (len == 0)
		return;
	if (json_parse(&document_shape, body, len, &arena, &document, &ignored) < 0) {
		/* A line of plain text says something; a page of a proxy does not. */
		char line[ERRORS_TEXT_MAX];
		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(body, "\r\n"), body);
		if (body[0] != '<' && body[0] != '{')
			add_printable(buf, line);
		return;
	}
	for (size_t i = 0; i < document.errors.count && i < 2; i++) {
		const struct one_error *error = &document.errors.items[i];
		bool said = error->message != NULL && error->message[0] != '\0';
		add_printable(buf, i > 0 ? "; " : "");
		add_printable(buf, said ? error->message : error->code ? error->code : "");
	}
	if (buf[0] == '\0' && document.message != NULL)
		add_printable(buf, document.message);
	if (buf[0] == '\0' && document.details != NULL)
		add_printable(buf, document.details);
}

const char *errors_status(int status)
{
	static const struct {
		int status;
		const char *text;
	} known[] = {
		{400, "400 Bad Request"},
		{401, "401 Unauthorized"},
		{403, "403 Forbidden"},
		{404, "404 Not Found"},
		{405, "405 Method Not Allowed"},
		{406, "406 Not Acceptable"},
		{411, "411 Length Required"},
		{413, "413 Content Too Large"},
		{416, "416 Range Not Satisfiable"},
		{429, "429 Too Many Requests"},
		{500, "500 Internal Server Error"},
		{502, "502 Bad Gateway"},
		{503, "503 Service Unavailable"},
		{504, "504 Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].status == status)
			return known[i].text;
	}
	return "an unexpected status";
}
