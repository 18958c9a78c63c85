/* SPDX-License-Identifier: Apache-2.0
 *
 * A kafka exporter on a fake loop, and a producer that the test plays: it keeps what it is given until the test reports
 * on it. The fixture's own weir_kafka_producer_open stands in the place of the real one; librdkafka is not touched.
 */
#ifndef TESTS_UNIT_EXPORTERS_KAFKA_FIXTURE_H
#define TESTS_UNIT_EXPORTERS_KAFKA_FIXTURE_H

#include "exporters/kafka/config.h"
#include "fake_loop.h"

enum { KAFKA_BENCH_RECORDS_MAX = 4096 };

typedef struct kafka_bench {
    fake_loop loop;
    weir_account account;
    weir_metrics *metrics;
    weir_host host;
    weir_worker worker;
    kafka_config config;
    void *shared;
    weir_exporter *exporter;
    weir_signal signal;

    const weir_kafka_producer_handlers *handlers;
    weir_kafka_record flying[KAFKA_BENCH_RECORDS_MAX]; /* in the order produced */
    unsigned flying_count;
    unsigned produced_count; /* ever */
    unsigned room;           /* how many more it takes before it says WEIR_AGAIN */
    int32_t partitions;      /* of every topic; 0: not known */
    bool is_down;
    bool cannot_open;
    bool has_no_memory; /* for chunks */
} kafka_bench;

extern kafka_bench kafka_lab;

/* Somebody who waits for a batch. */
typedef struct kafka_source {
    weir_ack ack;
    unsigned completions;
    weir_outcome outcome;
} kafka_source;

/* All defaults; the test may change them before it opens. */
void kafka_bench_defaults(void);
void kafka_bench_open(weir_signal signal);
/* Asserts that nothing is held and no memory is charged any more. */
void kafka_bench_close(void);

/* A request of `count` spans or log records with different trace ids, from number `first` on: item n's trace id is made
 * by kafka_trace_id(n), its name or body has `padding` bytes. `attribute`: "topic" of the resource, or NULL. */
weir_slice kafka_slice(weir_signal signal, uint32_t first, uint32_t count, size_t padding, const char *attribute);
void kafka_trace_id(uint32_t number, uint8_t ret_id[16]);

/* Hands a batch of that slice to the exporter; takes `metadata`. */
kafka_source *kafka_offer(weir_slice slice, weir_metadata *metadata);
kafka_source *kafka_offer_items(uint32_t first, uint32_t count);

/* Reports on the record at `index` of those that are flying. */
void kafka_acknowledge(unsigned index);
void kafka_acknowledge_all(void);
void kafka_fail(unsigned index, weir_error_class class_, bool is_unknown_partition);
/* The brokers come or go. */
void kafka_state(bool is_up);
void kafka_partitions_are(int32_t partitions);

/* How many items the value of a record has; -1 if it is no OTLP in wire form. */
int64_t kafka_items_of(const weir_kafka_record *record);
uint64_t kafka_items_flying(void);
const weir_kafka_header *kafka_header_of(const weir_kafka_record *record, const char *key);

#endif
