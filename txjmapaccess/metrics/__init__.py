# -*- test-case-name: tests.metrics.test_metrics -*-
"""
Metrics for Prometheus (C{[metrics] listen}), by C{prometheus_client}, which is in the extra
C{metrics}. Their names are in docs/observing.md.

Logins are counted as they happen, from their log events (L{txjmapaccess.metrics.logins}); others
are plain numbers of other modules, read for each request (L{txjmapaccess.metrics.connections},
L{txjmapaccess.metrics.backends}). Labels have few values each, and no user, address or connection
is among them.

Requests are handled in a thread while the reactor continues to count: everything that a collector
reads changes in one step, and what can grow is copied first.
"""
