"""
What is known about messages (RFC 5322, MIME): headers, encoded words, addresses, dates, text,
structure, identifiers. Pure functions over octets and values: no I/O, nothing of Twisted.
"""
