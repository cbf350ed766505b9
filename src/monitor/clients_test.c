#include "monitor/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

/* Adds a client of these flags; *ret_theirs is its end. */
static struct client *add(struct clients *clients, uint16_t flags, int *ret_theirs)
{
	struct err err;
	int fds[2];

	if (attach_pair(fds, &err) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0)
		return NULL;
	*ret_theirs = fds[1];
	struct client *client = clients_add(clients, fds[0]);
	client->flags = flags;
	client->greeted = true;
	return client;
}

/* Reads everything; returns the bytes of output, and adds up those told as lost. */
static size_t read_all(int fd, uint64_t *ret_lost)
{
	uint8_t packet[ATTACH_MESSAGE_MAX];
	struct attach_message message;
	struct err err;
	size_t total = 0;

	while (attach_receive(fd, packet, &message, &err) == 1) {
		if (message.type == ATTACH_LOST)
			*ret_lost += message.number;
		else if (message.type == ATTACH_STDOUT || message.type == ATTACH_STDERR)
			total += message.bytes.size;
	}
	return total;
}

TEST(each_gets_what_it_wants)
{
	struct clients clients = {0};
	uint64_t lost = 0;
	int out = FD_NONE, errors = FD_NONE;

	REQUIRE(add(&clients, ATTACH_WANT_STDOUT, &out) != NULL);
	REQUIRE(add(&clients, ATTACH_WANT_STDERR, &errors) != NULL);
	clients_output(&clients, ATTACH_STDOUT, "12345", 5);
	clients_output(&clients, ATTACH_STDERR, "678", 3);
	CHECK_INT(read_all(out, &lost), 5);
	CHECK_INT(read_all(errors, &lost), 3);
	CHECK_INT(lost, 0);
	clients_done(&clients);
	fd_closep(&out);
	fd_closep(&errors);
}

/* The kernel's bounded socket buffer is all that a stuck client costs; every byte is accounted for. */
TEST(a_stuck_client_loses_and_is_told)
{
	static const char data[ATTACH_DATA_MAX];
	struct clients clients = {0};
	uint64_t lost = 0;
	size_t sent = 0;
	int theirs = FD_NONE;

	struct client *client = add(&clients, ATTACH_WANT_STDOUT, &theirs);
	REQUIRE(client != NULL);
	for (int i = 0; i < 1000; i++) {
		CHECK(clients_ready(&clients, ATTACH_WANT_STDOUT, i, 10));
		clients_output(&clients, ATTACH_STDOUT, data, sizeof(data));
		sent += sizeof(data);
	}
	CHECK(client->lost_bytes > 0);
	size_t got = read_all(theirs, &lost);
	CHECK_INT(lost, 0);
	CHECK_INT(got + client->lost_bytes, sent);
	clients_output(&clients, ATTACH_STDOUT, "x", 1);
	got += read_all(theirs, &lost);
	CHECK_INT(got + lost, sent + 1);
	CHECK_INT(client->lost_bytes, 0);
	clients_done(&clients);
	fd_closep(&theirs);
}

TEST(a_paced_client_holds_output_back_for_a_while)
{
	static const char data[ATTACH_DATA_MAX];
	struct clients clients = {0};
	uint64_t lost = 0;
	size_t sent = 0;
	int theirs = FD_NONE;

	struct client *client = add(&clients, ATTACH_WANT_STDOUT | ATTACH_PACED, &theirs);
	REQUIRE(client != NULL);
	for (int i = 0; i < 1000 && clients_ready(&clients, ATTACH_WANT_STDOUT, 5000, 100); i++) {
		clients_output(&clients, ATTACH_STDOUT, data, sizeof(data));
		sent += sizeof(data);
	}
	/* Asked before each message, it has lost nothing, and nobody else waits for it. */
	CHECK_INT(client->lost_bytes, 0);
	CHECK(sent < 1000 * sizeof(data));
	CHECK_INT(clients_deadline(&clients, 100), 5100);
	CHECK(!clients_ready(&clients, ATTACH_WANT_STDOUT, 5099, 100));
	CHECK(clients_ready(&clients, ATTACH_WANT_STDERR, 5099, 100));
	/* It reads again in time. */
	CHECK_INT(read_all(theirs, &lost), sent);
	CHECK(clients_ready(&clients, ATTACH_WANT_STDOUT, 5099, 100));
	CHECK_INT(clients_deadline(&clients, 100), -1);
	/* It does not: the container goes on without it. */
	while (clients_ready(&clients, ATTACH_WANT_STDOUT, 6000, 100))
		clients_output(&clients, ATTACH_STDOUT, data, sizeof(data));
	CHECK(clients_ready(&clients, ATTACH_WANT_STDOUT, 6100, 100));
	CHECK(client->slow);
	while (client->lost_bytes == 0)
		clients_output(&clients, ATTACH_STDOUT, data, sizeof(data));
	/* It comes back: it is told, and paced again. */
	(void)read_all(theirs, &lost);
	clients_output(&clients, ATTACH_STDOUT, "x", 1);
	CHECK(!client->slow);
	CHECK_INT(read_all(theirs, &lost), 1);
	CHECK_INT(lost, sizeof(data));
	clients_done(&clients);
	fd_closep(&theirs);
}

TEST(the_table_is_bounded)
{
	struct clients clients = {0};
	int theirs[CLIENTS_MAX], spare[2];
	struct err err;

	for (int i = 0; i < CLIENTS_MAX; i++)
		REQUIRE(add(&clients, 0, &theirs[i]) != NULL);
	REQUIRE(attach_pair(spare, &err) == 0);
	CHECK(clients_add(&clients, spare[0]) == NULL);
	char byte;
	CHECK_INT(read(spare[1], &byte, 1), 0);
	clients_remove(&clients, &clients.list[3]);
	CHECK_INT(clients.count, CLIENTS_MAX - 1);
	clients_done(&clients);
	CHECK_INT(clients.count, 0);
	for (int i = 0; i < CLIENTS_MAX; i++)
		fd_closep(&theirs[i]);
	fd_closep(&spare[1]);
}

TESTS(T(each_gets_what_it_wants), T(a_stuck_client_loses_and_is_told),
      T(a_paced_client_holds_output_back_for_a_while), T(the_table_is_bounded))
