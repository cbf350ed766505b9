/*
 * login.h - `corten login` and `logout`: passwords that were tried, kept for later.
 *
 * Errors     ERR_DENIED when the registry does not take the password; ERR_NOT_FOUND when there is none to give away.
 */
#ifndef CORTEN_REMOTE_LOGIN_H
#define CORTEN_REMOTE_LOGIN_H

#include "base/arena.h"
#include "remote/session.h"

/* registry: "host[:port][/namespace]", or an old URL. Fills the options' reference, and the key of the entry. */
int login_parse(const char *registry, struct session_options *options, struct arena *arena,
		const char **ret_key, struct err *err);

/* Tries the password, then writes it down. */
int login_add(struct session_options *options, const char *key, const char *user,
	      const char *password, struct err *err);

/* key NULL: all. */
int login_remove(const struct session_options *options, const char *key, struct err *err);

/* The name with which one is logged in. */
int login_user(const struct session_options *options, const char *key, struct arena *arena,
	       const char **ret_user, struct err *err);

#endif
