"""
An HTTP client for small requests, and TLS towards servers whose names are verified.
"""
