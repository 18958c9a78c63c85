/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/geo.h"

#include <stdlib.h>

#include "exporters/elasticsearch/document/memory_kept.h"

enum { LONGITUDE, LATITUDE, NEAR_MAX = 32 };

static const weir_text suffixes[] = {
    [LONGITUDE] = {"geo.location.lon", sizeof "geo.location.lon" - 1},
    [LATITUDE] = {"geo.location.lat", sizeof "geo.location.lat" - 1},
};

void es_geo_done(es_geo *geo)
{
    free(geo->points);
    weir_buffer_done(&geo->key);
    *geo = (es_geo){0};
}

void es_geo_give_back(es_geo *geo)
{
    if (es_is_too_much_to_keep(geo->capacity, sizeof *geo->points) || es_is_too_much_to_keep(geo->key.capacity, 1))
        es_geo_done(geo);
}

/* Which of the two the key is of, -1: neither. */
static int axis_of(weir_text key)
{
    const size_t len = suffixes[LATITUDE].len;
    if (key.len < len || (key.len > len && key.data[key.len - len - 1] != '.'))
        return -1;
    const weir_text end = {key.data + key.len - len, len};
    for (int axis = LONGITUDE; axis <= LATITUDE; axis++)
        if (weir_text_equal(end, suffixes[axis]))
            return axis;
    return -1;
}

/* The halves of a point stand near each other: what is far away is not looked for, or many points would take long. */
static es_geo_point *point_of(es_geo *geo, weir_text prefix)
{
    for (size_t i = geo->count; i > 0 && geo->count - i < NEAR_MAX; i--)
        if (weir_text_equal(geo->points[i - 1].prefix, prefix))
            return &geo->points[i - 1];
    if (geo->count == geo->capacity) {
        geo->capacity = geo->capacity ? 2 * geo->capacity : 4;
        geo->points = weir_realloc(geo->points, geo->capacity, sizeof *geo->points);
    }
    es_geo_point *added = &geo->points[geo->count++];
    *added = (es_geo_point){.prefix = prefix};
    return added;
}

bool es_geo_take(es_geo *geo, const weir_otlp_attribute *attribute)
{
    if (__builtin_expect(attribute->value.type != WEIR_OTLP_DOUBLE, 1))
        return false;
    const int axis = axis_of(attribute->key);
    if (axis < 0)
        return false;
    const weir_text prefix = {attribute->key.data, attribute->key.len - suffixes[axis].len};
    es_geo_point *point = point_of(geo, prefix);
    point->number[axis] = attribute->value.number;
    point->has[axis] = true;
    return true;
}

/* False for NaN too. */
static bool is_place(const es_geo_point *point)
{
    return point->has[LONGITUDE] && point->has[LATITUDE] && point->number[LONGITUDE] >= -180 &&
           point->number[LONGITUDE] <= 180 && point->number[LATITUDE] >= -90 && point->number[LATITUDE] <= 90;
}

static bool put_key(es_geo *geo, weir_text prefix, weir_text rest, es_json *json, es_json_object *object)
{
    geo->key.len = 0;
    weir_buffer_append(&geo->key, prefix.data, prefix.len);
    weir_buffer_append(&geo->key, rest.data, rest.len);
    return es_json_member(json, object, (weir_text){(const char *)geo->key.data, geo->key.len});
}

static void write_point(es_geo *geo, const es_geo_point *point, es_json *json, es_json_object *object)
{
    if (is_place(point)) {
        if (!put_key(geo, point->prefix, WEIR_TEXT("geo.location"), json, object))
            return;
        ES_JSON_PUT(json, "[");
        es_json_double(json, point->number[LONGITUDE]);
        ES_JSON_PUT(json, ",");
        es_json_double(json, point->number[LATITUDE]);
        ES_JSON_PUT(json, "]");
        return;
    }
    for (int axis = LONGITUDE; axis <= LATITUDE; axis++)
        if (point->has[axis] && put_key(geo, point->prefix, suffixes[axis], json, object))
            es_json_double(json, point->number[axis]);
}

void es_geo_write(es_geo *geo, es_json *json, es_json_object *object)
{
    for (size_t i = 0; i < geo->count; i++)
        write_point(geo, &geo->points[i], json, object);
    geo->count = 0;
}
