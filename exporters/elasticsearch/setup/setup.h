/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir setup`: prepares Elasticsearch, OpenSearch and Kibana for what the exporter sends. It is part of the module
 * weir-elasticsearch.so, because it speaks HTTP by libcurl and reads the exporter's settings; the binary finds it by the
 * table below (collector/module.h).
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_H

enum { WEIR_SETUP_ABI = 1 };

typedef struct weir_setup {
    unsigned abi; /* WEIR_SETUP_ABI */
    /* Takes the arguments from "setup" on and gives the exit code: 0 fine, 1 not, 2 misused. Blocks; call it once, on
     * the main thread. */
    int (*run)(int argc, char **argv);
} weir_setup;

extern const weir_setup weir_setup_elasticsearch;

#endif
