/*
 * reference.h - names of images, normalised the way Docker does it.
 *
 * Purpose    "busybox" -> "docker.io/library/busybox:latest"; host, path, tag, digest taken apart.
 * Ownership  struct reference is plain data; nothing to free.
 * Errors     ERR_INVALID naming the text and what is wrong with it.
 */
#ifndef CORTEN_STORE_REFERENCE_H
#define CORTEN_STORE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define REFERENCE_NAME_MAX 255 /* of host and path together */
#define REFERENCE_TAG_MAX  128
#define REFERENCE_TEXT_MAX 720 /* room for every part at its longest, and the NUL */

struct reference {
	char domain[REFERENCE_NAME_MAX + 1]; /* "docker.io", "localhost:5000" */
	char path[REFERENCE_NAME_MAX + 32];  /* "library/busybox" */
	char tag[REFERENCE_TAG_MAX + 1];     /* "latest"; "" when only a digest was given */
	char digest[72];                     /* "sha256:HEX", or "" */
};

/* Parses and completes a name; without tag and digest the tag becomes "latest". */
int reference_parse(const char *text, struct reference *ret_reference, struct err *err);

/* The complete form, "docker.io/library/busybox:latest": the key under which names are kept. */
const char *reference_full(const struct reference *reference, char buf[REFERENCE_TEXT_MAX]);

/* The form people read, "busybox:latest". */
const char *reference_familiar(const struct reference *reference, char buf[REFERENCE_TEXT_MAX]);

/* Familiar repository alone, "busybox", for tables. */
const char *reference_repository(const struct reference *reference, char buf[REFERENCE_TEXT_MAX]);

/* Whether text can be an image id or its beginning: hex, 1 to 64 digits, "sha256:" before it or not. */
bool reference_is_id(const char *text, char ret_hex[65]);

/* Whether text can be a tag. */
bool reference_is_tag(const char *text);

/* Whether text is exactly 64 lower-case hex digits. */
bool reference_is_hex64(const char *text);

#endif
