# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(elasticsearch_document
    SOURCES fuzz_elasticsearch_document.c ${PROJECT_SOURCE_DIR}/tests/unit/otlp/strict_json.c
    LIBS weir_exporter_elasticsearch_document m)
weir_fuzz_target(elasticsearch_answer SOURCES fuzz_elasticsearch_answer.c LIBS weir_exporter_elasticsearch)
