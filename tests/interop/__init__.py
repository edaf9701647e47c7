"""
Mail clients that others wrote, driven to log in over TLS and to read a message.

L{tests.integration.test_clients_tls} does it with those that everybody can install; C{python -m
tests.interop} with all of them, and prints the table of docs/interoperability.md.
"""
