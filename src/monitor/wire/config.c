#include "monitor/wire/config.h"

#include <errno.h>
#include <string.h>

static const char *const log_drivers[] = {"json-file", "none", NULL};

static const struct json_field config_fields[] = {
	JSON_STRING_NEEDED(struct monitor_config, id, "id"),
	JSON_STRING_NEEDED(struct monitor_config, runtime, "runtime"),
	JSON_LIST(struct monitor_config, runtime_args, "runtimeArgs", JSON_TYPE_STRING),
	JSON_STRING_NEEDED(struct monitor_config, bundle, "bundle"),
	JSON_STRING_NEEDED(struct monitor_config, state_dir, "stateDir"),
	JSON_STRING_NEEDED(struct monitor_config, data_dir, "dataDir"),
	JSON_STRING(struct monitor_config, cgroups_path, "cgroupsPath"),
	JSON_BOOL(struct monitor_config, tty, "tty"),
	JSON_BOOL(struct monitor_config, stdin_open, "stdinOpen"),
	JSON_BOOL(struct monitor_config, stdin_once, "stdinOnce"),
	JSON_BOOL(struct monitor_config, auto_remove, "autoRemove"),
	JSON_ENUM(struct monitor_config, log_driver, "logDriver", log_drivers),
	JSON_UINT64(struct monitor_config, log_max_bytes, "logMaxBytes"),
	JSON_UINT32(struct monitor_config, log_files, "logFiles"),
	JSON_LIST(struct monitor_config, exit_command, "exitCommand", JSON_TYPE_STRING),
	JSON_UINT32(struct monitor_config, start_timeout_ms, "startTimeoutMs"),
	JSON_UINT32(struct monitor_config, drain_timeout_ms, "drainTimeoutMs"),
	JSON_UINT32(struct monitor_config, stall_timeout_ms, "stallTimeoutMs"),
	JSON_UINT32(struct monitor_config, clean_timeout_ms, "cleanTimeoutMs"),
};

JSON_SHAPE(monitor_config_shape, struct monitor_config, config_fields);

#define LOG_MAX_BYTES_LEAST 4096
#define ID_MAX              1024
#define TIMEOUT_MS_MAX      3600000

static int check_absolute(const char *name, const char *path, struct err *err)
{
	if (path[0] != '/')
		return err_set(err, ERR_INVALID, EINVAL, "%s: '%s' is not an absolute path", name,
			       path);
	return 0;
}

static int config_check(const struct monitor_config *config, struct err *err)
{
	int rc = check_absolute("runtime", config->runtime, err);

	if (rc == 0)
		rc = check_absolute("bundle", config->bundle, err);
	if (rc == 0)
		rc = check_absolute("stateDir", config->state_dir, err);
	if (rc == 0)
		rc = check_absolute("dataDir", config->data_dir, err);
	if (rc == 0 && config->exit_command.count > 0)
		rc = check_absolute("exitCommand", config->exit_command.items[0], err);
	if (rc < 0)
		return rc;
	/* The runtime's own rules for ids are stricter; an id must not read as an option. */
	if (config->id[0] == '\0' || config->id[0] == '-' || strlen(config->id) > ID_MAX)
		return err_set(err, ERR_INVALID, EINVAL, "id: '%.64s' is no container id",
			       config->id);
	if (config->log_files > MONITOR_LOG_FILES_MAX)
		return err_set(err, ERR_INVALID, EINVAL, "logFiles: %u is more than %d",
			       config->log_files, MONITOR_LOG_FILES_MAX);
	if (config->log_max_bytes != 0 && config->log_max_bytes < LOG_MAX_BYTES_LEAST)
		return err_set(err, ERR_INVALID, EINVAL, "logMaxBytes: less than %d",
			       LOG_MAX_BYTES_LEAST);
	return 0;
}

static uint32_t timeout_or(uint32_t value_ms, uint32_t default_ms)
{
	if (value_ms == 0)
		return default_ms;
	return value_ms > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : value_ms;
}

int monitor_config_parse(const char *text, size_t len, struct arena *arena,
			 struct monitor_config *ret_config, struct err *err)
{
	int rc = json_parse(&monitor_config_shape, text, len, arena, ret_config, err);

	if (rc == 0)
		rc = config_check(ret_config, err);
	if (rc < 0)
		return err_wrap(err, rc, "monitor configuration");
	if (ret_config->log_max_bytes == 0)
		ret_config->log_max_bytes = MONITOR_LOG_MAX_BYTES_DEFAULT;
	if (ret_config->log_files == 0)
		ret_config->log_files = MONITOR_LOG_FILES_DEFAULT;
	ret_config->start_timeout_ms = timeout_or(ret_config->start_timeout_ms, 120000);
	ret_config->drain_timeout_ms = timeout_or(ret_config->drain_timeout_ms, 500);
	ret_config->stall_timeout_ms = timeout_or(ret_config->stall_timeout_ms, 30000);
	ret_config->clean_timeout_ms = timeout_or(ret_config->clean_timeout_ms, 30000);
	return 0;
}

void monitor_config_write(const struct monitor_config *config, struct buf *out)
{
	json_write(&monitor_config_shape, config, JSON_COMPACT, out);
}
