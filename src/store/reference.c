#include "store/reference.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_DOMAIN "docker.io"
#define OFFICIAL       "library/"
#define SHA256         "sha256:"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool reference_is_hex64(const char *text)
{
	size_t len = strspn(text, "0123456789abcdef");

	return len == 64 && text[len] == '\0';
}

bool reference_is_id(const char *text, char ret_hex[65])
{
	if (strncmp(text, SHA256, strlen(SHA256)) == 0)
		text += strlen(SHA256);
	size_t len = 0;
	while (len < 65 && is_hex(text[len]))
		len++;
	if (len == 0 || len > 64 || text[len] != '\0')
		return false;
	memcpy(ret_hex, text, len);
	ret_hex[len] = '\0';
	return true;
}

static int refuse(const char *text, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "image name '%.200s': %s", text, why);
}

/* The length of a separator between words of a path component: ".", "_", "__" or dashes. */
static size_t separator_length(const char *text, size_t len)
{
	size_t dashes = 0;

	while (dashes < len && text[dashes] == '-')
		dashes++;
	if (dashes > 0)
		return dashes;
	if (len >= 2 && text[0] == '_' && text[1] == '_')
		return 2;
	return len > 0 && (text[0] == '.' || text[0] == '_') ? 1 : 0;
}

/* Lower-case words joined by single separators. */
static bool component_valid(const char *text, size_t len)
{
	size_t at = 0;

	for (;;) {
		size_t word = at;
		while (at < len && (is_lower(text[at]) || is_digit(text[at])))
			at++;
		if (at == word)
			return false;
		if (at == len)
			return true;
		size_t separator = separator_length(text + at, len - at);
		if (separator == 0)
			return false;
		at += separator;
	}
}

static bool path_valid(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");
		if (!component_valid(path, len))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

static bool host_label_valid(const char *text, size_t len)
{
	if (len == 0 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower(text[i]) && !is_upper(text[i]) && !is_digit(text[i]) &&
		    text[i] != '-')
			return false;
	}
	return true;
}

/* "host", "host.name", "[v6]", each with ":port" or not. */
static bool domain_valid(const char *domain)
{
	const char *at = domain;

	if (*at == '[') {
		size_t len = strspn(at + 1, "0123456789abcdefABCDEF:.");
		if (len == 0 || at[len + 1] != ']')
			return false;
		at += len + 2;
	} else {
		for (;;) {
			size_t len = strcspn(at, ".:");
			if (!host_label_valid(at, len))
				return false;
			at += len;
			if (*at != '.')
				break;
			at++;
		}
	}
	if (*at == '\0')
		return true;
	size_t port = *at == ':' ? strspn(at + 1, "0123456789") : 0;
	return port > 0 && at[port + 1] == '\0';
}

bool reference_is_tag(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > REFERENCE_TAG_MAX || tag[0] == '.' || tag[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = tag[i];
		if (!is_lower(c) && !is_upper(c) && !is_digit(c) && strchr("_.-", c) == NULL)
			return false;
	}
	return true;
}

/* What stands before the first slash is a host when it looks like one; else the host is implied. */
static void split_domain(char *name, struct reference *ref)
{
	char *slash = strchr(name, '/');
	bool host = false;

	if (slash != NULL) {
		*slash = '\0';
		host = strpbrk(name, ".:") != NULL || strcmp(name, "localhost") == 0;
		for (const char *at = name; *at != '\0' && !host; at++)
			host = is_upper(*at);
		if (host)
			(void)snprintf(ref->domain, sizeof(ref->domain), "%s", name);
		else
			*slash = '/';
	}
	const char *path = host ? slash + 1 : name;
	if (!host || strcmp(ref->domain, "index.docker.io") == 0)
		(void)snprintf(ref->domain, sizeof(ref->domain), DEFAULT_DOMAIN);
	bool official = strcmp(ref->domain, DEFAULT_DOMAIN) == 0 && strchr(path, '/') == NULL;
	(void)snprintf(ref->path, sizeof(ref->path), "%s%s", official ? OFFICIAL : "", path);
}

static int take_digest(const char *text, char *name, struct reference *ref, struct err *err)
{
	char *at = strchr(name, '@');

	if (at == NULL)
		return 0;
	*at = '\0';
	if (strncmp(at + 1, SHA256, strlen(SHA256)) != 0 ||
	    !reference_is_hex64(at + 1 + strlen(SHA256)))
		return refuse(text, "after '@' stands 'sha256:' and 64 lower-case hex digits", err);
	(void)snprintf(ref->digest, sizeof(ref->digest), "%s", at + 1);
	return 0;
}

static int take_tag(const char *text, char *name, struct reference *ref, struct err *err)
{
	char *slash = strrchr(name, '/');
	char *colon = strrchr(slash ? slash : name, ':');

	if (colon == NULL)
		return 0;
	*colon = '\0';
	if (!reference_is_tag(colon + 1))
		return refuse(text,
			      "a tag has 1 to 128 letters, digits, '_', '.', '-', "
			      "and begins with a letter, digit or '_'",
			      err);
	(void)snprintf(ref->tag, sizeof(ref->tag), "%s", colon + 1);
	return 0;
}

int reference_parse(const char *text, struct reference *ret_reference, struct err *err)
{
	char name[REFERENCE_TEXT_MAX];
	struct reference ref = {0};

	if (text[0] == '\0')
		return refuse(text, "it is empty", err);
	if (strlen(text) >= sizeof(name))
		return refuse(text, "it is too long", err);
	if (reference_is_hex64(text))
		return refuse(text, "64 hex digits are an image id, not a name", err);
	(void)snprintf(name, sizeof(name), "%s", text);
	int rc = take_digest(text, name, &ref, err);
	if (rc == 0)
		rc = take_tag(text, name, &ref, err);
	if (rc < 0)
		return rc;
	if (strlen(name) > REFERENCE_NAME_MAX)
		return refuse(text, "the name is longer than 255 characters", err);
	split_domain(name, &ref);
	/* With what was implied, so that the complete form is a name too. */
	if (strlen(ref.domain) + 1 + strlen(ref.path) > REFERENCE_NAME_MAX)
		return refuse(text, "the name is longer than 255 characters", err);
	if (!domain_valid(ref.domain))
		return refuse(text, "its registry is not a host name", err);
	if (strpbrk(ref.path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
		return refuse(text, "a repository name is lower case", err);
	if (!path_valid(ref.path))
		return refuse(text,
			      "a repository name is lower-case words of letters and digits, "
			      "joined by '.', '_', '__', '-' or '/'",
			      err);
	if (ref.tag[0] == '\0' && ref.digest[0] == '\0')
		(void)snprintf(ref.tag, sizeof(ref.tag), "latest");
	*ret_reference = ref;
	return 0;
}

static const char *join(char buf[REFERENCE_TEXT_MAX], const char *name, const char *tag,
			const char *digest)
{
	(void)snprintf(buf, REFERENCE_TEXT_MAX, "%.*s%s%.*s%s%.71s", REFERENCE_NAME_MAX, name,
		       tag[0] ? ":" : "", REFERENCE_TAG_MAX, tag, digest[0] ? "@" : "", digest);
	return buf;
}

const char *reference_full(const struct reference *reference, char buf[REFERENCE_TEXT_MAX])
{
	char name[sizeof(reference->domain) + sizeof(reference->path)];

	(void)snprintf(name, sizeof(name), "%s/%s", reference->domain, reference->path);
	return join(buf, name, reference->tag, reference->digest);
}

const char *reference_repository(const struct reference *reference, char buf[REFERENCE_TEXT_MAX])
{
	const char *path = reference->path;

	if (strcmp(reference->domain, DEFAULT_DOMAIN) != 0) {
		(void)snprintf(buf, REFERENCE_TEXT_MAX, "%s/%s", reference->domain, path);
		return buf;
	}
	if (strncmp(path, OFFICIAL, strlen(OFFICIAL)) == 0 &&
	    strchr(path + strlen(OFFICIAL), '/') == NULL)
		path += strlen(OFFICIAL);
	(void)snprintf(buf, REFERENCE_TEXT_MAX, "%s", path);
	return buf;
}

const char *reference_familiar(const struct reference *reference, char buf[REFERENCE_TEXT_MAX])
{
	char name[REFERENCE_TEXT_MAX];

	return join(buf, reference_repository(reference, name), reference->tag, reference->digest);
}
