/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

enum { NUMBER_DIGITS = 16 };

static const char *const endings[WEIR_FILE_OTHER] = {
    [WEIR_FILE_LOG] = ".log", [WEIR_FILE_DONE] = ".done", [WEIR_FILE_DAMAGED] = ".damaged"};

char *weir_segment_path(const char *folder, uint64_t number, weir_segment_file kind)
{
    WEIR_ASSERT(kind < WEIR_FILE_OTHER);
    return weir_format("%s/%0*" PRIx64 "%s", folder, NUMBER_DIGITS, number, endings[kind]);
}

weir_segment_file weir_segment_name_read(const char *name, uint64_t *ret_number)
{
    if (strspn(name, "0123456789abcdef") != NUMBER_DIGITS)
        return WEIR_FILE_OTHER;
    for (weir_segment_file kind = WEIR_FILE_LOG; kind < WEIR_FILE_OTHER; kind++) {
        if (strcmp(name + NUMBER_DIGITS, endings[kind]) == 0) {
            *ret_number = strtoull(name, NULL, 16);
            return kind;
        }
    }
    return WEIR_FILE_OTHER;
}

static void add_number(weir_segment_list *list, uint64_t number)
{
    bool is_full = (list->count & (list->count - 1)) == 0; /* at 0 and every power of two */
    if (is_full)
        list->numbers = weir_realloc(list->numbers, list->count ? list->count * 2 : 1, sizeof list->numbers[0]);
    list->numbers[list->count++] = number;
}

static void on_name(void *user, const char *name)
{
    weir_folder_view *view = user;
    uint64_t number;
    weir_segment_file kind = weir_segment_name_read(name, &number);
    if (kind == WEIR_FILE_OTHER)
        return;
    if (kind != WEIR_FILE_DAMAGED)
        add_number(kind == WEIR_FILE_LOG ? &view->logs : &view->dones, number);
    if (view->number_last < number)
        view->number_last = number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sort(weir_segment_list *list)
{
    if (list->count > 0)
        qsort(list->numbers, list->count, sizeof list->numbers[0], compare_numbers);
}

weir_status weir_folder_view_read(const weir_files *files, const char *folder, weir_folder_view *ret_view)
{
    weir_folder_view view = {0};
    if (files->list(files, folder, on_name, &view) != 0) {
        int list_errno = errno;
        weir_folder_view_done(&view);
        errno = list_errno;
        return list_errno == ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
    }
    sort(&view.logs);
    sort(&view.dones);
    *ret_view = view;
    return WEIR_OK;
}

void weir_folder_view_done(weir_folder_view *view)
{
    free(view->logs.numbers);
    free(view->dones.numbers);
    *view = (weir_folder_view){0};
}

bool weir_segment_list_has(const weir_segment_list *list, uint64_t number)
{
    return list->count > 0 &&
           bsearch(&number, list->numbers, list->count, sizeof list->numbers[0], compare_numbers) != NULL;
}
