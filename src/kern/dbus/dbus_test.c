#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "base/test.h"
#include "kern/dbus/client.h"
#include "kern/dbus/message.h"

/* A call with a body of one of everything that is written. */
static void put_sample(struct buf *out)
{
	BUF_AUTO(body, 4096);

	dbus_put_string(&body, "x.scope");
	dbus_put_bool(&body, true);
	size_t array = dbus_put_array(&body, 8);
	for (uint32_t i = 0; i < 3; i++) {
		dbus_put_align(&body, 8);
		dbus_put_string(&body, "Name");
		dbus_put_signature(&body, i == 0 ? "t" : "au");
		if (i == 0) {
			dbus_put_uint64(&body, 1ULL << 40);
		} else {
			size_t inner = dbus_put_array(&body, 4);
			for (uint32_t n = 1; n < i; n++)
				dbus_put_uint32(&body, n);
			dbus_put_array_end(&body, inner, 4);
		}
	}
	dbus_put_array_end(&body, array, 8);
	const struct dbus_message call = {
		.type = DBUS_CALL,
		.serial = 7,
		.path = "/a/b",
		.interface = "a.b",
		.member = "Do",
		.destination = "c.d",
		.signature = "sba(sv)",
		.body = (const uint8_t *)body.data,
		.body_bytes = body.len,
	};
	dbus_put_message(out, &call);
}

TEST(what_is_written_is_read)
{
	BUF_AUTO(out, 4096);
	struct dbus_message message;
	struct err err;
	size_t length;

	put_sample(&out);
	REQUIRE(!out.failed);
	REQUIRE(dbus_message_length((const uint8_t *)out.data, &length, &err) == 0);
	CHECK_INT(length, out.len);
	REQUIRE(dbus_message_parse((const uint8_t *)out.data, out.len, &message, &err) == 0);
	CHECK_INT(message.type, DBUS_CALL);
	CHECK_INT(message.serial, 7);
	CHECK_STR(message.path, "/a/b");
	CHECK_STR(message.interface, "a.b");
	CHECK_STR(message.member, "Do");
	CHECK_STR(message.destination, "c.d");
	CHECK_STR(message.sender, "");
	struct dbus_reader in = dbus_body(&message);
	CHECK_STR(dbus_get_string(&in), "x.scope");
	CHECK_INT(dbus_get_uint32(&in), 1);
	dbus_skip(&in, "a(sv)");
	CHECK(!in.failed);
	CHECK_INT(in.at, in.size);
	CHECK_STR(dbus_get_string(&in), "");
	CHECK(in.failed);
}

/* Bytes of the specification, not of our own writer: an empty array of structs pads all the same. */
TEST(the_format_is_the_specifications)
{
	static const char body[] = "\x01\0\0\0y\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0";
	struct dbus_reader in = {.data = (const uint8_t *)body, .size = sizeof(body) - 1};
	BUF_AUTO(out, 4096);

	dbus_put_string(&out, "y");
	size_t array = dbus_put_array(&out, 8);
	dbus_put_array_end(&out, array, 8);
	dbus_put_uint32(&out, 5);
	REQUIRE(out.len == sizeof(body) - 1);
	CHECK(memcmp(out.data, body, out.len) == 0);
	dbus_skip(&in, "sa(sv)u");
	CHECK(!in.failed && in.at == in.size);
}

TEST(every_cut_and_flip_is_refused_or_read_within)
{
	BUF_AUTO(out, 4096);
	struct dbus_message message;
	struct err err;
	size_t accepted = 0;

	put_sample(&out);
	REQUIRE(!out.failed);
	for (size_t len = 0; len < out.len; len++) {
		char *part = malloc(len + 1); /* of its own size, for the sanitizer */
		REQUIRE(part != NULL);
		memcpy(part, out.data, len);
		CHECK(dbus_message_parse((const uint8_t *)part, len, &message, &err) < 0);
		free(part);
	}
	for (size_t at = 0; at < out.len; at++) {
		out.data[at] = (char)(out.data[at] ^ 0x41);
		accepted +=
			dbus_message_parse((const uint8_t *)out.data, out.len, &message, &err) == 0;
		out.data[at] = (char)(out.data[at] ^ 0x41);
	}
	CHECK(accepted < out.len / 2); /* letters in names may change */
}

TEST(bad_signatures)
{
	static const char *const bad[] = {"a", "(", ")", "(s", "s)", "{s", "z", "a)", "v"};
	static const uint8_t zeros[64];
	char deep[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dbus_reader in = {.data = zeros, .size = sizeof(zeros)};
		dbus_skip(&in, bad[i]);
		if (!in.failed)
			TEST_FAIL("'%s' was skipped", bad[i]);
	}
	memset(deep, '(', sizeof(deep));
	memset(deep + 80, 's', 1);
	memset(deep + 81, ')', 80);
	deep[161] = '\0';
	struct dbus_reader in = {.data = zeros, .size = sizeof(zeros)};
	dbus_skip(&in, deep);
	CHECK(in.failed);
}

TEST(limits)
{
	BUF_AUTO(out, 4096);
	uint32_t huge = DBUS_MESSAGE_BYTES_MAX;
	struct err err;
	size_t length;

	put_sample(&out);
	memcpy(out.data + 4, &huge, sizeof(huge));
	CHECK(dbus_message_length((const uint8_t *)out.data, &length, &err) < 0);
	huge = UINT32_MAX;
	memcpy(out.data + 4, &huge, sizeof(huge));
	memcpy(out.data + 12, &huge, sizeof(huge));
	CHECK(dbus_message_length((const uint8_t *)out.data, &length, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
}

TEST(addresses)
{
	static const struct {
		const char *text;
		const char *path; /* NULL: refused; "@..." abstract */
	} cases[] = {
		{"unix:path=/run/user/1000/bus", "/run/user/1000/bus"},
		{"unix:path=/run/a%20b%2fc,guid=1234", "/run/a b/c"},
		{"tcp:host=x;unix:guid=1,path=/x", "/x"},
		{"unix:abstract=/tmp/dbus-1,guid=2", "@/tmp/dbus-1"},
		{"unix:tmpdir=/tmp", NULL},
		{"", NULL},
		{"unix:path=", NULL},
		{"unix:path=%00", NULL},
		{"unix:path=/x%2", NULL},
		{"unix:path=/" /* longer than a socket's path may be: */
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		 NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_un where;
		socklen_t bytes;
		struct err err;
		int rc = dbus_address_parse(cases[i].text, &where, &bytes, &err);
		CHECK_INT(rc == 0, cases[i].path != NULL);
		if (rc < 0 || cases[i].path == NULL)
			continue;
		if (where.sun_path[0] == '\0') {
			CHECK_INT(bytes,
				  offsetof(struct sockaddr_un, sun_path) + strlen(cases[i].path));
			where.sun_path[0] = '@';
		}
		CHECK_STR(where.sun_path, cases[i].path);
	}
}

/* --- a bus of our own --- */

struct fake {
	char address[128];
	int listening;
	pid_t pid;
};

static void answer(int fd, const struct dbus_message *call)
{
	BUF_AUTO(out, 4096);
	BUF_AUTO(body, 4096);
	struct dbus_message reply = {
		.type = DBUS_RETURN,
		.serial = 1,
		.reply_serial = call->serial,
		.signature = "s",
	};
	const struct dbus_message signal_ = {
		.type = DBUS_SIGNAL, .serial = 9, .path = "/x", .interface = "x.y", .member = "Z"};

	if (strcmp(call->member, "Silence") == 0)
		return;
	if (strcmp(call->member, "Fail") == 0) {
		reply.type = DBUS_ERROR;
		reply.error_name = "org.freedesktop.systemd1.NoSuchUnit";
		dbus_put_string(&body, "Unit x.scope not loaded.");
	} else {
		dbus_put_string(&body, call->member);
	}
	reply.body = (const uint8_t *)body.data;
	reply.body_bytes = body.len;
	/* A signal and an answer to somebody else come in between. */
	dbus_put_message(&out, &signal_);
	reply.reply_serial += 100;
	dbus_put_align(&out, 8);
	dbus_put_message(&out, &reply);
	(void)fd_write_all(fd, out.data, out.len);
	buf_clear(&out);
	reply.reply_serial -= 100;
	dbus_put_message(&out, &reply);
	(void)fd_write_all(fd, out.data, out.len);
}

static void serve(int listening, const char *greeting)
{
	struct dbus bus = DBUS_CLOSED;
	struct dbus_message call;
	struct err err;
	char line[64];
	size_t got = 0;

	bus.fd = accept(listening, NULL, NULL);
	bus.in = BUF_INIT(DBUS_MESSAGE_BYTES_MAX);
	/* "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n" is 29 bytes. */
	while (got < 29 && read(bus.fd, line + got, 1) == 1)
		got++;
	if (got != 29 || memcmp(line, "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 29) != 0)
		_exit(2);
	(void)fd_write_all(bus.fd, greeting, strlen(greeting));
	while (dbus_next(&bus, dbus_now_ms() + 5000, &call, &err) == 0)
		answer(bus.fd, &call);
	_exit(0);
}

static bool fake_start(struct fake *fake, const char *greeting)
{
	static int count;
	struct sockaddr_un where;
	socklen_t bytes;
	struct err err;

	count++;
	(void)snprintf(fake->address, sizeof(fake->address), "unix:abstract=corten-dbus-test-%d-%d",
		       getpid(), count);
	fake->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fake->listening < 0 || dbus_address_parse(fake->address, &where, &bytes, &err) < 0 ||
	    bind(fake->listening, (const struct sockaddr *)&where, bytes) < 0 ||
	    listen(fake->listening, 1) < 0)
		return false;
	fake->pid = fork();
	if (fake->pid == 0)
		serve(fake->listening, greeting);
	return fake->pid > 0;
}

static void fake_stop(struct fake *fake)
{
	int status;

	(void)close(fake->listening);
	(void)kill(fake->pid, SIGKILL);
	(void)waitpid(fake->pid, &status, 0);
}

TEST(calls_find_their_answers)
{
	const struct dbus_message echo = {.path = "/x", .interface = "x.y", .member = "Echo"};
	const struct dbus_message fail = {.path = "/x", .interface = "x.y", .member = "Fail"};
	const struct dbus_message none = {.path = "/x", .interface = "x.y", .member = "Silence"};
	struct dbus_message reply;
	struct fake fake;
	struct dbus bus;
	struct err err;
	char text[600];

	REQUIRE(fake_start(&fake, "DATA\r\nOK 0123456789abcdef\r\n"));
	int rc = dbus_open(fake.address, 5000, &bus, &err);
	if (rc < 0)
		TEST_FAIL("%s", err_format(&err, text, sizeof(text)));
	for (int i = 0; rc == 0 && i < 3; i++) {
		REQUIRE(dbus_call(&bus, &echo, 5000, &reply, &err) == 0);
		struct dbus_reader in = dbus_body(&reply);
		CHECK_STR(dbus_get_string(&in), "Echo");
	}
	if (rc == 0) {
		CHECK_INT(dbus_call(&bus, &fail, 5000, &reply, &err), -ENOENT);
		CHECK_INT(err.kind, ERR_NOT_FOUND);
		CHECK(strstr(err_format(&err, text, sizeof(text)), "not loaded") != NULL);
		CHECK_INT(dbus_call(&bus, &none, 50, &reply, &err), -ETIMEDOUT);
	}
	dbus_close(&bus);
	dbus_close(&bus);
	fake_stop(&fake);
}

TEST(who_is_not_let_in_hears_it)
{
	struct fake fake;
	struct dbus bus;
	struct err err;

	REQUIRE(fake_start(&fake, "REJECTED EXTERNAL\r\n"));
	CHECK(dbus_open(fake.address, 5000, &bus, &err) < 0);
	CHECK_INT(err.kind, ERR_DENIED);
	fake_stop(&fake);
	CHECK(dbus_open(fake.address, 100, &bus, &err) < 0); /* nobody is there */
}

TESTS(T(what_is_written_is_read), T(the_format_is_the_specifications),
      T(every_cut_and_flip_is_refused_or_read_within), T(bad_signatures), T(limits), T(addresses),
      T(calls_find_their_answers), T(who_is_not_let_in_hears_it))
