# -*- test-case-name: tests.metrics.test_metrics -*-
"""
Metrics for Prometheus (C{[metrics] listen}), by C{prometheus_client}, which is in the extra
C{metrics}. Their names are in docs/observing.md.

Logins are counted as they happen, from their log events (L{txjmapaccess.metrics.logins}); all else
is plain numbers that others keep, read when somebody asks (L{txjmapaccess.metrics.connections},
L{txjmapaccess.metrics.backends}). Labels have few values each, and no user, address or connection
is among them.

What is asked is answered in a thread, while the reactor counts on: everything that a collector
reads is replaced or counted up in one step, and what can grow is copied first.
"""
