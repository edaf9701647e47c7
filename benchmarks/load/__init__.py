"""
A load generator that costs little: IMAP sessions over plain sockets and epoll, in clear and TLS.

L{benchmarks.load.session} is one client, L{benchmarks.load.loops} runs many of them: as many as
the server takes, at a fixed rate, or all at once; L{benchmarks.load.spreading} does that in
processes of their own.
"""


def run(address, steps, atOnce, seconds):  # type: ignore
    from benchmarks.load.loops import keepBusy
    from benchmarks.load.session import Script, Target

    outcome = keepBusy(Target(address[1]), Script((steps[0],), tuple(steps[1:-1])), atOnce, seconds)
    return outcome.count, outcome.logins
