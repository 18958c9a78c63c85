/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/memory.h"

struct weir_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    uint32_t groups;
};

static pcre2_code *compile(const char *expression, char *ret_error)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile(
        (PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &error, &offset, context);
    pcre2_compile_context_free(context);
    if (!code) {
        char reason[128];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, sizeof reason);
        snprintf(ret_error, WEIR_PATTERN_ERROR_SIZE, "%s, at character %zu", reason, (size_t)offset);
    }
    return code;
}

weir_pattern *weir_pattern_new(const char *expression, char *ret_error)
{
    pcre2_code *code = compile(expression, ret_error);
    if (!code)
        return NULL;
    /* Where writable code is forbidden, the interpreter does the same, slower. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    weir_pattern *pattern = WEIR_NEW(weir_pattern);
    pattern->code = code;
    pattern->match = pcre2_match_data_create_from_pattern(code, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    WEIR_ASSERT(pattern->match && pattern->limits); /* a few hundred bytes at start */
    pcre2_set_match_limit(pattern->limits, WEIR_PATTERN_STEPS_MAX);
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &pattern->groups);
    return pattern;
}

void weir_pattern_free(weir_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern);
}

bool weir_pattern_matches(weir_pattern *pattern, weir_text subject)
{
    const char *data = subject.data ? subject.data : "";
    return pcre2_match(pattern->code, (PCRE2_SPTR)data, subject.len, 0, 0, pattern->match, pattern->limits) >= 0;
}

uint32_t weir_pattern_group_count(const weir_pattern *pattern)
{
    return pattern->groups;
}

const char *weir_pattern_group_name(const weir_pattern *pattern, uint32_t group)
{
    uint32_t names, entry_size;
    PCRE2_SPTR entry;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &names);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &entry);
    for (; names > 0; names--, entry += entry_size) {
        uint32_t number = (uint32_t)entry[0] << 8 | entry[1]; /* as pcre2api lays the table out */
        if (number == group)
            return (const char *)entry + 2;
    }
    return NULL;
}

weir_text weir_pattern_group(const weir_pattern *pattern, uint32_t group, weir_text subject)
{
    WEIR_ASSERT(group <= pattern->groups);
    const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(pattern->match);
    PCRE2_SIZE start = bounds[2 * group], end = bounds[2 * group + 1];
    if (start == PCRE2_UNSET || end < start || end > subject.len) /* \K in a look-ahead may turn the bounds round */
        return WEIR_TEXT("");
    return (weir_text){subject.data + start, end - start};
}
