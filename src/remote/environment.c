#include "remote/environment.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

const char *environment_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return (*env)[len + 1] != '\0' ? *env + len + 1 : NULL;
	}
	return NULL;
}

int environment_config(char *const *env, const char *rest, char *buf, size_t size)
{
	const char *config = environment_get(env, "XDG_CONFIG_HOME");
	const char *home = environment_get(env, "HOME");

	if (config != NULL)
		return str_format(buf, size, "%s/%s", config, rest);
	return home != NULL ? str_format(buf, size, "%s/.config/%s", home, rest) : -ENOENT;
}

int environment_auth_file(char *const *env, int index, char *buf, size_t size)
{
	const char *folder;

	switch (index) {
	case 0:
		folder = environment_get(env, "XDG_RUNTIME_DIR");
		return folder != NULL ? str_format(buf, size, "%s/containers/auth.json", folder)
				      : str_format(buf, size, "/run/containers/%u/auth.json",
						   (unsigned int)geteuid());
	case 1:
		return environment_config(env, "containers/auth.json", buf, size);
	default:
		folder = environment_get(env, "DOCKER_CONFIG");
		if (folder != NULL)
			return str_format(buf, size, "%s/config.json", folder);
		folder = environment_get(env, "HOME");
		return folder != NULL ? str_format(buf, size, "%s/.docker/config.json", folder)
				      : -ENOENT;
	}
}

int environment_cert_folder(char *const *env, int index, char *buf, size_t size)
{
	switch (index) {
	case 0:
		return environment_config(env, "containers/certs.d", buf, size);
	case 1:
		return str_copy(buf, size, "/etc/containers/certs.d");
	default:
		return str_copy(buf, size, "/etc/docker/certs.d");
	}
}
