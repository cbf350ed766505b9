/*
 * config.h - what the engine tells a monitor about its container (`monitor.json`).
 *
 * Purpose    The engine writes it with monitor_config_write(), the monitor reads it once.
 * Ownership  A parsed configuration lives in the caller's arena.
 * Units      _bytes and _ms.
 * Errors     ERR_INVALID naming the field.
 *
 * How the engine starts one:
 *
 *     corten-monitor --config PATH [--launch-fd N] [--rootfs-fd N] [--lock-fd N]
 *
 * --launch-fd is one end of a SOCK_SEQPACKET socketpair that speaks attach.h. The engine puts its
 * ATTACH_HELLO into its own end before or right after the spawn; the monitor reads that before it
 * starts the container, so a client attached this way misses no byte. The first answer is
 * ATTACH_STARTED or ATTACH_FAILED. --rootfs-fd is handed to the runtime as it is. --lock-fd holds a
 * lock that is let go before that answer: nobody removes the folders of a container that is being
 * started, though the engine may have been killed. The monitor makes itself a session of its own: the engine spawns it, and need not wait for it.
 *
 * In state_dir the monitor makes `attach.sock` (mode 0600) and, for a moment, `console.sock`,
 * `runtime.log` and `pid`. In data_dir it appends to `journal` (journal.h) and writes `log`,
 * `log.1`, ... (logline.h; `log` is the newest). All are opened relative to the folder, never
 * through a symbolic link.
 *
 * After the container's end, in this order: output is drained, the exit record is written (synced
 * unless auto_remove), `corten-runtime delete --force` runs, the sockets go away, the clients get
 * ATTACH_EXITED, and exit_command is executed unless a client that promised to clean up
 * (ATTACH_WILL_CLEAN) says ATTACH_CLEANED before it closes. exit_command may thus follow an
 * unfinished clean-up and must be idempotent.
 *
 * `corten exec` does not pass through here: it executes `corten-runtime exec` on its own stdio.
 */
#ifndef CORTEN_MONITOR_WIRE_CONFIG_H
#define CORTEN_MONITOR_WIRE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define MONITOR_CONFIG_MAX_BYTES 65536

#define MONITOR_ATTACH_SOCKET "attach.sock"
#define MONITOR_JOURNAL       "journal"
#define MONITOR_LOG           "log"

#define MONITOR_LOG_MAX_BYTES_DEFAULT 10000000
#define MONITOR_LOG_FILES_DEFAULT     3
#define MONITOR_LOG_FILES_MAX         100

enum monitor_log_driver {
	MONITOR_LOG_JSON_FILE, /* "json-file", the default */
	MONITOR_LOG_NONE,      /* "none" */
};

struct monitor_config {
	const char *id;            /* "id": container id as the runtime knows it */
	const char *runtime;       /* "runtime": absolute path of corten-runtime */
	json_strings runtime_args; /* "runtimeArgs": options before the command: --root R ... */
	const char *bundle;        /* "bundle": absolute path of the folder with config.json */
	const char *state_dir;     /* "stateDir": absolute; exists */
	const char *data_dir;      /* "dataDir": absolute; exists */

	const char *cgroups_path; /* "cgroupsPath": linux.cgroupsPath of config.json; tells of
				      out-of-memory kills even when the container is gone at once */

	bool tty;         /* "tty": as process.terminal in config.json */
	bool stdin_open;  /* "stdinOpen": -i; else stdin is /dev/null */
	bool stdin_once;  /* "stdinOnce": stdin is closed when a client that writes it is gone */
	bool auto_remove; /* "autoRemove": --rm; the exit record need not survive a power cut */

	int log_driver;         /* "logDriver": enum monitor_log_driver */
	uint64_t log_max_bytes; /* "logMaxBytes": of one file; 0 = the default, never unlimited */
	uint32_t log_files;     /* "logFiles": kept files, the current one included; 0 = default */

	json_strings exit_command; /* "exitCommand": argv, argv[0] an absolute path; may be empty */

	uint32_t start_timeout_ms; /* "startTimeoutMs": for the runtime's start; 0 = 120,000 */
	uint32_t drain_timeout_ms; /* "drainTimeoutMs": for output still held open by a process that
				      outlives the container's init; 0 = 500 */
	uint32_t stall_timeout_ms; /* "stallTimeoutMs": how long a slow ATTACH_PACED client may hold
				      the container's output back; 0 = 30,000 */
	uint32_t clean_timeout_ms; /* "cleanTimeoutMs": for ATTACH_CLEANED; 0 = 30,000 */
};

extern const struct json_shape monitor_config_shape;

/* Reads and checks a configuration and fills in the defaults. */
int monitor_config_parse(const char *text, size_t len, struct arena *arena,
			 struct monitor_config *ret_config, struct err *err);

/* Appends the document. Overflow shows in buf_check(). */
void monitor_config_write(const struct monitor_config *config, struct buf *out);

#endif
