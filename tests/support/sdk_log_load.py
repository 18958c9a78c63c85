# SPDX-License-Identifier: Apache-2.0
"""sdk_log_load.py ENDPOINT RATE SECONDS: an application with the OpenTelemetry SDK as it comes, which writes RATE log records
a second, each with a number. Whatever the SDK drops or fails to send it says on stderr. Prints a JSON object: `made`."""

import json
import logging
import sys
import time

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

TICKS_PER_S, TICKS_AT_ONCE = 100, 5


def main(endpoint: str, rate: int, seconds: float):
    logging.basicConfig(level=logging.WARNING)
    provider = LoggerProvider(resource=Resource.create({"service.name": "sdk-logs"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint, insecure=True)))
    logger = provider.get_logger("sdk_log_load")

    made, started = 0, time.perf_counter()
    while (now := time.perf_counter() - started) < seconds:
        # What was missed while others had the processor is not made up for in one burst, as no application would.
        for _ in range(min(int(rate * now) - made, rate * TICKS_AT_ONCE // TICKS_PER_S)):
            logger.emit(severity_number=SeverityNumber.INFO, severity_text="INFO", body="a cart was filled",
                        attributes={"http.route": "/cart", "number": made})
            made += 1
        time.sleep(1 / TICKS_PER_S)
    provider.shutdown()
    print(json.dumps({"made": made}))


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
