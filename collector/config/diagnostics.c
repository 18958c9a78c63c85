/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diagnostics.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/node.h"
#include "core/memory.h"

typedef struct message {
    weir_severity severity;
    char *file; /* NULL: none */
    unsigned line, column;
    size_t file_order; /* when this file was first spoken of */
    size_t sequence;
    char *text;
} message;

struct weir_diagnostics {
    message *messages;
    size_t count;
    size_t counts[WEIR_SEVERITY_NOTE + 1];
};

weir_diagnostics *weir_diagnostics_new(void)
{
    return WEIR_NEW(weir_diagnostics);
}

void weir_diagnostics_free(weir_diagnostics *diagnostics)
{
    if (!diagnostics)
        return;
    for (size_t i = 0; i < diagnostics->count; i++) {
        free(diagnostics->messages[i].file);
        free(diagnostics->messages[i].text);
    }
    free(diagnostics->messages);
    free(diagnostics);
}

size_t weir_diagnostics_count(const weir_diagnostics *diagnostics, weir_severity severity)
{
    return diagnostics->counts[severity];
}

static size_t file_order(const weir_diagnostics *diagnostics, const char *file)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        const message *known = &diagnostics->messages[i];
        if (file == known->file || (file && known->file && strcmp(file, known->file) == 0))
            return known->file_order;
    }
    return diagnostics->count;
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    int len = vasprintf(&text, format, arguments);
    return len < 0 ? weir_strdup(format) : text;
}

/* Control characters in what is quoted from a file must not reach a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text))
            *text = ' ';
    }
}

/* Takes `text`. */
static void add(weir_diagnostics *diagnostics, weir_severity severity, const char *file, unsigned line, unsigned column,
                char *text)
{
    diagnostics->counts[severity]++;
    if (diagnostics->count == WEIR_DIAGNOSTICS_MAX) {
        free(text);
        return;
    }
    make_printable(text);
    size_t order = file_order(diagnostics, file);
    diagnostics->messages = weir_realloc(diagnostics->messages, diagnostics->count + 1, sizeof(message));
    diagnostics->messages[diagnostics->count] = (message){
        .severity = severity,
        .file = file ? weir_strdup(file) : NULL,
        .line = line,
        .column = column,
        .file_order = order,
        .sequence = diagnostics->count,
        .text = text,
    };
    if (file)
        make_printable(diagnostics->messages[diagnostics->count].file);
    diagnostics->count++;
}

static void add_at_node(weir_diagnostics *diagnostics, weir_severity severity, const weir_node *node,
                        const char *format, va_list arguments)
{
    WEIR_BUFFER line = {0};
    weir_node_path(node, &line);
    if (line.len > 0)
        weir_buffer_append_text(&line, ": ");
    WEIR_FREE char *text = format_text(format, arguments);
    weir_buffer_append_text(&line, text);
    add(diagnostics, severity, node ? node->file : NULL, node ? node->line : 0, node ? node->column : 0,
        weir_strdup(weir_buffer_string(&line)));
}

void weir_diagnostics_error(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at_node(diagnostics, WEIR_SEVERITY_ERROR, node, format, arguments);
    va_end(arguments);
}

void weir_diagnostics_warning(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at_node(diagnostics, WEIR_SEVERITY_WARNING, node, format, arguments);
    va_end(arguments);
}

void weir_diagnostics_note(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_at_node(diagnostics, WEIR_SEVERITY_NOTE, node, format, arguments);
    va_end(arguments);
}

void weir_diagnostics_at(weir_diagnostics *diagnostics, weir_severity severity, const char *file, unsigned line,
                         unsigned column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    add(diagnostics, severity, file, line, column, text);
}

/* ---- printing ---- */

static int compare(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
    const message *a = *(const message *const *)left, *b = *(const message *const *)right;
    int order = compare(a->file_order, b->file_order);
    if (order == 0)
        order = compare(a->line, b->line);
    if (order == 0)
        order = compare(a->column, b->column);
    return order != 0 ? order : compare(a->sequence, b->sequence);
}

static void print_message(const message *shown, weir_buffer *out)
{
    static const char *const names[] = {"error", "warning", "note"};
    if (shown->file)
        weir_buffer_append_text(out, shown->file);
    if (shown->file && shown->line > 0)
        weir_buffer_printf(out, ":%u:%u", shown->line, shown->column);
    weir_buffer_printf(out, "%s%s: %s\n", shown->file ? ": " : "", names[shown->severity], shown->text);
}

void weir_diagnostics_print(const weir_diagnostics *diagnostics, weir_severity least, weir_buffer *out)
{
    WEIR_FREE const message **sorted = weir_alloc(diagnostics->count + 1, sizeof(*sorted));
    for (size_t i = 0; i < diagnostics->count; i++)
        sorted[i] = &diagnostics->messages[i];
    qsort(sorted, diagnostics->count, sizeof(*sorted), by_place);
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (sorted[i]->severity <= least)
            print_message(sorted[i], out);
    }
    size_t all = diagnostics->counts[WEIR_SEVERITY_ERROR] + diagnostics->counts[WEIR_SEVERITY_WARNING] +
                 diagnostics->counts[WEIR_SEVERITY_NOTE];
    if (all > diagnostics->count)
        weir_buffer_printf(out, "… and %zu more\n", all - diagnostics->count);
}

/* ---- "did you mean" ---- */

enum { NAME_LEN_MAX = 64 };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance: letters changed, added, taken away, or swapped with their neighbour. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NAME_LEN_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t k = 0; k <= b_len; k++)
        last[k] = k;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            size_t cost = same_letter(a[i - 1], b[k - 1]) ? 0 : 1;
            row[k] = least_of(least_of(last[k] + 1, row[k - 1] + 1), last[k - 1] + cost);
            bool is_swap = i > 1 && k > 1 && same_letter(a[i - 1], b[k - 2]) && same_letter(a[i - 2], b[k - 1]);
            if (is_swap)
                row[k] = least_of(row[k], before[k - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_len];
}

const char *weir_nearest(const char *name, const char *const *candidates, size_t count)
{
    size_t name_len = strlen(name);
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count && name_len <= NAME_LEN_MAX; i++) {
        size_t len = strlen(candidates[i]);
        if (len > NAME_LEN_MAX)
            continue;
        size_t distance = edit_distance(name, name_len, candidates[i], len);
        size_t allowed = (len > name_len ? len : name_len) / 3;
        if (distance <= (allowed ? allowed : 1) && distance < len && distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
