/*
 * limits.h - the maxima of what grows from outside input, in one place.
 *
 * Units are in the names; a limit is what is still accepted.
 */
#ifndef CORTEN_BASE_LIMITS_H
#define CORTEN_BASE_LIMITS_H

#define PATH_LENGTH_MAX        4096        /* bytes, NUL included */
#define CONFIG_BYTES_MAX       (4 << 20)   /* config.json, process.json, state.json */
#define CONFIG_MEMORY_MAX      (32 << 20)  /* what such a document becomes in memory */
#define TREE_DEPTH_MAX         256         /* folders inside folders, where a walk recurses */
#define PASSWD_BYTES_MAX       (1 << 20)   /* of a tree's passwd or group file */
#define DBUS_MESSAGE_BYTES_MAX (256 << 10) /* one message, in either direction */

#endif
