/* SPDX-License-Identifier: Apache-2.0 */
#include "config/id.h"

#include <ctype.h>

enum { TYPE_LEN_MAX = 63, NAME_LEN_MAX = 1024 };

static weir_text trim(weir_text text)
{
    while (text.len > 0 && isspace((unsigned char)text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool is_type(weir_text type)
{
    for (size_t i = 0; i < type.len; i++) {
        unsigned char c = (unsigned char)type.data[i];
        if (c >= 0x80 || !(isalpha(c) || (i > 0 && (isdigit(c) || c == '_'))))
            return false;
    }
    return type.len <= TYPE_LEN_MAX;
}

/* Only ASCII's symbols are looked for; Unicode's would need its tables and do no harm. */
static bool is_name(weir_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c <= ' ' || c == 0x7f || strchr("$+<=>^`|~", c))
            return false;
    }
    return name.len <= NAME_LEN_MAX;
}

const char *weir_id_parse(weir_tree *tree, const char *text, weir_id *ret_id)
{
    const char *slash = strchr(text, '/');
    weir_text type = trim((weir_text){text, slash ? (size_t)(slash - text) : strlen(text)});
    weir_text name = slash ? trim(weir_text_of(slash + 1)) : (weir_text){"", 0};
    if (type.len == 0)
        return slash ? "the part before / must not be empty" : "an id must not be empty";
    if (slash && name.len == 0)
        return "the part after / must not be empty";
    if (!is_type(type))
        return "a type is made of letters, digits and \"_\", at most 63, and begins with a letter";
    if (!is_name(name))
        return "a name has no spaces, control characters or symbols, and at most 1024 bytes";
    char *id = weir_tree_alloc(tree, type.len + 1 + name.len + 1);
    memcpy(id, type.data, type.len);
    id[type.len] = slash ? '/' : '\0';
    memcpy(id + type.len + 1, name.data, name.len);
    id[type.len + 1 + name.len] = '\0';
    *ret_id = (weir_id){
        .type = weir_tree_text(tree, type.data, type.len),
        .name = weir_tree_text(tree, name.data, name.len),
        .text = id,
    };
    return NULL;
}
