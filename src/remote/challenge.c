#include "remote/challenge.h"

#include <string.h>
#include <strings.h>

#define TOKEN   "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN68 "-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SPACE   " \t"

struct parser {
	const char *at;
	struct challenge *challenge;
	bool in_bearer; /* parameters belong to the bearer challenge that counts */
};

static int refuse(const struct parser *parser, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "WWW-Authenticate is no challenge at '%.40s'",
		       parser->at);
}

/* A quoted string, or a token; what does not fit is an error, as half a realm is another one. */
static int read_value(struct parser *parser, char *to, size_t size, struct err *err)
{
	size_t len = 0;

	if (*parser->at != '"') {
		len = strspn(parser->at, TOKEN68 ":"); /* some leave the quotes away */
		if (len == 0 || len >= size)
			return refuse(parser, err);
		memcpy(to, parser->at, len);
		to[len] = '\0';
		parser->at += len;
		return 0;
	}
	for (parser->at++; *parser->at != '"'; parser->at++) {
		if (*parser->at == '\\')
			parser->at++;
		unsigned char c = (unsigned char)*parser->at;
		if (c < ' ' || c == 0x7f || len + 1 >= size)
			return refuse(parser, err);
		to[len++] = *parser->at;
	}
	to[len] = '\0';
	parser->at++;
	return 0;
}

static int read_parameter(struct parser *parser, const char *name, size_t name_len, struct err *err)
{
	struct challenge *challenge = parser->challenge;
	char ignored[CHALLENGE_REALM_MAX];
	char *to = ignored;
	size_t size = sizeof(ignored);

	if (parser->in_bearer && name_len == 5 && strncasecmp(name, "realm", 5) == 0) {
		to = challenge->realm;
	} else if (parser->in_bearer && name_len == 7 && strncasecmp(name, "service", 7) == 0) {
		to = challenge->service;
		size = sizeof(challenge->service);
	} else if (parser->in_bearer && name_len == 5 && strncasecmp(name, "scope", 5) == 0) {
		to = challenge->scope;
		size = sizeof(challenge->scope);
	}
	return read_value(parser, to, size, err);
}

/* "token68" right behind a scheme: something opaque, up to the next comma. */
static void pass_token68(struct parser *parser)
{
	size_t len = strspn(parser->at, TOKEN68);
	size_t end = len + strspn(parser->at + len, "=");

	end += strspn(parser->at + end, SPACE);
	if (len > 0 && (parser->at[end] == ',' || parser->at[end] == '\0'))
		parser->at += end;
}

static void begin_scheme(struct parser *parser, const char *name, size_t len)
{
	struct challenge *challenge = parser->challenge;

	parser->in_bearer = false;
	if (len == 5 && strncasecmp(name, "basic", 5) == 0)
		challenge->basic = true;
	if (len == 6 && strncasecmp(name, "bearer", 6) == 0 && !challenge->bearer) {
		challenge->bearer = true;
		parser->in_bearer = true;
	}
	pass_token68(parser);
}

int challenge_parse(const char *value, struct challenge *challenge, struct err *err)
{
	struct parser parser = {.at = value, .challenge = challenge};
	bool any = false;

	for (;;) {
		parser.at += strspn(parser.at, SPACE ",");
		if (*parser.at == '\0')
			return any ? 0 : refuse(&parser, err);
		const char *name = parser.at;
		size_t len = strspn(name, TOKEN);
		if (len == 0)
			return refuse(&parser, err);
		size_t space = strspn(name + len, SPACE);
		parser.at += len + space;
		if (*parser.at == '=' && any) {
			parser.at++;
			parser.at += strspn(parser.at, SPACE);
			int rc = read_parameter(&parser, name, len, err);
			if (rc < 0)
				return rc;
		} else if (space > 0 || *parser.at == ',' || *parser.at == '\0') {
			any = true;
			begin_scheme(&parser, name, len);
		} else {
			return refuse(&parser, err);
		}
	}
}
