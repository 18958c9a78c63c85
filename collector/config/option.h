/* SPDX-License-Identifier: Apache-2.0
 *
 * How a component says what it can be told: one table per component, of which everything else is made: parsing into its
 * configuration struct, validation with file:line:column and a suggestion, `weir components NAME`, the reference pages
 * and the JSON Schema.
 *
 *     typedef struct nop_config { uint64_t delay_ms; char *name; } nop_config;
 *     static const weir_option nop_options[] = {
 * {.name = "delay", .type = WEIR_OPTION_DURATION, .offset = offsetof(nop_config, delay_ms), .default_text = "0s",
 *          .summary = "How long every batch is held."},
 *         {.name = "name", .type = WEIR_OPTION_STRING, .offset = offsetof(nop_config, name), .summary = "…"},
 *         {0}};
 *
 * The struct is zeroed, then filled with defaults, then with what the file says. Strings and lists in it are owned by
 * it and freed by weir_options_free with the same table.
 */
#ifndef WEIR_CONFIG_OPTION_H
#define WEIR_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

typedef struct weir_node weir_node; /* config/node.h: a piece of the configuration with its place in the file */

typedef enum weir_option_type {
    WEIR_OPTION_BOOL,       /* bool */
    WEIR_OPTION_INT,        /* int64_t */
    WEIR_OPTION_UINT,       /* uint64_t */
    WEIR_OPTION_DOUBLE,     /* double */
    WEIR_OPTION_DURATION,   /* uint64_t, milliseconds; Go's syntax: "1m30s", "200ms", "0" */
    WEIR_OPTION_BYTES,      /* uint64_t; a number of bytes, or "64KiB", "10MB" */
    WEIR_OPTION_STRING,     /* char *, NULL if unset and without default */
    WEIR_OPTION_SECRET,     /* char *, masked in every output */
    WEIR_OPTION_ENDPOINT,   /* char *, "host:port"; a scheme http:// or https:// is kept */
    WEIR_OPTION_ENUM,       /* int, index into enum_names */
    WEIR_OPTION_STRINGS,    /* weir_strings */
    WEIR_OPTION_MAP,        /* weir_string_map; values are strings */
    WEIR_OPTION_SECRET_MAP, /* the same with masked values (headers) */
    WEIR_OPTION_GROUP,      /* a struct inside the struct: `group` is its table */
    WEIR_OPTION_POINTER,    /* a pointer to such a struct, NULL while the key is absent; a `key:` alone is present */
    WEIR_OPTION_LIST,       /* weir_list of such structs */
    WEIR_OPTION_ANY,        /* const weir_node *, borrowed from the document: for keys a component reads itself */
    WEIR_OPTION_EXTENSION,  /* char *: the id of an extension in service.extensions that lends what `lends` says */
} weir_option_type;

/* What one component may borrow from an extension. */
typedef enum weir_lends {
    WEIR_LENDS_STORAGE = 1,     /* a disk queue's folder */
    WEIR_LENDS_CLIENT_AUTH = 2, /* what outgoing requests carry */
    WEIR_LENDS_SERVER_AUTH = 4, /* who may send */
} weir_lends;

typedef enum weir_standing {
    WEIR_HONOURED,  /* does what it says */
    WEIR_SUBSUMED,  /* accepted; weir always does the safer thing, which `remark` names */
    WEIR_NOT_BUILT, /* an error when written; `remark` is the remedy */
    WEIR_DEPRECATED /* honoured, with a warning; `remark` names the new key */
} weir_standing;

typedef struct weir_string_map {
    char **keys; /* in the order of the file */
    char **values;
    size_t count;
} weir_string_map;

typedef struct weir_list {
    void *items; /* array of group_size structs */
    size_t count;
} weir_list;

typedef struct weir_option {
    const char *name; /* the last row of a table has none */
    weir_option_type type;
    weir_standing standing;
    size_t offset;                 /* into the configuration struct; unused unless honoured or deprecated */
    const char *default_text;      /* as one would write it in the file; NULL: zero, false, unset */
    double min, max;               /* of numbers, durations (ms) and bytes; both 0: not limited */
    const char *unit;              /* for the reference: "items", "MiB" */
    const char *const *enum_names; /* NULL-terminated */
    const struct weir_option *group;
    size_t group_size; /* of GROUP, POINTER and LIST: sizeof the struct */
    weir_lends lends;  /* of EXTENSION */
    bool required;
    bool is_secret;           /* of STRINGS: every item is masked in every output, as SECRET is */
    const char *otel_default; /* where it differs from the Collector's: the Collector's value */
    const char *remark;       /* see weir_standing; also why a default differs */
    const char *summary;      /* one sentence */
} weir_option;

/* True if no output may show what is written for it. */
static inline bool weir_option_is_secret(const weir_option *option)
{
    return option->type == WEIR_OPTION_SECRET || option->type == WEIR_OPTION_SECRET_MAP || option->is_secret;
}

/* Where messages about a configuration are gathered; config/diagnostics.h. */
typedef struct weir_diagnostics weir_diagnostics;

/* Fills `config` (size known to the caller, zeroed by it) from `node` (a mapping, or NULL/null for all defaults).
 * Every mistake becomes a diagnostic; returns false if there was an error. `config` must be freed in both cases. */
bool weir_options_read(const weir_option *options, const weir_node *node, void *config, weir_diagnostics *diagnostics);

/* Frees what weir_options_read put into `config`, not `config` itself. */
void weir_options_free(const weir_option *options, void *config);

/* Calls `visit` for every written option of type EXTENSION, with its value and the dotted path of its key
 * (inside a list the path leads to no node). */
void weir_options_visit_extensions(const weir_option *options, const void *config,
                                   void (*visit)(void *user, const weir_option *option, const char *path,
                                                 const char *id),
                                   void *user);

/* Calls `visit` for every secret that stands in `node` (a component's settings) as such, rather than as ${env:…} or
 * ${file:…}; the secret's `file` says where. Certificates and headers with harmless names do not count. */
void weir_options_visit_secrets(const weir_option *options, const weir_node *node,
                                void (*visit)(void *user, const weir_node *secret), void *user);

/* True if what stands under such a name, of a header say, is likely to be a secret ("authorization", "x-api-key"). */
bool weir_name_is_of_secret(const char *name);

/* Diagnostics for a component's own checks; `node` is where (NULL: the whole file). printf-style, one sentence. */
void weir_diagnostics_error(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void weir_diagnostics_warning(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The node of a nested key such as "protocols.grpc", or NULL. For placing a message. */
const weir_node *weir_node_find(const weir_node *node, const char *dotted_path);

#endif
