#include "oci/state.h"

#include "oci/oci_test.h"

TEST(state_is_read)
{
	struct oci_state state;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("state_running.json", &text) < 0 ||
	    document_parse(&oci_state_shape, &text, &arena, &state) < 0)
		return;
	CHECK_STR(state.id, "oci-container1");
	CHECK_INT(state.status, OCI_STATUS_RUNNING);
	CHECK_INT(state.pid, 4422);
	document_round_trip(&oci_state_shape, "state_running.json", JSON_PRETTY);
}

TEST(state_of_a_stopped_container_has_no_pid)
{
	struct oci_state state = {.oci_version = OCI_VERSION,
				  .id = "c",
				  .status = OCI_STATUS_STOPPED,
				  .bundle = "/b"};
	BUF_AUTO(out, 4096);

	json_write(&oci_state_shape, &state, JSON_PRETTY, &out);
	CHECK_STR(out.data, "{\n  \"ociVersion\": \"" OCI_VERSION "\",\n  \"id\": \"c\",\n"
			    "  \"status\": \"stopped\",\n  \"bundle\": \"/b\"\n}");
}

TEST(process_state_holds_the_state)
{
	static const char *fds[] = {"seccompFd"};
	struct oci_process_state state = {
		.oci_version = OCI_VERSION,
		.fds = {fds, 1},
		.pid = 7,
		.state = {.oci_version = OCI_VERSION, .id = "c", .pid = 7, .bundle = "/b"}};
	BUF_AUTO(out, 4096);

	json_write(&oci_process_state_shape, &state, JSON_COMPACT, &out);
	CHECK_STR(out.data, "{\"ociVersion\":\"" OCI_VERSION "\",\"fds\":[\"seccompFd\"],\"pid\":7,"
			    "\"state\":{\"ociVersion\":\"" OCI_VERSION "\",\"id\":\"c\","
			    "\"status\":\"creating\",\"pid\":7,\"bundle\":\"/b\"}}");
}

TESTS(T(state_is_read), T(state_of_a_stopped_container_has_no_pid),
      T(process_state_holds_the_state))
