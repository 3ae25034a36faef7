"""Benchmarks: what is measured here is written in docs/performance.md."""
