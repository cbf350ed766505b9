/*
 * identity.h - ids and names of containers.
 *
 * Errors     Only the kernel's random numbers can fail.
 */
#ifndef CORTEN_ENGINE_IDENTITY_H
#define CORTEN_ENGINE_IDENTITY_H

#include <stdbool.h>

#include "base/err.h"

#define IDENTITY_ID_CHARS  64
#define IDENTITY_NAME_MAX  128
#define IDENTITY_LEVEL_MAX 24

/* 64 hex digits, never only decimal ones in the first twelve: a hostname must not look like a number. */
int identity_new_id(char ret_id[IDENTITY_ID_CHARS + 1], struct err *err);

/* "adjective_surname"; with attempt above 0 a digit is appended, as it may be taken. */
int identity_new_name(int attempt, char ret_name[IDENTITY_NAME_MAX], struct err *err);

/* An SELinux level with two of the 1,024 categories, the lower first: "s0:c3,c700". */
int identity_new_level(char ret_level[IDENTITY_LEVEL_MAX], struct err *err);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+, as Docker has it; a leading slash is the caller's to drop. */
int identity_check_name(const char *name, struct err *err);

/* 1 to 64 hex digits. */
bool identity_is_id_prefix(const char *text);

#endif
