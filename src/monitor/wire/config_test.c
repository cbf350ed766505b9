#include "monitor/wire/config.h"

#include "base/test.h"

#define NEEDED                                                                                     \
	"\"id\":\"c1\",\"runtime\":\"/usr/bin/corten-runtime\",\"bundle\":\"/b\",\"stateDir\":\"/" \
	"s\","                                                                                     \
	"\"dataDir\":\"/d\""

static int parse(const char *text, struct arena *arena, struct monitor_config *config)
{
	struct err err = {0};
	int rc = monitor_config_parse(text, strlen(text), arena, config, &err);

	CHECK_INT(err.kind, rc < 0 ? ERR_INVALID : ERR_NONE);
	return rc;
}

TEST(defaults_are_bounded)
{
	ARENA_AUTO(arena, 65536);
	struct monitor_config config;

	REQUIRE(parse("{" NEEDED "}", &arena, &config) == 0);
	CHECK_STR(config.id, "c1");
	CHECK_INT(config.log_driver, MONITOR_LOG_JSON_FILE);
	CHECK_INT(config.log_max_bytes, 10000000);
	CHECK_INT(config.log_files, 3);
	CHECK_INT(config.start_timeout_ms, 120000);
	CHECK_INT(config.drain_timeout_ms, 500);
	CHECK_INT(config.stall_timeout_ms, 30000);
	CHECK_INT(config.clean_timeout_ms, 30000);
	CHECK(!config.tty && !config.stdin_open && !config.stdin_once && !config.auto_remove);
	CHECK_INT(config.exit_command.count, 0);
}

TEST(what_is_written_is_read)
{
	static const char *runtime_args[] = {"--root", "/run/corten/runtime"};
	static const char *exit_command[] = {"/usr/bin/corten", "cleanup", "c1"};
	struct monitor_config want = {.id = "c1",
				      .runtime = "/r",
				      .bundle = "/b",
				      .state_dir = "/s",
				      .data_dir = "/d",
				      .runtime_args = {runtime_args, 2},
				      .tty = true,
				      .stdin_open = true,
				      .stdin_once = true,
				      .auto_remove = true,
				      .log_driver = MONITOR_LOG_NONE,
				      .log_max_bytes = 5000,
				      .log_files = 7,
				      .exit_command = {exit_command, 3},
				      .start_timeout_ms = 1,
				      .drain_timeout_ms = 2,
				      .stall_timeout_ms = 3,
				      .clean_timeout_ms = 4};
	struct monitor_config got;
	struct err err = {0};
	ARENA_AUTO(arena, 65536);
	BUF_AUTO(text, MONITOR_CONFIG_MAX_BYTES);

	monitor_config_write(&want, &text);
	REQUIRE(buf_check(&text, "text", &err) == 0);
	REQUIRE(monitor_config_parse(text.data, text.len, &arena, &got, &err) == 0);
	CHECK_STR(got.runtime, "/r");
	CHECK_STR(got.data_dir, "/d");
	REQUIRE(got.runtime_args.count == 2 && got.exit_command.count == 3);
	CHECK_STR(got.runtime_args.items[1], "/run/corten/runtime");
	CHECK_STR(got.exit_command.items[2], "c1");
	CHECK(got.tty && got.stdin_open && got.stdin_once && got.auto_remove);
	CHECK_INT(got.log_driver, MONITOR_LOG_NONE);
	CHECK_INT(got.log_max_bytes, 5000);
	CHECK_INT(got.log_files, 7);
	CHECK_INT(got.start_timeout_ms, 1);
	CHECK_INT(got.drain_timeout_ms, 2);
	CHECK_INT(got.stall_timeout_ms, 3);
	CHECK_INT(got.clean_timeout_ms, 4);
}

TEST(wrong_ones_are_refused)
{
	static const char *const wrong[] = {
		"{}",
		"{\"id\":\"c1\"}",
		"{" NEEDED ",\"logFiles\":101}",
		"{" NEEDED ",\"logMaxBytes\":1}",
		"{" NEEDED ",\"logDriver\":\"syslog\"}",
		"{" NEEDED ",\"exitCommand\":[\"corten\"]}",
		"{\"id\":\"-c\",\"runtime\":\"/r\",\"bundle\":\"/b\",\"stateDir\":\"/"
		"s\",\"dataDir\":\"/d\"}",
		"{\"id\":\"\",\"runtime\":\"/r\",\"bundle\":\"/b\",\"stateDir\":\"/"
		"s\",\"dataDir\":\"/d\"}",
		"{\"id\":\"c\",\"runtime\":\"r\",\"bundle\":\"/b\",\"stateDir\":\"/"
		"s\",\"dataDir\":\"/d\"}",
		"{\"id\":\"c\",\"runtime\":\"/r\",\"bundle\":\"b\",\"stateDir\":\"/"
		"s\",\"dataDir\":\"/d\"}",
		"{\"id\":\"c\",\"runtime\":\"/r\",\"bundle\":\"/"
		"b\",\"stateDir\":\"s\",\"dataDir\":\"/d\"}",
		"{\"id\":\"c\",\"runtime\":\"/r\",\"bundle\":\"/b\",\"stateDir\":\"/"
		"s\",\"dataDir\":\"d\"}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ARENA_AUTO(arena, 65536);
		struct monitor_config config;
		if (parse(wrong[i], &arena, &config) == 0)
			TEST_FAIL("accepted: %s", wrong[i]);
	}
}

TESTS(T(defaults_are_bounded), T(what_is_written_is_read), T(wrong_ones_are_refused))
