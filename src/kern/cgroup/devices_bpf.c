/* The v2 device filter: an assembler of a dozen instructions, and bpf(2) without a library. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"

#define PROGRAMS_MAX 64 /* the kernel's own bound for one cgroup */

/* Registers of the program: r1 is the kernel's struct bpf_cgroup_dev_ctx. */
enum { R_RESULT = 0, R_CONTEXT = 1, R_TYPE = 2, R_ACCESS = 3, R_MAJOR = 4, R_MINOR = 5 };

static struct bpf_insn insn(uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst & 0xfu, .src_reg = src & 0xfu, .off = off, .imm = imm};
}

static struct bpf_insn load(uint8_t dst, int16_t off)
{
	return insn(BPF_LDX | BPF_MEM | BPF_W, dst, R_CONTEXT, off, 0);
}

/*
 * 32 bits wide (5.1): a 64-bit compare would extend an immediate's sign. The offset is filled in
 * later.
 */
static struct bpf_insn skip_unless(uint8_t reg, int64_t value)
{
	return insn(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
}

static size_t add_result(struct bpf_insn *at, bool allow)
{
	at[0] = insn(BPF_ALU64 | BPF_MOV | BPF_K, R_RESULT, 0, 0, allow);
	at[1] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return 2;
}

/* The jumps past a rule's block where it does not match the device. */
static size_t add_match(struct bpf_insn *at, const struct cgroup_device_rule *rule)
{
	size_t n = 0;

	at[n++] = skip_unless(R_TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != CGROUP_DEVICE_ANY)
		at[n++] = skip_unless(R_MAJOR, rule->major);
	if (rule->minor != CGROUP_DEVICE_ANY)
		at[n++] = skip_unless(R_MINOR, rule->minor);
	return n;
}

/* Goes on behind the block unless one of these accesses is asked for. */
static size_t add_skip_without(struct bpf_insn *at, uint8_t access)
{
	at[0] = insn(BPF_JMP32 | BPF_JSET | BPF_K, R_ACCESS, 0, 1, access);
	at[1] = insn(BPF_JMP | BPF_JA, 0, 0, 0, 0);
	return 2;
}

/* Ends the block, behind which every jump without an offset yet goes. */
static size_t end_block(struct bpf_insn *at, size_t checks, bool allow)
{
	size_t n = checks + add_result(at + checks, allow);

	for (size_t i = 0; i < checks; i++)
		if (BPF_CLASS(at[i].code) != BPF_ALU64 && at[i].off == 0)
			at[i].off = (int16_t)(n - i - 1);
	return n;
}

/*
 * One exception. As v1: an exception that allows must hold all accesses asked for; one that forbids
 * need only hold one of them. Returns its length.
 */
static size_t add_exception(struct bpf_insn *at, const struct cgroup_device_rule *rule)
{
	uint8_t others = (uint8_t)(CGROUP_DEVICE_ALL & ~rule->access);
	size_t n = add_match(at, rule);

	if (others != 0 && rule->allow)
		at[n++] = insn(BPF_JMP32 | BPF_JSET | BPF_K, R_ACCESS, 0, 0, others);
	else if (others != 0)
		n += add_skip_without(at + n, rule->access);
	return end_block(at, n, rule->allow);
}

/* One rule of those that are followed from the last to the first: what it allows is not asked again. */
static size_t add_ordered(struct bpf_insn *at, const struct cgroup_device_rule *rule)
{
	size_t n = add_match(at, rule);

	if (rule->allow) {
		at[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, R_ACCESS, 0, 0,
			       CGROUP_DEVICE_ALL & ~rule->access);
		at[n++] = skip_unless(R_ACCESS, 0);
	} else {
		n += add_skip_without(at + n, rule->access);
	}
	return end_block(at, n, rule->allow);
}

size_t cgroup_device_program(const struct cgroup_device_policy *policy, struct bpf_insn *insns)
{
	size_t n = 0;

	insns[n++] = load(R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	insns[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0);
	insns[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	insns[n++] = insn(BPF_ALU64 | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16);
	insns[n++] = load(R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	insns[n++] = load(R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = 0; i < policy->count; i++)
		n += policy->ordered
			     ? add_ordered(insns + n, &policy->exceptions[policy->count - 1 - i])
			     : add_exception(insns + n, &policy->exceptions[i]);
	return n + add_result(insns + n, policy->allow_by_default);
}

static int bpf(int command, union bpf_attr *attr, size_t size)
{
	return (int)syscall(SYS_bpf, command, attr, (unsigned)size);
}

static uint64_t pointer(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

static int load_program(const struct bpf_insn *insns, size_t count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = pointer(insns);
	attr.insn_cnt = (uint32_t)count;
	attr.license = pointer("Apache-2.0");
	memcpy(attr.prog_name, "corten_devices", sizeof("corten_devices"));
	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* systemd replaces its own programs by itself, and takes a missing one for gone. */
static bool is_systemds(int fd)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info = pointer(&info);
	attr.info.info_len = sizeof(info);
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0 &&
	       strncmp(info.name, "sd_", 3) == 0;
}

/*
 * The programs attached to this cgroup itself. Those that may not be opened, and systemd's, only
 * restrict further and stay.
 */
static int open_attached(int dir_fd, int *fds, size_t *ret_count)
{
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr attr;

	*ret_count = 0;
	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dir_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = PROGRAMS_MAX;
	if (bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -errno;
	size_t count = attr.query.prog_cnt;
	for (size_t i = 0; i < count && i < PROGRAMS_MAX; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.prog_id = ids[i];
		int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
		if (fd >= 0 && !is_systemds(fd))
			fds[(*ret_count)++] = fd;
		else
			fd_closep(&fd);
	}
	return 0;
}

static int attach(int dir_fd, int program, int replace_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replace_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace_fd;
	}
	return bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static int detach(int dir_fd, int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr, sizeof(attr));
}

/*
 * There is no moment without a filter: one program is replaced at once, several go after the new
 * one is there.
 */
static int put_in_place(int dir_fd, int program, bool fresh)
{
	int old[PROGRAMS_MAX];
	size_t count = 0;
	int rc = fresh ? 0 : open_attached(dir_fd, old, &count);

	if (rc == 0 && attach(dir_fd, program, count == 1 ? old[0] : FD_NONE) < 0)
		rc = -errno;
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && count > 1 && detach(dir_fd, old[i]) < 0)
			rc = -errno;
		fd_closep(&old[i]);
	}
	return rc;
}

int cgroup_devices_apply_v2(const struct cgroup *cgroup, size_t i,
			    const struct cgroup_device_policy *policy, bool fresh, struct err *err)
{
	const char *dir = cgroup_dir(cgroup, i);
	struct bpf_insn insns[CGROUP_DEVICE_PROGRAM_MAX];

	auto_fd program = load_program(insns, cgroup_device_program(policy, insns));
	if (program < 0)
		return err_errno(err, "devices: load the device filter");
	auto_fd dir_fd =
		openat(cgroup->host->root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return err_errno(err, "devices: open the cgroup '" CGROUP_ROOT "/%s'", dir);
	int rc = put_in_place(dir_fd, program, fresh);
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "devices: attach the device filter to '" CGROUP_ROOT "/%s'",
				 dir);
	}
	return 0;
}
