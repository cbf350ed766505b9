#include <string.h>

#include "cli/command.h"

/* troff reads a leading dot or quote, and every backslash and hyphen, in its own way. */
static void add_text(struct buf *out, const char *text)
{
	bool line_begins = true;

	for (; *text != '\0'; text++) {
		if (line_begins && (*text == '.' || *text == '\''))
			buf_str(out, "\\&");
		if (*text == '\\')
			buf_str(out, "\\e");
		else if (*text == '-')
			buf_str(out, "\\-");
		else
			buf_char(out, *text);
		line_begins = *text == '\n';
	}
}

static void add_option(const struct option *option, struct buf *out)
{
	buf_str(out, ".TP\n");
	if (option->letter != '\0')
		buf_fmt(out, "\\fB\\-%c\\fR, ", option->letter);
	buf_str(out, "\\fB\\-\\-");
	add_text(out, option->name);
	buf_str(out, "\\fR");
	if (option->metavar != NULL) {
		buf_str(out, " \\fI");
		add_text(out, option->metavar);
		buf_str(out, "\\fR");
	}
	buf_char(out, '\n');
	add_text(out, option->help);
	buf_char(out, '\n');
}

static void add_command(const struct command *command, struct buf *out)
{
	buf_str(out, ".SS corten ");
	add_text(out, command->name);
	buf_char(out, ' ');
	add_text(out, command->operands);
	buf_char(out, '\n');
	add_text(out, command->summary);
	buf_str(out, ".\n");
	if (command->aliases != NULL) {
		buf_str(out, "Also known as: ");
		add_text(out, command->aliases);
		buf_str(out, ".\n");
	}
	if (command->text != NULL) {
		buf_str(out, ".PP\n");
		add_text(out, command->text);
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < command->option_count; i++)
		add_option(&command->options[i], out);
}

static const char closing[] =
	".SH EXIT STATUS\n"
	"\\fBrun\\fR and \\fBexec\\fR exit with the status of the container's process, or with\n"
	".TP\n125\nwhen Corten itself failed,\n"
	".TP\n126\nwhen the command cannot be executed,\n"
	".TP\n127\nwhen it was not found,\n"
	".TP\n128+\\fIn\\fR\nwhen signal \\fIn\\fR killed it.\n"
	".SH NETWORK\n"
	"A container has a network namespace of its own with nothing but its loopback\n"
	"(\\fB\\-\\-network none\\fR, the default for now), or the host's (\\fB\\-\\-network "
	"host\\fR).\n"
	".SH CONFINEMENT\n"
	"Where AppArmor is enabled, a container runs under the profile \\fBcorten\\-default\\fR,\n"
	"which allows and denies what Docker's does. The first container that needs it has it\n"
	"loaded by \\fBapparmor_parser\\fR(8); where that is not installed, a warning says that\n"
	"the container runs without it, and where it fails, nothing runs. A loaded profile of\n"
	"that name is left as it is.\n"
	".PP\n"
	"Where SELinux is enabled, a container's processes are of the type \\fBcontainer_t\\fR,\n"
	"its files of \\fBcontainer_file_t\\fR, both with a pair of categories that no other\n"
	"container has. Folders of the host that are mounted keep their labels.\n"
	".PP\n"
	"\\fB\\-\\-security\\-opt\\fR takes another profile (\\fBapparmor=\\fIPROFILE\\fR or\n"
	"\\fBunconfined\\fR), or other parts of the contexts "
	"(\\fBlabel=\\fIPART\\fB:\\fIVALUE\\fR, "
	"a part\n"
	"being user, role, type, level, or filetype; \\fBlabel=disable\\fR for none). What the "
	"host\n"
	"would not heed is an error. \\fB\\-\\-privileged\\fR is unconfined by both; a container "
	"in\n"
	"the host's PID or IPC namespace has no label of SELinux. \\fBexec\\fR is confined as its\n"
	"container is, also with \\fB\\-\\-privileged\\fR. \\fBinfo\\fR says what the host has.\n";

static const char registries[] =
	".SH REGISTRIES\n"
	"A name without a host is Docker's registry's, as with Docker. \\fBpull\\fR, and "
	"\\fBrun\\fR\n"
	"and \\fBcreate\\fR when an image is missing, speak TLS and want to see a certificate of\n"
	"the host's; plain HTTP is for this machine itself, and for registries that\n"
	"\\fIregistries.conf\\fR calls insecure or \\fB\\-\\-tls\\-verify=false\\fR names. What is "
	"fetched is\n"
	"checked against its digest before it has a name. A transfer that breaks off goes on; "
	"what\n"
	"is busy is tried again. Proxies are those of \\fBhttps_proxy\\fR, \\fBhttp_proxy\\fR and\n"
	"\\fBno_proxy\\fR. With \\fB\\-\\-offline\\fR no connection is opened at all.\n"
	".PP\n"
	"\\fBpush\\fR sends what the registry lacks: it asks for each layer first, and has those\n"
	"mounted that another of its repositories is known to have. Layers are written again from\n"
	"what was unpacked, byte for byte. An upload that breaks is made again, or goes on where "
	"the\n"
	"registry is. Mirrors of \\fIregistries.conf\\fR are not pushed to.\n"
	".PP\n"
	"Examples:\n"
	".nf\n"
	"    corten pull alpine\n"
	"    corten pull \\-\\-platform linux/arm64 quay.io/libpod/alpine:3.10.2\n"
	"    corten pull localhost:5000/box@sha256:...\n"
	"    corten run \\-\\-rm \\-\\-pull newer alpine echo hello\n"
	"    corten push box registry.example.com/me/box:1.0\n"
	"    corten push \\-\\-compression\\-format zstd registry.example.com/me/box:1.0\n"
	"    corten image inspect docker://alpine\n"
	"    corten image copy \\-\\-all docker://alpine oci:alpine:latest\n"
	"    corten image tags \\-\\-limit 10 quay.io/libpod/alpine\n"
	"    corten image referrers \\-\\-artifact\\-type application/spdx+json "
	"localhost:5000/box:1\n"
	"    corten login \\-u me \\-\\-password\\-stdin registry.example.com <password\n"
	".fi\n";

static const char files[] =
	".SH FILES\n"
	".TP\n\\fI/etc/corten/corten.conf\\fR, \\fI/etc/corten/corten.conf.d/*.conf\\fR, "
	"\\fI$XDG_CONFIG_HOME/corten/corten.conf\\fR\n"
	"Defaults, as lines of \\fIkey\\fR = \\fIvalue\\fR, read in this order. Keys: root, state, "
	"libexec, network, pids\\-limit, shm\\-size, detach\\-keys, stop\\-timeout, log\\-driver, "
	"log\\-max\\-size, log\\-max\\-files, seccomp\\-profile, cgroup\\-parent, init, offline, "
	"ulimit "
	"(which "
	"may come several times).\n"
	".TP\n\\fI$XDG_RUNTIME_DIR/containers/auth.json\\fR, "
	"\\fI~/.config/containers/auth.json\\fR, "
	"\\fI~/.docker/config.json\\fR\n"
	"Names and passwords of registries, as Podman and Docker keep them, credential helpers "
	"included. \\fBlogin\\fR writes the first.\n"
	".TP\n\\fI/etc/containers/certs.d/HOST:PORT\\fR, \\fI/etc/docker/certs.d/HOST:PORT\\fR, "
	"\\fI~/.config/containers/certs.d/HOST:PORT\\fR\n"
	"Authorities' certificates (*.crt), and one's own (*.cert with *.key).\n"
	".TP\n\\fI/etc/containers/registries.conf\\fR, "
	"\\fI~/.config/containers/registries.conf\\fR\n"
	"Mirrors of registries, other places, blocked and insecure ones.\n"
	".TP\n\\fI/var/lib/corten\\fR\nImages, containers, the database.\n"
	".TP\n\\fI/run/corten\\fR\nWhat does not outlive a reboot.\n"
	".SH ENVIRONMENT\n"
	".TP\n\\fBCORTEN_ROOT\\fR, \\fBCORTEN_STATE\\fR, \\fBCORTEN_LIBEXEC\\fR\n"
	"Override the configuration; the last is the folder of Corten's other programs.\n"
	".TP\n\\fBREGISTRY_AUTH_FILE\\fR, \\fBCONTAINERS_REGISTRIES_CONF\\fR\n"
	"Instead of the files of passwords and of \\fIregistries.conf\\fR.\n"
	".TP\n\\fBNO_COLOR\\fR\nNo colours, not even on a terminal.\n"
	".SH SEE ALSO\n\\fBcorten\\-runtime\\fR(8)\n";

void man_program(struct buf *out)
{
	buf_str(out,
		".TH CORTEN 1 \"\" \"Corten " CORTEN_VERSION "\" \"User Commands\"\n"
		".SH NAME\ncorten \\- run containers\n"
		".SH SYNOPSIS\n\\fBcorten\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
		".SH DESCRIPTION\n"
		"Runs containers from images. There is no daemon: each command does its work, and "
		"a\n"
		"small monitor stays beside each running container.\n"
		".SH OPTIONS\n");
	for (size_t i = 0; i < cli_global_option_count; i++)
		add_option(&cli_global_options[i], out);
	buf_str(out, ".SH COMMANDS\n");
	for (size_t i = 0; cli_commands[i] != NULL; i++) {
		if ((cli_commands[i]->flags & COMMAND_HIDDEN) == 0)
			add_command(cli_commands[i], out);
	}
	buf_str(out, closing);
	buf_str(out, registries);
	buf_str(out, files);
}
