"""
A load generator that costs little: IMAP sessions over plain sockets and epoll, in clear and TLS.

L{benchmarks.load.session} is one client, L{benchmarks.load.loops} runs many of them: as many as
the server takes, at a fixed rate, or all at once; L{benchmarks.load.spreading} does that in
processes of their own.
"""
