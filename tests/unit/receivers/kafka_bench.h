/* SPDX-License-Identifier: Apache-2.0
 *
 * A bench for the kafka receiver without Kafka: an instance made by hand, a loop whose clock the test moves, a consumer
 * and a producer that only note what they are told, and a pipeline that does as the test says.
 */
#ifndef WEIR_TESTS_RECEIVERS_KAFKA_BENCH_H
#define WEIR_TESTS_RECEIVERS_KAFKA_BENCH_H

#include "receivers/kafka/instance.h"

enum { BENCH_BATCHES_MAX = 64, BENCH_RECORDS_MAX = 8, BENCH_POSITIONS_MAX = 16 };

typedef struct kafka_bench {
    weir_account account;
    weir_metrics *metrics;
    weir_host host;
    kafka_config config;
    kafka_shared shared;
    kafka_instance *instance;
    unsigned messages; /* that are not freed */

    /* the consumer */
    weir_kafka_consumer_handlers handlers;
    bool is_open, is_held, is_closed;
    unsigned pauses, resumes; /* partitions */
    unsigned revokes_done;
    unsigned commits;
    weir_kafka_position committed[BENCH_POSITIONS_MAX]; /* of the last commit */
    size_t committed_count;
    int64_t low, high;

    /* the producer of dead letters */
    weir_kafka_producer_handlers producer_handlers;
    const weir_kafka_record *records[BENCH_RECORDS_MAX];
    unsigned record_count;
    weir_status produce_status;

    /* the pipeline */
    bool holds;           /* it keeps batches until bench_complete */
    weir_outcome outcome; /* else it answers this at once */
    weir_batch *held[BENCH_BATCHES_MAX];
    unsigned offered;
    unsigned drained;
} kafka_bench;

extern kafka_bench the_bench;

/* An open receiver of traces from the topic "spans", without partitions. */
void bench_start(void);
/* Ends it; fails the test if memory is still reserved or a message was never freed. */
void bench_stop(void);
/* Gives partitions 0 … count-1 of "spans" to it, whose committed offsets are all `committed` (-1: none). */
void bench_assign(int32_t count, int64_t committed);
/* A message of one span arrives. */
void bench_message(int32_t partition, int64_t offset);
void bench_message_of(int32_t partition, int64_t offset, const void *value, size_t len);
/* Takes partitions 0 … count-1 away. */
void bench_revoke(int32_t count, bool are_lost);
/* The outcome of the batch that was offered as the `index`-th. */
void bench_complete(unsigned index, weir_outcome_kind kind);
/* The broker's answer to the commit that is out. */
void bench_commit_answer(bool is_ok);
/* What became of the `index`-th dead letter. */
void bench_report(unsigned index, bool is_ok);
/* The broker finds the `index`-th dead letter larger than its topic takes. */
void bench_report_too_large(unsigned index);
/* The offset in the last commit for this partition; -1: not in it. */
int64_t bench_committed(int32_t partition);
/* Moves the clock, firing timers. */
void bench_advance(uint64_t ms);

#endif
