/*
 * challenge.h - the header WWW-Authenticate (RFC 9110, 11.6.1): what a registry wants to know first.
 *
 * Purpose    Takes apart a value that may hold several challenges, and keeps the two kinds that registries use.
 * Ownership  Plain data.
 * Errors     ERR_INVALID for what is no challenge, or too long. Unknown schemes and parameters are passed over.
 */
#ifndef CORTEN_REMOTE_CHALLENGE_H
#define CORTEN_REMOTE_CHALLENGE_H

#include <stdbool.h>

#include "base/err.h"

#define CHALLENGE_REALM_MAX 2048
#define CHALLENGE_TEXT_MAX  1024

struct challenge {
	bool basic;
	bool bearer;
	/* Of the bearer challenge; "" when not said. */
	char realm[CHALLENGE_REALM_MAX];
	char service[CHALLENGE_TEXT_MAX];
	char scope[CHALLENGE_TEXT_MAX];
};

/* Adds what the value says; the first bearer challenge counts. */
int challenge_parse(const char *value, struct challenge *challenge, struct err *err);

#endif
