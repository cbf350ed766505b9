#include "runtime/rdt.h"

#include "base/fd.h"

struct resctrl_wish rdt_wish(const struct oci_intel_rdt *config, const char *id)
{
	return (struct resctrl_wish){
		.id = id,
		.class_id = config->clos_id,
		.l3 = config->l3_cache_schema,
		.bandwidth = config->mem_bw_schema,
		.lines = config->schemata.items,
		.line_count = config->schemata.count,
		.monitor = config->enable_monitoring,
	};
}

int rdt_join_self(const struct container *container, struct err *err)
{
	const struct oci_intel_rdt *config = container->config.linux->intel_rdt;
	struct resctrl_plan plan;

	if (config == NULL)
		return 0;
	struct resctrl_wish wish = rdt_wish(config, container->record.id);
	int rc = resctrl_name(&wish, &plan, err);
	if (rc < 0)
		return err_wrap(err, rc, "linux.intelRdt");
	auto_fd root = resctrl_open(err);
	rc = root < 0 ? root : resctrl_join(root, &plan, 0, err);
	return rc < 0 ? err_wrap(err, rc, "linux.intelRdt") : 0;
}

int rdt_update(struct container *container, const char *l3, const char *bandwidth, struct err *err)
{
	if (container_status(container, NULL) == OCI_STATUS_STOPPED)
		return err_set(err, ERR_CONFLICT, 0, "cannot update container '%s': it is stopped",
			       container->record.id);
	int rc = container_load_config(container, err);
	if (rc < 0)
		return rc;
	const struct oci_intel_rdt *config = container->config.linux->intel_rdt;
	if (config == NULL)
		return err_set(err, ERR_INVALID, 0,
			       "container '%s' was created without linux.intelRdt, and is in no "
			       "resctrl group of its own",
			       container->record.id);
	struct resctrl_wish wish = {.id = container->record.id,
				    .class_id = config->clos_id,
				    .l3 = l3,
				    .bandwidth = bandwidth};
	auto_fd root = resctrl_open(err);
	return root < 0 ? root : resctrl_update(root, &wish, err);
}

int rdt_remove(const struct container_record *record, struct err *err)
{
	if (record->resctrl_paths.count == 0)
		return 0;
	auto_fd root = resctrl_open(err);
	if (root < 0)
		return root;
	for (size_t i = 0; i < record->resctrl_paths.count; i++) {
		int rc = resctrl_remove(root, record->resctrl_paths.items[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
