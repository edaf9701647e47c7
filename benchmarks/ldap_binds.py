"""
How many logins a second the LDAP checker can check, beside ldap3 in a pool of threads, one
connection for each, and beside Dovecot's ldap passdb where that is installed.

It needs slapd. All are measured against the same slapd, one after the other in every round, so that
they meet the same machine. The checker and ldap3 run in this process, and Dovecot in its own. CPU
is that of the one that checks, at the most in flight: unlike the rates it hardly depends on what
else the machine does. The best round counts: the others were disturbed. By default the checker has
as many connections as the threads have together; with 8 a login takes some 8 us more CPU, because
most of them wait for a connection first.
"""

from __future__ import annotations

import argparse
import itertools
import ssl
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from benchmarks.results.figures import Rate
from benchmarks.servers.dovecot import (
    DovecotAuthentication,
    Passdb,
    bySearch,
    byTemplate,
    whyNoAuthentication,
)
from benchmarks.servers.people import LDIF, SEARCH, TEMPLATE, USERS
from tests.support.ca import CertificateAuthority
from tests.support.slapd import Slapd
from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.ldap import LDAPChecker

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

IN_FLIGHT = (1, 8, 64)


async def ours(inFlight: int, seconds: float, **keys: Any) -> Rate:
    """
    @param keys: settings of the checker.

    @return: the measurements of the checker.
    """
    checker = LDAPChecker(**keys)
    credentials = itertools.cycle((u.encode(), p.encode()) for u, p in USERS)
    for _ in range(inFlight):  # Connect first.
        await checker.requestAvatarId(UsernamePassword(*next(credentials)))

    async def keepLoggingIn(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await checker.requestAvatarId(UsernamePassword(*next(credentials)))
            count += 1
        return count

    began, used = time.perf_counter(), time.process_time()
    workers = [Deferred.fromCoroutine(keepLoggingIn(began + seconds)) for _ in range(inFlight)]
    count = sum(await gatherResults(workers))
    rate = Rate(count / (time.perf_counter() - began), (time.process_time() - used) / count * 1e6)
    await checker.close()
    return rate


def threads(inFlight: int, seconds: float, uri: str, caFile: str | None = None) -> Rate:
    """
    @return: what ldap3 does in that many threads, each with a connection of its own and with what
        is slow switched off (the schema).
    """
    counts = [0] * inFlight
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=caFile) if caFile else None
    ready = threading.Barrier(inFlight + 1)
    times = {"end": 0.0}

    def work(number: int) -> None:
        server = ldap3.Server(uri, get_info=ldap3.NONE, tls=tls)
        users = itertools.cycle(USERS[number:] + USERS[:number])
        name, secret = next(users)
        connection = ldap3.Connection(server, TEMPLATE.replace("{user}", name), secret)
        if not connection.bind():
            raise RuntimeError("ldap3 did not accept a right password")
        ready.wait()
        ready.wait()
        while time.perf_counter() < times["end"]:
            name, secret = next(users)
            if not connection.rebind(TEMPLATE.replace("{user}", name), secret):
                raise RuntimeError("ldap3 did not accept a right password")
            counts[number] += 1
        connection.unbind()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(inFlight)]
    for worker in workers:
        worker.start()
    ready.wait()
    began, used = time.perf_counter(), time.process_time()
    times["end"] = began + seconds
    ready.wait()
    for worker in workers:
        worker.join()
    count = sum(counts)
    return Rate(count / (time.perf_counter() - began), (time.process_time() - used) / count * 1e6)


def dovecot(inFlight: int, seconds: float, passdb: Passdb) -> Rate:
    """
    @return: what Dovecot's authentication server does.
    """
    responses = [f"\0{name}\0{secret}".encode() for name, secret in USERS]
    server = DovecotAuthentication(passdb)
    try:
        server.logins(responses, inFlight, 0.1)
        began, used = time.perf_counter(), server.cpu()
        count = server.logins(responses, inFlight, seconds)
        perSecond = count / (time.perf_counter() - began)
        return Rate(perSecond, (server.cpu() - used) / count * 1e6)
    finally:
        server.stop()


def contenders(slapd: Slapd, caFile: str, connections: int) -> dict[str, Callable[..., Any]]:
    """
    @return: the measurements by name. Each takes the number in flight, and seconds.
    """

    def checker(uri: str, **keys: Any) -> Callable[..., Any]:
        keys = {"uris": [uri], "connections": connections, **keys}
        return lambda inFlight, seconds: ours(inFlight, seconds, **keys)

    measured: dict[str, Callable[..., Any]] = {
        "checker, template": checker(slapd.uri, bind_dn_template=TEMPLATE),
        "ldap3 in threads, template": lambda n, seconds: threads(n, seconds, slapd.uri),
        "checker, search then bind": checker(slapd.uri, **SEARCH),
        "checker, template, ldaps": checker(
            slapd.tlsURI, bind_dn_template=TEMPLATE, ca_file=caFile
        ),
        "ldap3 in threads, template, ldaps": lambda n, seconds: threads(
            n, seconds, slapd.tlsURI, caFile
        ),
    }
    if whyNoAuthentication():
        print(whyNoAuthentication())
        return measured
    for name, passdb in (
        ("template", byTemplate(slapd.uri)),
        ("search then bind", bySearch(slapd.uri)),
    ):
        measured[f"Dovecot, {name}"] = lambda n, seconds, passdb=passdb: dovecot(n, seconds, passdb)
    return measured


async def measure(arguments: argparse.Namespace) -> dict[tuple[str, int], Rate]:
    """
    @return: the best rate of each contender for each number in flight.
    """
    authority = CertificateAuthority(tempfile.mkdtemp(prefix="ca-"))
    certificate, key = authority.issue("127.0.0.1")
    slapd = Slapd(
        LDIF,
        globalConfig=f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}",
        tls=True,
    )
    best: dict[tuple[str, int], Rate] = {}
    try:
        measured = contenders(slapd, authority.path, arguments.connections)
        for _, (name, run), inFlight in itertools.product(
            range(arguments.rounds), measured.items(), IN_FLIGHT
        ):
            rate = run(inFlight, arguments.seconds)
            rate = rate if isinstance(rate, Rate) else await rate
            best[name, inFlight] = max(best.get((name, inFlight), rate), rate)
    finally:
        slapd.close()
    return best


def report(best: dict[tuple[str, int], Rate]) -> None:
    """
    Print what was measured, and the ratios that matter.
    """
    print(f"{'logins a second':36}" + "".join(f"{n:>9} in flight" for n in IN_FLIGHT) + "   CPU us")
    for name in dict.fromkeys(name for name, _ in best):
        rates = [best[name, n] for n in IN_FLIGHT]
        print(f"{name:36}" + "".join(f"{rate.perSecond:19.0f}" for rate in rates), end="")
        print(f"{rates[-1].cpu:9.1f}")
    most = IN_FLIGHT[-1]
    for mine, other in (
        ("checker, template", "ldap3 in threads, template"),
        ("checker, template, ldaps", "ldap3 in threads, template, ldaps"),
        ("checker, template", "Dovecot, template"),
        ("checker, search then bind", "Dovecot, search then bind"),
        ("checker, template, ldaps", "Dovecot, template"),
    ):
        if (other, most) in best:
            ratio = best[mine, most].perSecond / best[other, most].perSecond
            print(f"{mine} : {other} = {ratio:.1f}")


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)


def run(arguments: argparse.Namespace) -> None:
    """
    Measure and report.
    """

    async def work() -> None:
        report(await measure(arguments))

    react(lambda _: Deferred.fromCoroutine(work()))
