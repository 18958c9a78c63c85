/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits are made lazily. Each message on the way down has a frame; a frame is only "opened" in the output when
 * something inside it changes, and then what stood before the change is copied in one piece. Subtrees without a change
 * are part of such a piece of the message above, and a request without a change is not copied at all.
 */
#include "otlp/rewrite.h"

#include "core/assert.h"
#include "otlp/wire.h"
#include "otlp/writer.h"

enum level { LEVEL_RESOURCE, LEVEL_SCOPE, LEVEL_METRIC, LEVEL_DATA, LEVEL_ITEM };

/* One message that contains items, between the request and the item at hand. */
typedef struct level_frame {
    struct level_frame *above; /* NULL for the request */
    weir_otlp_field field;     /* of this message in the one above */
    const uint8_t *untouched;  /* input from here on is not copied yet */
    bool opened;
    weir_otlp_open out; /* once opened */
} level_frame;

typedef struct editing {
    const weir_otlp_editor *editor;
    const weir_slice *slice;
    weir_otlp_items at; /* where the edit stands: what on_item is shown */
    weir_otlp_writer writer;
    weir_buffer replaced;
    weir_buffer merged; /* a resource or scope that stands in several pieces */
    uint32_t seen;      /* items so far, kept or not */
    uint32_t kept;
    weir_ordinals *ordinals; /* room for all items; NULL as long as none was dropped */
} editing;

static void frame_open(editing *self, level_frame *frame);

/* Copies `frame`'s input up to `start` and goes on at `end`: what is between is left out. */
static void cut(editing *self, level_frame *frame, const uint8_t *start, const uint8_t *end)
{
    frame_open(self, frame);
    WEIR_ASSERT(frame->untouched <= start && start <= end);
    weir_otlp__writer_append(&self->writer, frame->untouched, (size_t)(start - frame->untouched));
    frame->untouched = end;
}

static void frame_open(editing *self, level_frame *frame)
{
    if (frame->opened)
        return;
    frame->opened = true;
    if (!frame->above) {
        weir_otlp__writer_reserve(&self->writer, self->slice->len + self->replaced.len);
        return;
    }
    cut(self, frame->above, frame->field.start, frame->field.end);
    frame->out = weir_otlp__writer_open(&self->writer, frame->field.number, frame->field.body.len);
}

static void frame_close(editing *self, level_frame *frame)
{
    if (!frame->opened)
        return;
    cut(self, frame, weir_otlp_end(frame->field.body), weir_otlp_end(frame->field.body));
    if (frame->above)
        weir_otlp__writer_close(&self->writer, frame->out);
}

static void frame_drop(editing *self, level_frame *frame)
{
    if (frame->opened)
        self->writer.len = self->writer.failed ? 0 : frame->out.field;
    else
        cut(self, frame->above, frame->field.start, frame->field.end);
}

/* ---- Items ------------------------------------------------------------------------------------------------------- */

static void count_kept(editing *self)
{
    if (self->ordinals)
        self->ordinals->kept[self->kept] = weir_slice_ordinal(self->slice, self->seen);
    self->kept++;
    self->seen++;
}

static void count_dropped(editing *self)
{
    if (!self->ordinals) {
        self->ordinals = weir_ordinals_new(self->slice->items);
        for (uint32_t i = 0; i < self->kept; i++)
            self->ordinals->kept[i] = weir_slice_ordinal(self->slice, i);
    }
    self->seen++;
}

static void edit_item(editing *self, level_frame *above, const weir_otlp_field *field)
{
    WEIR_ASSERT(self->seen < self->slice->items);
    self->at.item = field->body;
    self->at.index = self->seen;
    self->replaced.len = 0;
    weir_otlp_verdict verdict = WEIR_OTLP_KEEP;
    if (self->editor->on_item)
        verdict = self->editor->on_item(self->editor->context, &self->at, &self->replaced);
    if (verdict == WEIR_OTLP_DROP) {
        cut(self, above, field->start, field->end);
        count_dropped(self);
        return;
    }
    if (verdict == WEIR_OTLP_REPLACE) {
        cut(self, above, field->start, field->end);
        weir_otlp__writer_field(&self->writer, field->number, (weir_bytes){self->replaced.data, self->replaced.len});
    }
    count_kept(self);
}

/* ---- What contains them ------------------------------------------------------------------------------------------ */

static enum level level_below(weir_otlp_kind kind, enum level level)
{
    if (level == LEVEL_SCOPE && kind != WEIR_OTLP_METRICS)
        return LEVEL_ITEM;
    return level + 1;
}

/* True if `field` of a message on `level` holds the level below. */
static bool is_child(const editing *self, enum level level, const weir_otlp_field *field)
{
    if (field->wire != WEIR_WIRE_LEN)
        return false;
    if (level == LEVEL_METRIC)
        return field->number == (uint32_t)self->at.data && field->start >= self->at.leaves.since;
    return field->number == (level == LEVEL_DATA ? 1 : 2);
}

/* The body of field 1 of `message`, its occurrences merged. */
static weir_bytes description_of(editing *self, weir_bytes message)
{
    weir_bytes first = {message.data, 0};
    weir_bytes next;
    weir_otlp_walk walk = weir_otlp_walk_in(message, 1);
    if (!weir_otlp_walk_next(&walk, &first) || !weir_otlp_walk_next(&walk, &next))
        return first;
    self->merged.len = 0;
    weir_buffer_append(&self->merged, first.data, first.len);
    do
        weir_buffer_append(&self->merged, next.data, next.len);
    while (weir_otlp_walk_next(&walk, &next));
    return (weir_bytes){self->merged.data, self->merged.len};
}

/* Asks about the resource or scope that `frame` is the entry of. */
static weir_otlp_verdict ask(editing *self, enum level level, const level_frame *frame)
{
    weir_otlp_verdict (*callback)(void *, weir_bytes, weir_buffer *) = NULL;
    if (level == LEVEL_RESOURCE)
        callback = self->editor->on_resource;
    else if (level == LEVEL_SCOPE)
        callback = self->editor->on_scope;
    if (!callback)
        return WEIR_OTLP_KEEP;
    self->replaced.len = 0;
    return callback(self->editor->context, description_of(self, frame->field.body), &self->replaced);
}

/* Counts the items of a resource or scope entry as dropped. */
static void drop_items(editing *self, enum level level, weir_bytes entry)
{
    weir_otlp_items inside = weir_otlp_items_within(self->at.kind, level == LEVEL_RESOURCE, entry);
    while (weir_otlp_items_next(&inside))
        count_dropped(self);
}

static void edit_message(editing *self, enum level level, level_frame *above, const weir_otlp_field *field);

static void edit_children(editing *self, enum level level, level_frame *frame, bool replaced)
{
    const enum level below = level_below(self->at.kind, level);
    const uint8_t *at = frame->field.body.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(frame->field.body), &field);) {
        if (replaced && field.number == 1 && field.wire == WEIR_WIRE_LEN)
            cut(self, frame, field.start, field.end);
        else if (is_child(self, level, &field))
            edit_message(self, below, frame, &field);
    }
}

/* Tells on_item's view where the edit is now. */
static void enter(editing *self, enum level level, weir_bytes body)
{
    if (level == LEVEL_RESOURCE)
        self->at.resource = body;
    else if (level == LEVEL_SCOPE)
        self->at.scope = body;
    else if (level == LEVEL_METRIC)
        weir_otlp_items_enter_metric(&self->at, body);
}

static void edit_message(editing *self, enum level level, level_frame *above, const weir_otlp_field *field)
{
    if (level == LEVEL_ITEM) {
        edit_item(self, above, field);
        return;
    }
    level_frame frame = {.above = above, .field = *field, .untouched = field->body.data};
    const uint32_t seen_before = self->seen;
    const uint32_t kept_before = self->kept;
    enter(self, level, field->body);
    weir_otlp_verdict verdict = ask(self, level, &frame);
    if (verdict == WEIR_OTLP_DROP) {
        drop_items(self, level, field->body);
        frame_drop(self, &frame);
        return;
    }
    if (verdict == WEIR_OTLP_REPLACE) {
        frame_open(self, &frame);
        weir_otlp__writer_field(&self->writer, 1, (weir_bytes){self->replaced.data, self->replaced.len});
    }
    edit_children(self, level, &frame, verdict == WEIR_OTLP_REPLACE);
    /* Occurrences of a metric's data merge, so one alone may be empty; the metric goes when all of them are. */
    bool lost_all = self->seen > seen_before && self->kept == kept_before;
    if (lost_all && level != LEVEL_DATA)
        frame_drop(self, &frame);
    else
        frame_close(self, &frame);
}

static weir_ordinals *ordinals_left(const editing *self)
{
    if (!self->ordinals)
        return self->slice->ordinals ? weir_ordinals_ref(self->slice->ordinals) : NULL;
    weir_ordinals *left = weir_ordinals_new(self->kept);
    memcpy(left->kept, self->ordinals->kept, self->kept * sizeof left->kept[0]);
    return left;
}

static weir_status finish(editing *self, const level_frame *request, weir_slice *ret_slice)
{
    if (!request->opened) {
        *ret_slice = weir_slice_ref(self->slice);
        return WEIR_OK;
    }
    if (self->kept == 0 && self->seen > 0)
        self->writer.len = 0;
    weir_chunk *chunk = weir_otlp__writer_take(&self->writer);
    if (!chunk)
        return WEIR_NO_MEMORY;
    *ret_slice = (weir_slice){
        .chunk = chunk,
        .data = chunk->data,
        .len = chunk->size,
        .items = self->kept,
        .ordinals = ordinals_left(self),
        .id = self->slice->id,
    };
    return WEIR_OK;
}

weir_status weir_otlp_edit(weir_otlp_kind kind, const weir_slice *slice, const weir_otlp_editor *editor,
                           weir_slice *ret_slice)
{
    editing self = {
        .editor = editor,
        .slice = slice,
        .at = {.kind = kind},
        .writer = {.account = slice->chunk ? slice->chunk->account : NULL},
    };
    level_frame request = {.field = {.body = {slice->data, slice->len}}, .untouched = slice->data};
    const uint8_t *at = slice->data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(request.field.body), &field);)
        if (field.number == 1 && field.wire == WEIR_WIRE_LEN)
            edit_message(&self, LEVEL_RESOURCE, &request, &field);
    frame_close(&self, &request);
    weir_status status = finish(&self, &request, ret_slice);
    weir_otlp__writer_done(&self.writer);
    weir_buffer_done(&self.replaced);
    weir_buffer_done(&self.merged);
    weir_ordinals_unref(self.ordinals);
    return status;
}

/* ---- Filter ------------------------------------------------------------------------------------------------------ */

typedef struct filter {
    bool (*keep)(void *context, const weir_otlp_items *at);
    void *context;
} filter;

static weir_otlp_verdict filter_item(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    (void)out;
    const filter *self = context;
    return self->keep(self->context, at) ? WEIR_OTLP_KEEP : WEIR_OTLP_DROP;
}

weir_status weir_otlp_filter(weir_otlp_kind kind, const weir_slice *slice,
                             bool (*keep)(void *context, const weir_otlp_items *at), void *context,
                             weir_slice *ret_slice)
{
    filter self = {keep, context};
    const weir_otlp_editor editor = {.context = &self, .on_item = filter_item};
    return weir_otlp_edit(kind, slice, &editor, ret_slice);
}
