"""The dashboard's numbers for programs: JSON, and /metrics for Prometheus."""
