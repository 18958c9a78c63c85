/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "exporters/elasticsearch/id.h"

static weir_slice slice_of(uint64_t origin, uint64_t sequence, uint32_t items)
{
    return (weir_slice){.items = items, .id = {origin, sequence}};
}

static const char *id_of(const weir_slice *slice, uint32_t index, int64_t event)
{
    static char text[ES_ID_LEN_MAX + 1];
    size_t len = es_document_id_write(slice, index, event, text);
    cr_assert_leq(len, (size_t)ES_ID_LEN_MAX);
    text[len] = '\0';
    return text;
}

Test(elasticsearch_id, is_base64url_of_origin_sequence_and_ordinal)
{
    weir_slice slice = slice_of(0x0001020304050607, 0x08090a0b0c0d0e0f, 0x10111214);
    cr_assert_str_eq(id_of(&slice, 0x10111213, ES_ID_NO_EVENT), "AAECAwQFBgcICQoLDA0ODxAREhM");
    slice = slice_of(UINT64_MAX, UINT64_MAX, 1);
    cr_assert_str_eq(id_of(&slice, 0, ES_ID_NO_EVENT), "_____________________wAAAAA");
}

Test(elasticsearch_id, of_an_event_is_the_spans_with_a_number_behind_it)
{
    weir_slice slice = slice_of(0x0001020304050607, 0x08090a0b0c0d0e0f, 2);
    char span[ES_ID_LEN_MAX + 1];
    strcpy(span, id_of(&slice, 1, ES_ID_NO_EVENT));
    const char *first = id_of(&slice, 1, 0);
    cr_assert_eq(strlen(first), 32);
    cr_assert_eq(strncmp(first, span, 26), 0, "the 27th character has bits of both");
    cr_assert_str_neq(id_of(&slice, 1, 0), span);
    char last[ES_ID_LEN_MAX + 1];
    strcpy(last, id_of(&slice, 1, 0));
    cr_assert_str_neq(id_of(&slice, 1, 1), last);
}

Test(elasticsearch_id, stays_with_an_item_when_others_are_gone)
{
    weir_slice whole = slice_of(7, 9, 5);
    char third[ES_ID_LEN_MAX + 1];
    strcpy(third, id_of(&whole, 2, ES_ID_NO_EVENT));
    weir_slice part = slice_of(7, 9, 2);
    part.ordinals = weir_ordinals_new(2);
    part.ordinals->kept[0] = 0;
    part.ordinals->kept[1] = 2;
    cr_assert_str_eq(id_of(&part, 1, ES_ID_NO_EVENT), third);
    weir_slice_done(&part);
}
