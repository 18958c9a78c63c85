/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits of resources, scopes and items, attribute lists, and what they cost the account.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "generator.h"
#include "otlp/attributes.h"
#include "otlp/rewrite.h"

static weir_otlp_value string_value(const char *text)
{
    return (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = weir_text_of(text)};
}

static void put_string_attribute(weir_buffer *out, uint32_t number, const char *key, const char *text)
{
    weir_otlp_value value = string_value(text);
    weir_otlp_put_attribute(out, number, weir_text_of(key), &value);
}

/* Two resources (the second without a Resource message), each with one scope and the spans "a" and "b". */
static weir_slice two_resources(void)
{
    WEIR_BUFFER request = {0};
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER description = {0};
    weir_otlp_put_bytes(&scope, 1, "\x0a\x03lib", 5);
    weir_otlp_put_bytes(&scope, 2,
                        "\x2a\x01"
                        "a",
                        3);
    weir_otlp_put_bytes(&scope, 2,
                        "\x2a\x01"
                        "b",
                        3);
    put_string_attribute(&description, WEIR_OTLP_RESOURCE_ATTRIBUTES, "service.name", "shop");
    weir_otlp_put_bytes(&resource, 1, description.data, description.len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    resource.len = 0;
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    return generator_slice(WEIR_OTLP_TRACES, &request);
}

static void assert_valid(const weir_slice *slice)
{
    uint64_t items = 0;
    weir_error error;
    cr_assert_eq(weir_otlp_validate(WEIR_OTLP_TRACES, slice->data, slice->len, &items, &error), WEIR_OK, "%s",
                 error.text);
    cr_assert_eq(items, slice->items);
}

static void assert_resource_has(weir_bytes resource, const char *key, const char *expected)
{
    weir_otlp_value value;
    cr_assert(weir_otlp_attribute_find(weir_otlp_resource_attributes(resource), weir_text_of(key), &value));
    cr_assert(weir_text_is(value.string, expected));
}

/* ---- Resources and scopes ---------------------------------------------------------------------------------------- */

static weir_otlp_verdict add_to_resource(void *context, weir_bytes resource, weir_buffer *out)
{
    weir_otlp_attributes *list = context;
    weir_otlp_value value = string_value("production");
    weir_otlp_attributes_load(list, resource, WEIR_OTLP_RESOURCE_ATTRIBUTES);
    weir_otlp_attributes_set(list, WEIR_TEXT("env"), &value);
    weir_otlp_attributes_store(list, out);
    return WEIR_OTLP_REPLACE;
}

Test(otlp_edit, a_resource_is_changed_or_added_where_there_was_none)
{
    weir_slice slice = two_resources();
    weir_otlp_attributes list = {0};
    weir_slice edited;
    const weir_otlp_editor editor = {.context = &list, .on_resource = add_to_resource};
    cr_assert_eq(weir_otlp_edit(WEIR_OTLP_TRACES, &slice, &editor, &edited), WEIR_OK);
    assert_valid(&edited);
    cr_assert_eq(edited.items, 4);
    cr_assert_null(edited.ordinals, "no item was dropped");
    weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_TRACES, (weir_bytes){edited.data, edited.len});
    while (weir_otlp_items_next(&at)) {
        assert_resource_has(at.resource, "env", "production");
        if (at.index < 2)
            assert_resource_has(at.resource, "service.name", "shop");
    }
    weir_otlp_attributes_done(&list);
    weir_slice_done(&edited);
    weir_slice_done(&slice);
}

static weir_otlp_verdict drop_with_name(void *context, weir_bytes resource, weir_buffer *out)
{
    (void)context;
    (void)out;
    weir_otlp_value value;
    weir_otlp_walk attributes = weir_otlp_walk_in(resource, WEIR_OTLP_RESOURCE_ATTRIBUTES);
    return weir_otlp_attribute_find(attributes, WEIR_TEXT("service.name"), &value) ? WEIR_OTLP_DROP : WEIR_OTLP_KEEP;
}

Test(otlp_edit, a_dropped_resource_takes_its_items_along)
{
    weir_slice slice = two_resources();
    weir_slice edited;
    const weir_otlp_editor editor = {.on_resource = drop_with_name};
    cr_assert_eq(weir_otlp_edit(WEIR_OTLP_TRACES, &slice, &editor, &edited), WEIR_OK);
    assert_valid(&edited);
    cr_assert_eq(edited.items, 2);
    cr_assert_eq(weir_slice_ordinal(&edited, 0), 2);
    cr_assert_eq(weir_slice_ordinal(&edited, 1), 3);
    weir_slice_done(&edited);
    weir_slice_done(&slice);
}

static weir_otlp_verdict rename_scope(void *context, weir_bytes scope, weir_buffer *out)
{
    (void)context;
    weir_otlp_set_text(out, scope, 1, WEIR_TEXT("other"));
    return WEIR_OTLP_REPLACE;
}

Test(otlp_edit, a_scope_is_replaced)
{
    weir_slice slice = two_resources();
    weir_slice edited;
    const weir_otlp_editor editor = {.on_scope = rename_scope};
    cr_assert_eq(weir_otlp_edit(WEIR_OTLP_TRACES, &slice, &editor, &edited), WEIR_OK);
    assert_valid(&edited);
    weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_TRACES, (weir_bytes){edited.data, edited.len});
    while (weir_otlp_items_next(&at))
        cr_assert(weir_text_is(weir_otlp_scope_read(at.scope).name, "other"));
    cr_assert_eq(at.count, 4);
    weir_slice_done(&edited);
    weir_slice_done(&slice);
}

/* ---- Items ------------------------------------------------------------------------------------------------------- */

static weir_otlp_verdict grow_state_of_a(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    if (!weir_text_is(weir_otlp_span_read(at->item).name, "a"))
        return at->index == 1 ? WEIR_OTLP_DROP : WEIR_OTLP_KEEP;
    weir_otlp_set_text(out, at->item, WEIR_OTLP_SPAN_TRACE_STATE, *(weir_text *)context);
    return WEIR_OTLP_REPLACE;
}

Test(otlp_edit, items_are_kept_dropped_and_replaced_in_one_go)
{
    char long_state[400]; /* so that all lengths around it grow by a byte */
    memset(long_state, 's', sizeof long_state);
    weir_text state = {long_state, sizeof long_state};
    weir_slice slice = two_resources();
    weir_slice edited;
    const weir_otlp_editor editor = {.context = &state, .on_item = grow_state_of_a};
    cr_assert_eq(weir_otlp_edit(WEIR_OTLP_TRACES, &slice, &editor, &edited), WEIR_OK);
    assert_valid(&edited);
    cr_assert_eq(edited.items, 3);
    const uint32_t ordinals[] = {0, 2, 3};
    weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_TRACES, (weir_bytes){edited.data, edited.len});
    while (weir_otlp_items_next(&at)) {
        weir_otlp_span span = weir_otlp_span_read(at.item);
        cr_assert_eq(weir_slice_ordinal(&edited, at.index), ordinals[at.index]);
        cr_assert(weir_text_is(span.name, at.index < 2 ? "a" : "b"));
        cr_assert_eq(span.trace_state.len, at.index < 2 ? sizeof long_state : 0);
    }
    weir_slice_done(&edited);
    weir_slice_done(&slice);
}

static weir_otlp_verdict rewrite_as_it_was(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    (void)context;
    weir_buffer_append(out, at->item.data, at->item.len);
    return WEIR_OTLP_REPLACE;
}

Test(otlp_edit, replacing_every_item_by_itself_keeps_the_bytes_of_a_tame_request)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        WEIR_BUFFER request = {0};
        generator random = {.state = seed, .tame = true};
        generator_make(&random, seed % 3, &request);
        weir_slice slice = generator_slice(seed % 3, &request);
        weir_slice edited;
        const weir_otlp_editor editor = {.on_item = rewrite_as_it_was};
        cr_assert_eq(weir_otlp_edit(seed % 3, &slice, &editor, &edited), WEIR_OK);
        cr_assert_eq(edited.len, slice.len);
        cr_assert(edited.len == 0 || memcmp(edited.data, slice.data, slice.len) == 0);
        weir_slice_done(&edited);
        weir_slice_done(&slice);
    }
}

Test(otlp_edit, a_rewrite_is_charged_for_what_it_keeps_even_past_the_limit)
{
    weir_account account;
    weir_account_init(&account, 1, 1);
    weir_slice slice = two_resources();
    slice.chunk->account = &account;
    weir_account_force(&account, weir_chunk_cost(slice.chunk->size));
    weir_slice edited;
    const weir_otlp_editor editor = {.on_resource = drop_with_name};
    cr_assert_eq(weir_otlp_edit(WEIR_OTLP_TRACES, &slice, &editor, &edited), WEIR_OK);
    weir_slice_done(&slice);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(edited.len));
    weir_slice_done(&edited);
    cr_assert_eq(weir_account_used(&account), 0);
}

/* ---- Attribute lists --------------------------------------------------------------------------------------------- */

/* A span: an attribute, the name, an attribute, an unknown field, an attribute whose key was there before. */
static void make_span(weir_buffer *out)
{
    put_string_attribute(out, WEIR_OTLP_SPAN_ATTRIBUTES, "first", "1");
    weir_otlp_put_bytes(out, 5, "name", 4);
    put_string_attribute(out, WEIR_OTLP_SPAN_ATTRIBUTES, "second", "2");
    weir_otlp_put_bytes(out, 1000, "unknown", 7);
    put_string_attribute(out, WEIR_OTLP_SPAN_ATTRIBUTES, "first", "again");
}

static void assert_stored(const weir_otlp_attributes *list, const weir_buffer *expected)
{
    WEIR_BUFFER stored = {0};
    weir_otlp_attributes_store(list, &stored);
    cr_assert_eq(stored.len, expected->len);
    cr_assert(memcmp(stored.data, expected->data, stored.len) == 0);
}

Test(otlp_attributes, nothing_changed_nothing_differs)
{
    WEIR_BUFFER span = {0};
    make_span(&span);
    weir_otlp_attributes list = {0};
    weir_otlp_attributes_load(&list, (weir_bytes){span.data, span.len}, WEIR_OTLP_SPAN_ATTRIBUTES);
    cr_assert_not(list.changed);
    cr_assert_eq(list.count, 3);
    assert_stored(&list, &span);
    weir_otlp_attributes_done(&list);
}

Test(otlp_attributes, a_changed_one_keeps_its_place_and_a_new_one_comes_last)
{
    WEIR_BUFFER span = {0};
    WEIR_BUFFER expected = {0};
    make_span(&span);
    weir_otlp_attributes list = {0};
    weir_otlp_value changed = string_value("changed");
    weir_otlp_value number = {.type = WEIR_OTLP_INT, .integer = -1};
    weir_otlp_attributes_load(&list, (weir_bytes){span.data, span.len}, WEIR_OTLP_SPAN_ATTRIBUTES);
    weir_otlp_attributes_set(&list, WEIR_TEXT("first"), &number);
    weir_otlp_attributes_set(&list, WEIR_TEXT("first"), &changed);
    weir_otlp_attributes_set(&list, WEIR_TEXT("new"), &number);

    put_string_attribute(&expected, WEIR_OTLP_SPAN_ATTRIBUTES, "first", "changed");
    weir_otlp_put_bytes(&expected, 5, "name", 4);
    put_string_attribute(&expected, WEIR_OTLP_SPAN_ATTRIBUTES, "second", "2");
    weir_otlp_put_bytes(&expected, 1000, "unknown", 7);
    put_string_attribute(&expected, WEIR_OTLP_SPAN_ATTRIBUTES, "first", "again");
    weir_otlp_put_attribute(&expected, WEIR_OTLP_SPAN_ATTRIBUTES, WEIR_TEXT("new"), &number);
    assert_stored(&list, &expected);
    weir_otlp_attributes_done(&list);
}

Test(otlp_attributes, remove_takes_all_of_a_key)
{
    WEIR_BUFFER span = {0};
    WEIR_BUFFER expected = {0};
    make_span(&span);
    weir_otlp_attributes list = {0};
    weir_otlp_attributes_load(&list, (weir_bytes){span.data, span.len}, WEIR_OTLP_SPAN_ATTRIBUTES);
    cr_assert(weir_otlp_attributes_remove(&list, WEIR_TEXT("first")));
    cr_assert_not(weir_otlp_attributes_remove(&list, WEIR_TEXT("first")));
    weir_otlp_value value;
    cr_assert_not(weir_otlp_attributes_get(&list, WEIR_TEXT("first"), &value));
    weir_otlp_put_bytes(&expected, 5, "name", 4);
    put_string_attribute(&expected, WEIR_OTLP_SPAN_ATTRIBUTES, "second", "2");
    weir_otlp_put_bytes(&expected, 1000, "unknown", 7);
    assert_stored(&list, &expected);
    weir_otlp_attributes_done(&list);
}

/* Moves the value of "from" to new keys again and again, so that it lies in memory that the list moves as it grows. */
static void copy_along(weir_otlp_attributes *list, unsigned times)
{
    weir_otlp_value value;
    cr_assert(weir_otlp_attributes_get(list, WEIR_TEXT("from"), &value));
    for (unsigned i = 0; i < times; i++) {
        char key[16];
        snprintf(key, sizeof key, "to.%u", i);
        weir_otlp_attributes_set(list, weir_text_of(key), &value);
        cr_assert(weir_otlp_attributes_get(list, weir_text_of(key), &value));
    }
}

Test(otlp_attributes, a_value_may_come_from_the_list_itself)
{
    WEIR_BUFFER array = {0};
    WEIR_BUFFER span = {0};
    weir_otlp_put_bytes(&array, 1, "\x0a\x03one", 5);
    weir_otlp_put_bytes(&array, 1, "\x18\x02", 2);
    WEIR_BUFFER any_value = {0};
    WEIR_BUFFER pair = {0};
    weir_otlp_put_bytes(&any_value, 5, array.data, array.len);
    weir_otlp_put_bytes(&pair, 1, "from", 4);
    weir_otlp_put_bytes(&pair, 2, any_value.data, any_value.len);
    weir_otlp_put_bytes(&span, WEIR_OTLP_SPAN_ATTRIBUTES, pair.data, pair.len);

    weir_otlp_attributes list = {0};
    weir_otlp_attributes_load(&list, (weir_bytes){span.data, span.len}, WEIR_OTLP_SPAN_ATTRIBUTES);
    copy_along(&list, 500);
    weir_otlp_value value;
    weir_otlp_value element;
    cr_assert(weir_otlp_attributes_get(&list, WEIR_TEXT("to.499"), &value));
    cr_assert_eq(value.type, WEIR_OTLP_ARRAY);
    weir_otlp_walk walk = weir_otlp_elements(&value);
    cr_assert(weir_otlp_element_next(&walk, &element));
    cr_assert(weir_text_is(element.string, "one"));
    cr_assert(weir_otlp_element_next(&walk, &element));
    cr_assert_eq(element.integer, 2);
    cr_assert_not(weir_otlp_element_next(&walk, &element));
    weir_otlp_attributes_done(&list);
}

Test(otlp_edit, set_text_replaces_adds_and_removes)
{
    WEIR_BUFFER out = {0};
    weir_bytes twice = {(const uint8_t *)"\x1a\x01"
                                         "a"
                                         "\x2a\x01"
                                         "n"
                                         "\x1a\x01"
                                         "b",
                        9};
    weir_otlp_set_text(&out, twice, 3, WEIR_TEXT("new"));
    cr_assert_eq(out.len, 8);
    cr_assert(memcmp(out.data, "\x1a\x03new\x2a\x01n", 8) == 0);
    out.len = 0;
    weir_otlp_set_text(&out, twice, 3, WEIR_TEXT(""));
    cr_assert_eq(out.len, 3);
    out.len = 0;
    weir_otlp_set_text(&out, (weir_bytes){NULL, 0}, 3, WEIR_TEXT("x"));
    cr_assert_eq(out.len, 3);
    cr_assert(memcmp(out.data, "\x1a\x01x", 3) == 0);
}
