# -*- test-case-name: tests.http -*-
"""
An HTTP client for small requests, and TLS towards servers whose names are verified.
"""
