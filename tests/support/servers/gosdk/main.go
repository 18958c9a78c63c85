// SPDX-License-Identifier: Apache-2.0

// gosdk sends spans with the OpenTelemetry SDK for Go, its exporters and its batch processor as applications use them:
//
//	gosdk -protocol grpc|http -endpoint HOST:PORT -spans N [-ca FILE] [-cert FILE -key FILE] [-server-name NAME]
//
// Without -ca it speaks clear text. It ends with 1, and says why, if an export failed.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"
)

var (
	protocol   = flag.String("protocol", "grpc", "grpc or http")
	endpoint   = flag.String("endpoint", "localhost:4317", "HOST:PORT")
	spans      = flag.Int("spans", 1, "how many spans to send")
	ca         = flag.String("ca", "", "whose signature to trust, as a PEM file; empty: clear text")
	cert       = flag.String("cert", "", "the client's certificate")
	key        = flag.String("key", "", "the client's private key")
	serverName = flag.String("server-name", "", "the name to verify instead of the endpoint's")
)

func tlsConfig() (*tls.Config, error) {
	if *ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: *serverName}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + *ca)
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func exporter(ctx context.Context) (trace.SpanExporter, error) {
	config, err := tlsConfig()
	if err != nil {
		return nil, err
	}
	if *protocol == "http" {
		options := []otlptracehttp.Option{
			otlptracehttp.WithEndpoint(*endpoint),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
		}
		if config == nil {
			options = append(options, otlptracehttp.WithInsecure())
		} else {
			options = append(options, otlptracehttp.WithTLSClientConfig(config))
		}
		return otlptracehttp.New(ctx, options...)
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(*endpoint),
		otlptracegrpc.WithTimeout(3 * time.Second),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}),
	}
	if config == nil {
		options = append(options, otlptracegrpc.WithInsecure())
	} else {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(config)))
	}
	return otlptracegrpc.New(ctx, options...)
}

// failures keeps what the SDK would only log.
type failures struct {
	lock sync.Mutex
	all  []error
}

func (f *failures) Handle(err error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.all = append(f.all, err)
}

func send(ctx context.Context) error {
	seen := &failures{}
	otel.SetErrorHandler(seen)
	out, err := exporter(ctx)
	if err != nil {
		return err
	}
	service := resource.NewSchemaless(attribute.String("service.name", "gosdk"))
	provider := trace.NewTracerProvider(trace.WithBatcher(out), trace.WithResource(service))
	tracer := provider.Tracer("gosdk")
	for i := 0; i < *spans; i++ {
		_, span := tracer.Start(ctx, fmt.Sprintf("span %d", i))
		span.End()
	}
	err = errors.Join(provider.ForceFlush(ctx), provider.Shutdown(ctx))
	return errors.Join(append(seen.all, err)...)
}

func main() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := send(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
