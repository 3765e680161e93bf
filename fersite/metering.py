"""Counts requests for Prometheus as django-prometheus does, but no more figures than there are views and methods."""

from typing import Any

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusAfterMiddleware
from django_prometheus.utils import Time


class RequestMetricsMiddleware(PrometheusAfterMiddleware):
    """The inner one of django-prometheus' two: counts by view, method and status."""

    def process_request(self, request: HttpRequest) -> None:
        """Start the clock; an invalid Content-Length is the view's to refuse."""
        try:
            super().process_request(request)
        except ValueError:
            request.prometheus_after_middleware_event = Time()  # type: ignore[attr-defined]

    def label_metric(self, metric: Any, request: HttpRequest, response: Any = None, **labels: str) -> Any:
        """Whatever a client calls its method, it is one of the known ones here, or "<invalid method>"."""
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
