/*
 * errors.h - what a registry says when it refuses: the distribution specification's document of errors.
 *
 * Purpose    A line for people out of bytes from a stranger: bounded and printable.
 */
#ifndef CORTEN_REMOTE_ERRORS_H
#define CORTEN_REMOTE_ERRORS_H

#include <stddef.h>

#define ERRORS_TEXT_MAX 240

/* "" when nothing can be made of it. */
void errors_text(const char *body, size_t len, char buf[ERRORS_TEXT_MAX]);

/* "404 Not Found". */
const char *errors_status(int status);

#endif
