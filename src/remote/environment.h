/*
 * environment.h - where the user keeps what concerns registries.
 */
#ifndef CORTEN_REMOTE_ENVIRONMENT_H
#define CORTEN_REMOTE_ENVIRONMENT_H

#include <stddef.h>

/* A variable's value; NULL: not set, or empty. */
const char *environment_get(char *const *env, const char *name);

/* $XDG_CONFIG_HOME/REST, or ~/.config/REST. */
int environment_config(char *const *env, const char *rest, char *buf, size_t size);

#define ENVIRONMENT_AUTH_FILES 3

/* The path of the files of passwords, the first to be looked into first. Negative: there is none. */
int environment_auth_file(char *const *env, int index, char *buf, size_t size);

#define ENVIRONMENT_CERT_FOLDERS 3

/* The folders whose HOST[:PORT] holds certificates. */
int environment_cert_folder(char *const *env, int index, char *buf, size_t size);

#endif
