/* SPDX-License-Identifier: Apache-2.0
 *
 * Latitudes and longitudes: geo.location.lat and .lon, or NAME.geo.location.lat and .lon, are two attributes that
 * Elasticsearch wants as one, of type geo_point: "geo.location": [longitude, latitude]. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_GEO_H
#define WEIR_EXPORTERS_ELASTICSEARCH_GEO_H

#include "exporters/elasticsearch/document/json.h"

typedef struct es_geo_point {
    weir_text prefix; /* "" or "NAME." */
    double number[2]; /* longitude, latitude */
    bool has[2];
} es_geo_point;

/* Those of one list of attributes. Zero-initialise it to start; its memory is kept from list to list. */
typedef struct es_geo {
    es_geo_point *points;
    size_t count, capacity;
    weir_buffer key;
} es_geo;

void es_geo_done(es_geo *geo);
/* Between lists: frees what is more than memory_kept.h says. */
void es_geo_give_back(es_geo *geo);

/* True, and the attribute is kept for es_geo_write, if it is one of those. Its key is borrowed until then. */
bool es_geo_take(es_geo *geo, const weir_otlp_attribute *attribute);

/* Writes what was kept as members of `object`, and forgets it. What has no other half, or is no place on earth, is
 * written as it was. */
void es_geo_write(es_geo *geo, es_json *json, es_json_object *object);

#endif
