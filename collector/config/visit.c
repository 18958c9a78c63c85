/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option.h"
#include "core/memory.h"

typedef struct visitor {
    void (*visit)(void *user, const weir_option *option, const char *path, const char *id);
    void *user;
} visitor;

static void visit_table(const visitor *self, const weir_option *options, const void *config, const char *prefix);

/* What lies below one row: a group, or a pointer or list of groups. A list's places are not told apart. */
static void visit_below(const visitor *self, const weir_option *option, const void *at, const char *path)
{
    WEIR_FREE char *prefix = weir_format("%s.", path);
    if (option->type == WEIR_OPTION_GROUP)
        visit_table(self, option->group, at, prefix);
    else if (option->type == WEIR_OPTION_POINTER && *(void *const *)at)
        visit_table(self, option->group, *(void *const *)at, prefix);
    else if (option->type == WEIR_OPTION_LIST) {
        const weir_list *list = at;
        for (size_t i = 0; i < list->count; i++)
            visit_table(self, option->group, (const char *)list->items + i * option->group_size, prefix);
    }
}

static void visit_table(const visitor *self, const weir_option *options, const void *config, const char *prefix)
{
    for (; options->name; options++) {
        if (options->standing != WEIR_HONOURED && options->standing != WEIR_DEPRECATED)
            continue;
        WEIR_FREE char *path = weir_format("%s%s", prefix, options->name);
        const void *at = (const char *)config + options->offset;
        if (options->type != WEIR_OPTION_EXTENSION)
            visit_below(self, options, at, path);
        else if (*(char *const *)at)
            self->visit(self->user, options, path, *(char *const *)at);
    }
}

void weir_options_visit_extensions(const weir_option *options, const void *config,
                                   void (*visit)(void *user, const weir_option *option, const char *path,
                                                 const char *id),
                                   void *user)
{
    const visitor self = {visit, user};
    visit_table(&self, options, config, "");
}
