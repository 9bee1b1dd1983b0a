#!/bin/sh
# Builds Jaeger for the end-to-end tests, once, into this checkout's cache: sh tests/e2e/jaeger.sh
set -eu
version=v1.42.0
bin="$(cd "$(dirname "$0")/../.." && pwd)/.cache/go/bin"
test -x "$bin/all-in-one" && exit 0
echo "building Jaeger $version, which takes a minute or two"
mkdir -p "$bin"
GOBIN="$bin" go install "github.com/jaegertracing/jaeger/cmd/all-in-one@$version"
