/* Connects the console socket before the namespaces change; attaches the terminal inside. */
#include "runtime/console.h"
#include "runtime/steps/steps.h"

int step_console_connect(struct start *start, struct err *err)
{
	return console_connect(start->config->process, start->options->console_socket,
			       start->options->proxy_terminal, &start->console_fd,
			       &start->master_fd, err);
}

int step_console_attach(struct start *start, struct err *err)
{
	bool proxy = start->options->proxy_terminal && start->options->console_socket == NULL;

	return console_attach(start->config->process, start->root_fd, start->console_fd, true,
			      proxy, err);
}
