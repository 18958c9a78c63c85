# SPDX-License-Identifier: Apache-2.0
weir_fuzz_target(queue SOURCES fuzz_queue.c ${PROJECT_SOURCE_DIR}/tests/unit/queue/faulty_files.c LIBS weir_queue)
