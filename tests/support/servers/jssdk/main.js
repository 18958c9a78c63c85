// SPDX-License-Identifier: Apache-2.0
//
// main.js ENDPOINT COUNT [gzip]: sends COUNT spans, COUNT log records and a counter that was counted up COUNT times, all
// as OTLP/JSON, as the SDK for JavaScript does on its own. Exits with 1 when an export fails, and says why.

import { context, diag, DiagConsoleLogger, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [endpoint, countText, compression = 'none'] = process.argv.slice(2);
const count = Number(countText);
const resource = resourceFromAttributes({ 'service.name': 'jssdk', replicas: 3 });
const batches = { maxQueueSize: count, maxExportBatchSize: 100 };
const to = (signal) => ({ url: `${endpoint}/v1/${signal}`, compression });

// The SDK tells of failed exports here, and nowhere else.
let failures = 0;
const log = new DiagConsoleLogger();
diag.setLogger({ ...log, error: (...said) => { failures++; console.error(...said); } }, DiagLogLevel.ERROR);

const traces = new BasicTracerProvider({
  resource,
  spanLimits: { attributeValueLengthLimit: 1000 },
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(to('traces')), batches)],
});
const logs = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor(new OTLPLogExporter(to('logs')), batches)],
});
const metrics = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to('metrics')) })],
});

const tracer = traces.getTracer('weir-test', '1');
const logger = logs.getLogger('weir-test', '1');
const counter = metrics.getMeter('weir-test', '1').createCounter('orders', { unit: '{order}' });
const histogram = metrics.getMeter('weir-test', '1').createHistogram('size', { unit: 'By' });

for (let number = 0; number < count; number++) {
  const attributes = { number, ratio: number / 4, text: 'ein Gruß "🦫"', flags: [true, false], even: number % 2 === 0 };
  const span = tracer.startSpan(`work ${number}`, { kind: SpanKind.CLIENT, attributes }, ROOT_CONTEXT);
  span.addEvent('begun', { step: 1 });
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no' });
  span.end();
  logger.emit({
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    body: { order: number, parts: ['a', 1.5] },
    attributes: { number },
    context: trace.setSpan(context.active(), span),
  });
  counter.add(1, { shop: 'north' });
  histogram.record(number);
}

await Promise.all([traces.shutdown(), logs.shutdown(), metrics.shutdown()]);
process.exit(failures ? 1 : 0);
