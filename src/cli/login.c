/* corten login, logout. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"

#define PASSWORD_MAX     (16 * 1024)
#define DEFAULT_REGISTRY "docker.io"

struct login_values {
	const char *user;
	const char *password;
	const char *auth_file;
	const char *cert_folder;
	const char *tls_verify;
	bool from_stdin;
	bool get_login;
};
static const struct option login_options[] = {
	OPT_STRING(struct login_values, auth_file, '\0', "authfile", "FILE", HINT_FILE,
		   "where the password is kept (REGISTRY_AUTH_FILE)"),
	OPT_STRING(struct login_values, cert_folder, '\0', "cert-dir", "DIR", HINT_DIR,
		   "certificates for this registry, as in /etc/containers/certs.d/HOST"),
	OPT_FLAG(struct login_values, get_login, '\0', "get-login",
		 "print with which name one is logged in"),
	OPT_STRING(struct login_values, password, 'p', "password", "PASSWORD", HINT_NONE,
		   "the password; others may see it in the list of processes"),
	OPT_FLAG(struct login_values, from_stdin, '\0', "password-stdin",
		 "read the password from stdin"),
	OPT_STRING(struct login_values, tls_verify, '\0', "tls-verify", "true|false", HINT_WORDS,
		   "whether the registry must prove who it is (default true)"),
	OPT_STRING(struct login_values, user, 'u', "username", "NAME", HINT_NONE, "the user name"),
};

struct logout_values {
	const char *auth_file;
	bool all;
};
static const struct option logout_options[] = {
	OPT_FLAG(struct logout_values, all, 'a', "all", "forget the passwords of all registries"),
	OPT_STRING(struct logout_values, auth_file, '\0', "authfile", "FILE", HINT_FILE,
		   "where the password is kept (REGISTRY_AUTH_FILE)"),
};

/* One line of the terminal, its end left out. */
static int ask(const char *prompt, bool hidden, char *buf, size_t size, struct err *err)
{
	struct termios old, quiet;
	bool changed = hidden && tcgetattr(STDIN_FILENO, &old) == 0;

	(void)fputs(prompt, stderr);
	if (changed) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	char *got = fgets(buf, (int)size, stdin);
	if (changed) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		(void)fputc('\n', stderr);
	}
	if (got == NULL)
		return err_set(err, ERR_INVALID, 0, "nothing was typed");
	buf[strcspn(buf, "\r\n")] = '\0';
	return 0;
}

static int read_stdin(char *buf, size_t size, struct err *err)
{
	ssize_t got = fd_read_full(STDIN_FILENO, buf, size - 1);

	if (got < 0 || (size_t)got == size - 1)
		return err_set(err, ERR_INVALID, got < 0 ? (int)-got : 0,
			       "the password on stdin cannot be read, or is too long");
	buf[got] = '\0';
	if (got > 0 && buf[got - 1] == '\n')
		buf[--got] = '\0';
	if (got > 0 && buf[got - 1] == '\r')
		buf[--got] = '\0';
	return strlen(buf) == (size_t)got
		       ? 0
		       : err_set(err, ERR_INVALID, 0, "the password on stdin holds a NUL");
}

static int find_credentials(const struct login_values *v, char *user, char *password,
			    struct engine_login *request, struct err *err)
{
	bool terminal = isatty(STDIN_FILENO) == 1;
	int rc = 0;

	if (v->from_stdin && (v->user == NULL || v->password != NULL))
		return err_set(err, ERR_INVALID, 0,
			       v->user == NULL ? "Must provide --username with --password-stdin"
					       : "--password and --password-stdin exclude each "
						 "other");
	request->user = v->user;
	request->password = v->password;
	if (v->from_stdin) {
		request->password = password;
		return read_stdin(password, PASSWORD_MAX, err);
	}
	if ((v->user == NULL || v->password == NULL) && !terminal)
		return err_set(err, ERR_INVALID, 0,
			       "stdin is no terminal to ask for name and password at: give "
			       "--username and --password-stdin");
	if (v->user == NULL) {
		rc = ask("Username: ", false, user, PASSWORD_MAX, err);
		request->user = user;
	}
	if (rc == 0 && v->password == NULL) {
		rc = ask("Password: ", true, password, PASSWORD_MAX, err);
		request->password = password;
	}
	return rc;
}

static int cmd_login(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct login_values *v = values;
	char user[PASSWORD_MAX], password[PASSWORD_MAX];
	const char *name = NULL;
	struct engine_login request = {.registry =
					       args->count > 0 ? args->items[0] : DEFAULT_REGISTRY,
				       .access = {.auth_file = v->auth_file,
						  .cert_folder = v->cert_folder,
						  .tls_verify = v->tls_verify}};

	if (v->get_login) {
		int rc = engine_registry_user(cli->engine, &request, cli->arena, &name, err);
		if (rc == 0)
			(void)printf("%s\n", name);
		return rc;
	}
	int rc = find_credentials(v, user, password, &request, err);
	if (rc == 0)
		rc = engine_registry_login(cli->engine, &request, cli->arena, err);
	explicit_bzero(password, sizeof(password));
	if (rc < 0)
		return err_wrap(err, rc, "log in to %s", request.registry);
	(void)printf("Login Succeeded!\n");
	return 0;
}

static int cmd_logout(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	const struct logout_values *v = values;
	struct engine_login request = {.registry =
					       args->count > 0 ? args->items[0] : DEFAULT_REGISTRY,
				       .access = {.auth_file = v->auth_file}};

	if (v->all && args->count > 0)
		return err_set(err, ERR_INVALID, 0, "--all takes no registry");
	if (v->all)
		request.registry = NULL;
	int rc = engine_registry_logout(cli->engine, &request, cli->arena, err);
	if (rc == 0 && v->all)
		(void)printf("Removed login credentials for all registries\n");
	else if (rc == 0)
		(void)printf("Removed login credentials for %s\n", request.registry);
	return rc;
}

const struct command command_login = {
	.name = "login",
	.operands = "[REGISTRY]",
	.summary = "try a name and password with a registry, and keep them",
	.max = 1,
	.flags = COMMAND_ENGINE,
	.options = login_options,
	.option_count = sizeof(login_options) / sizeof(login_options[0]),
	.values_size = sizeof(struct login_values),
	.run = cmd_login,
};

const struct command command_logout = {
	.name = "logout",
	.operands = "[REGISTRY]",
	.summary = "forget a registry's name and password",
	.max = 1,
	.flags = COMMAND_ENGINE,
	.options = logout_options,
	.option_count = sizeof(logout_options) / sizeof(logout_options[0]),
	.values_size = sizeof(struct logout_values),
	.run = cmd_logout,
};
