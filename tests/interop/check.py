"""Checks a comenqd against PROTOCOL.md, with the client that was written from it.

    check.py SOCKET [--as-admin SOCKET2]   SOCKET: a daemon where root is an admin with `allow_dangerous`.
             [--unresolved ID]             SOCKET2: one whose configuration does not allow it (305).
             [--broken SOCKET3]            ID: a job of SOCKET of unknown outcome (403).
             [--damaged SOCKET4]           SOCKET3: a daemon whose store cannot be opened (501).
             [--failing SOCKET5]           SOCKET4: one that cannot read its job 1 (500).
             [--full SOCKET6]              SOCKET5: one whose disk refuses the next commit (502).
                                           SOCKET6: one whose disk is full (503).
    check.py --vectors PROTOCOL.md         offline: the examples in the text, and the client against a false daemon.

Prints `ok NAME`, `FAIL NAME: why`, `skip CODE reason` and at the end `N passed, M failed`.
"""
from __future__ import annotations

import argparse
import json
import os
import pickle
import re
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import client
from client import Connection, ConnectionLost, DaemonError, ProtocolError, UntrustedPeer, decode, encode, fit, new_key

RETRYABLE = {102, 104, 105, 302, 402, 404, 501, 502, 503, 504}
TARGET = {"owner": "octo", "repo": "demo"}
RUN = new_key()
seen: set[int] = set()
passed = failed = 0
skipped: dict[int, str] = {}


class Skip(Exception):
    """A check whose state cannot be brought about: code, reason."""


def run(name: str, check: Callable[[], None]) -> None:
    global passed, failed
    try:
        check()
    except Skip as e:
        skipped[e.args[0]] = e.args[1]
    except Exception as e:
        failed += 1
        at = traceback.extract_tb(e.__traceback__)
        line = next((f.lineno for f in reversed(at) if f.filename == __file__), 0)
        print(f"FAIL {name}: line {line}: {type(e).__name__}: {e}", flush=True)
    else:
        passed += 1
        print(f"ok {name}", flush=True)


def finish() -> None:
    for code, reason in sorted(skipped.items()):
        if code not in seen:
            print(f"skip {code} {reason}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def refusal(code: int, act: Callable[[], Any], why: str = "") -> DaemonError:
    """`act` must be refused with `code`."""
    try:
        got = act()
    except DaemonError as e:
        assert e.code == code, f"{why}: wanted {code}, got {e}"
        assert e.message, f"{why}: no message"
        if code != 302:
            assert e.retryable == (code in RETRYABLE), f"{why}: {code} has retryable {e.retryable}"
        seen.add(code)
        return e
    raise AssertionError(f"{why}: wanted {code}, got {str(got)[:200]}")


def as_user(uid: int, act: Callable[[], Any]) -> Any:
    """What `act` returns in a child that is another user."""
    r, w = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(r)
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            out: tuple[bool, Any] = (True, (act(), seen))
        except PermissionError as e:
            out = (False, f"cannot connect as {uid}: {e}")
        except BaseException as e:
            out = (False, f"as {uid}: {type(e).__name__}: {e}: line {traceback.extract_tb(e.__traceback__)[-1].lineno}")
        with os.fdopen(w, "wb") as f:
            pickle.dump(out, f)
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        good, out = pickle.load(f)
    os.waitpid(pid, 0)
    assert good, out
    seen.update(out[1])
    return out[0]


# ---- Online

def online(path: str, path2: str | None, unresolved_id: int | None, broken: str | None, damaged: str | None,
           failing_disk: str | None, full: str | None) -> None:
    main = Connection(path)
    call = main.call
    assert main.ack["authz"]["role"] == "admin", f"we are {main.ack['authz']}, not admin"

    def job(body: str | None = None, number: int = 1, **more: Any) -> dict[str, Any]:
        return TARGET | {"number": number, "body": body or f"interop {new_key()}"} | more

    def submit(**more: Any) -> dict[str, Any]:
        return call("job_submit", job(**more))

    def state_of(id: int) -> str:
        return call("job_get", {"id": id})["job"]["state"]

    def until(id: int, want: set[str], seconds: float = 30) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while (got := call("job_get", {"id": id}))["job"]["state"] not in want:
            assert time.monotonic() < end, f"job {id} is {got} after {seconds} s, not one of {want}"
            time.sleep(0.1)
        return got

    def closed(c: Connection, what: str) -> list[int]:
        """The daemon closes; the codes of what it says before."""
        codes = []
        try:
            while True:
                got = decode(c.recv_frame(5))
                err = fit(got["err"], client.ERROR, "err") if "err" in got else fit(decode(got["body"]), client.ERROR, "err")
                codes.append(err["code"])
        except ConnectionLost as e:
            assert "no answer" not in str(e), f"{what}: the daemon did not close"
        return codes

    def envelope(body: bytes = b"\xa0", **other: Any) -> bytes:
        return encode({"v": 1, "request_id": 77, "endpoint": "ping", "body": body} | other)

    def raw(c: Connection, payload: bytes, request_id: int = 77) -> tuple[str, bytes]:
        c.send_frame(payload)
        return c.receive(request_id)

    heartbeat: list[Any] = []

    def wait_heartbeat() -> None:
        try:
            with Connection(path) as c:
                stream = c.subscribe(ids=[2**60])
                start = time.monotonic()
                heartbeat.extend([stream.heartbeat_s, stream.next(stream.heartbeat_s + 5), time.monotonic() - start])
        except Exception as e:
            heartbeat.append(e)

    waiter = threading.Thread(target=wait_heartbeat, daemon=True)
    waiter.start()

    # -- handshake and frames

    def handshake() -> None:
        ack = main.ack
        assert ack["protocol_version"] == 1 and ack["max_frame"] == 1_048_576, ack
        assert {"events", "list_filter", "job_check", "forecast"} <= set(ack["features"]), ack
        assert (ack["authz"]["uid"], ack["authz"]["gid"]) == (os.getuid(), os.getgid()), ack

    def versions() -> None:
        with Connection(path, versions=(1, 9)) as c:
            assert c.v == 1, c.ack
        e = refusal(100, lambda: Connection(path, versions=(2, 3)), "a newer client")
        assert "daemon is too old" in e.message, e.message
        e = refusal(100, lambda: Connection(path, versions=(0, 0)), "an older client")
        assert "client is too old" in e.message, e.message

    def hello_forms() -> None:
        with Connection(path, hello=False) as c:
            c.handshake({"protocol_version": 1, "min_protocol_version": 1, "client_name": "x", "client_version": "1",
                         "later": {"any": [1, None, 2.5]}})

    def not_hello() -> None:
        for what in (envelope(), b"\xff", encode({"protocol_version": 1}), b"\xa0"):
            with Connection(path, hello=False) as c:
                c.send_frame(what)
                assert closed(c, "no Hello") == [101], what
        seen.add(101)

    def late_hello() -> None:
        with Connection(path, hello=False) as c:
            start = time.monotonic()
            assert closed(c, "a late Hello") == [107]
            seen.add(107)
            assert 1.5 < time.monotonic() - start < 3.5, "the daemon waits 2 s for a Hello"

    def lengths() -> None:
        for length in (0, 1_048_577, 0xFFFFFFFF):
            for hello in (True, False):
                with Connection(path, hello=hello) as c:
                    c.send_raw(struct.pack(">I", length))
                    assert closed(c, f"a length of {length}") == [], "the daemon says nothing more"
        with Connection(path) as c:
            c.send_raw(struct.pack(">I", 1_048_576) + bytes(1_048_576))
            refusal(200, lambda: c.receive(0), "the longest frame, unreadable")
            assert c.call("ping") == {}

    def bytewise() -> None:
        with Connection(path) as c:
            for b in struct.pack(">I", len(envelope())) + envelope():
                c.send_raw(bytes([b]))
            assert c.receive(77) == ("ok", b"\xa0")

    def tolerant() -> None:
        with Connection(path) as c:
            assert raw(c, envelope(later=[1, {"a": None}], f=1.5))[0] == "ok", "unknown fields in an envelope"
            assert raw(c, envelope(encode({"later": {"a": [1]}})))[0] == "ok", "unknown fields in a body"
            flat = b"\xbf" + envelope()[1:] + b"\xff"
            assert raw(c, flat)[0] == "ok", "an indefinite map"
            assert raw(c, envelope(b"\xbf\xff"))[0] == "ok", "an indefinite map in a body"
            assert raw(c, b"\xd9\xd9\xf7" + envelope())[0] == "ok", "a tagged envelope"
            assert raw(c, envelope(endpoint="job_list", body=encode({"cursor": None, "limit": None})))[0] == "ok", "nulls"
            back = b"\xa4" + b"".join(encode(k) + encode(v) for k, v in
                                      (("body", b"\xa0"), ("endpoint", "ping"), ("request_id", 77), ("v", 1)))
            assert raw(c, back)[0] == "ok", "another order"
            assert raw(c, envelope(request_id=2**64 - 1), 2**64 - 1)[0] == "ok", "the highest id"

    def null_priority() -> None:
        r = submit(hold=True, priority=None)  # PROTOCOL.md: an optional number may be null; comenq.cddl: not this one
        call("job_cancel", {"id": r["job"]["id"]})

    def unreadable() -> None:
        deep = encode({"x": json.loads("[" * 16 + "]" * 16)})  # the map and 16 lists: 17 levels
        envelopes = {"garbage": b"\xff", "no map": b"\x01", "a missing field": encode({"v": 1, "request_id": 5}),
                     "a type": envelope(endpoint=5), "a negative id": envelope(request_id=-1),
                     "left over": envelope() + b"\x00", "twice": b"\xa5" + envelope()[1:] + encode("v") + b"\x01",
                     "no text key": b"\xa5" + envelope()[1:] + b"\x01\x01", "deep": envelope(x=json.loads("[" * 16 + "]" * 16)),
                     "a long key": envelope(**{"k" * 4097: 1}), "many": envelope(x=[0] * 65_537)}
        with Connection(path) as c:
            for what, payload in envelopes.items():
                c.send_frame(payload)
                e = refusal(200, lambda: c.receive(0), what)
                assert e.request_id == 0, f"{what}: an unreadable envelope has id 0, not {e.request_id}"
                assert c.call("ping") == {}
            for what, body in {"empty": b"", "garbage": b"\xff", "no map": b"\x01", "left over": b"\xa0\x00", "deep": deep,
                               "twice": b"\xa2\x62id\x01\x62id\x02"}.items():
                e = refusal(200, lambda: raw(c, envelope(body, endpoint="job_get")), f"a body: {what}")
                assert e.request_id == 77, f"the body {what}: id {e.request_id}"
                assert c.call("ping") == {}
            for v in (0, 2, 65535):
                e = refusal(200, lambda: raw(c, envelope(v=v)), f"version {v}")
                assert e.request_id == 77, f"v {v}: id {e.request_id}"
                assert c.call("ping") == {}
            for what, body in {"a missing field": {}, "a text": {"id": "7"}, "negative": {"id": -1}, "a null": {"id": None}}.items():
                refusal(200, lambda: c.call("job_get", body), what)
                assert c.call("ping") == {}
            refusal(200, lambda: c.call("job_list", {"include_body": None}), "null in place of a bool")
            assert c.call("ping") == {}
            refusal(200, lambda: c.call("job_submit", job(priority=128)), "not an i8")

    def three() -> None:
        with Connection(path) as c:
            for _ in range(3):
                c.send_frame(b"\xff")
            assert closed(c, "three unreadable") == [200, 200, 200]
        with Connection(path) as c:
            for _ in range(3):
                for _ in range(2):
                    refusal(200, lambda: raw(c, b"\xff"), "two")
                refusal(103, lambda: c.call("no_such"), "103 is readable")

    def unknown_endpoint() -> None:
        for name in ("", "job_explode", "x" * 4000):
            refusal(103, lambda: call(name), repr(name)[:20])
        assert call("ping") == {}

    def ahead() -> None:
        got = main.pipeline([("ping", {}), ("job_get", {"id": 2**62}), ("nope", {}), ("status", {})] * 8)
        assert [g.code if isinstance(g, DaemonError) else 0 for g in got] == [0, 400, 103, 0] * 8

    # -- submitting

    name = call("status")["own"]["accounts"][0]
    host = call("status")["lanes"][0]["host"]
    stranger = 100_000 + int(time.time()) % 1_000_000 * 4  # users that have done nothing in this minute

    def minimal() -> None:
        r = submit(number=1)
        j = r["job"]
        assert not r["duplicate"] and "body" not in j and j["number"] == 1 and j["owner"] == "octo", r
        assert j["state"] in ("queued", "posting", "posted") and j["priority"] == 0 and j["account"] == "default", r
        assert j["uid"] == os.getuid() and abs(j["created_at_ms"] / 1000 - time.time()) < 60, r
        done = until(j["id"], {"posted"})
        j = done["job"]
        assert j["finished_at_ms"] and j["attempts"] == 1 and j["body"].startswith("interop"), done
        assert j["comment_id"] and j["comment_url"], done
        assert done["attempt_log"][-1]["outcome"] == "posted" and "waiting_for" not in done, done

    def options() -> None:
        now = int(time.time() * 1000)
        k = new_key()
        r = submit(number=2, key=k, account=name, host=host, priority=-5, not_before_ms=now + 60_000, replace_key="ci" + k,
                   expires_at_ms=now + 120_000, if_open=True, hold=True)
        j = r["job"]
        assert j["state"] == "held" and j["priority"] == -5 and j["if_open"] and j["replace_key"] == "ci" + k, r
        assert j["not_before_ms"] == now + 60_000 and j["expires_at_ms"] == now + 120_000, r
        call("job_cancel", {"id": j["id"]})
        r = submit(number=2, delay_ms=60_000, expires_in_ms=120_000, hold=True)["job"]
        assert abs(r["not_before_ms"] - now - 60_000) < 10_000 and abs(r["expires_at_ms"] - now - 120_000) < 10_000, r
        call("job_cancel", {"id": r["id"]})
        r = submit(number=2, not_before_ms=now - 9000, hold=True)  # has passed: at once
        call("job_cancel", {"id": r["job"]["id"]})

    def keys() -> None:
        k = "k-" + RUN
        one = job("the same text " + RUN, key=k, hold=True)
        r = call("job_submit", one)
        assert not r["duplicate"]
        for again in (one, one | {"account": "default"}, one | {"priority": 9, "hold": False, "replace_key": "x"},
                      one | {"owner": "OCTO", "repo": "Demo"}):
            d = call("job_submit", again)
            assert d["duplicate"] and d["job"]["id"] == r["job"]["id"] and d["job"]["state"] == "held", d
            assert d["job"]["priority"] == 0, "the other fields change nothing"
        for other in (one | {"body": "other"}, one | {"number": 2}, one | {"repo": "demo2"}):
            refusal(205, lambda: call("job_submit", other), "other content")
        call("job_edit", {"id": r["job"]["id"], "body": "edited"})
        assert call("job_submit", one)["duplicate"], "an edit does not change what the key stands for"
        refusal(205, lambda: call("job_submit", one | {"body": "edited"}), "the edited text")
        call("job_cancel", {"id": r["job"]["id"]})
        assert call("job_submit", one)["job"]["state"] == "cancelled"
        d = as_user(12001, lambda: Connection(path).call("job_submit", one))
        assert not d["duplicate"], "keys of other users are independent"
        call("job_cancel", {"id": d["job"]["id"]})
        got = client.call_repeating(path, "job_submit", dict(one))
        assert got["duplicate"]

    def same_text() -> None:
        text = "twice " + RUN
        a, b = submit(body=text, hold=True), submit(body=text, hold=True)
        assert b.get("same_text_as") == a["job"]["id"] and b["notes"], b
        for r in (a, b):
            call("job_cancel", {"id": r["job"]["id"]})

    def batch() -> None:
        k = new_key()
        good = [job(key=f"{k}-{i}", number=3, hold=True) for i in range(3)]
        e = refusal(201, lambda: call("job_submit_batch", {"jobs": good + [job(number=0)]}), "one bad job")
        assert re.search(r"\b[34]\b", e.message), f"the message does not say which job: {e.message}"
        r = call("job_submit_batch", {"jobs": good})
        assert [j["duplicate"] for j in r["jobs"]] == [False] * 3, f"a refused batch left jobs: {r}"
        assert [j["notes"] for j in r["jobs"]] == [[]] * 3, r
        again = call("job_submit_batch", {"jobs": good})
        assert [(j["duplicate"], j["job"]["id"]) for j in again["jobs"]] == [(True, j["job"]["id"]) for j in r["jobs"]]
        refusal(205, lambda: call("job_submit_batch", {"jobs": [good[0] | {"body": "x"}]}), "another text")
        refusal(209, lambda: call("job_submit_batch", {"jobs": []}), "no jobs")
        refusal(200, lambda: call("job_submit_batch", {"jobs": [job(hold=True)] * 501}), "501 jobs")
        for j in r["jobs"]:
            call("job_cancel", {"id": j["job"]["id"]})

    def batch_supersedes() -> None:
        k = "rb-" + RUN
        r = call("job_submit_batch", {"jobs": [job(number=4, replace_key=k, delay_ms=600_000) for _ in range(2)]})["jobs"]
        said, stored = [j["job"]["state"] for j in r], [state_of(j["job"]["id"]) for j in r]
        for j in r:
            call("job_cancel", {"id": j["job"]["id"]})
        assert r[1]["superseded"] == [r[0]["job"]["id"]], r
        assert said == stored, f"a reply speaks of durable state: it said {said}, stored is {stored}"

    def superseding() -> None:
        k = "rk-" + RUN
        h = submit(number=4, replace_key=k, hold=True)["job"]["id"]
        a = submit(number=4, replace_key=k, delay_ms=600_000)["job"]["id"]
        other = submit(number=4, replace_key=k + "x", delay_ms=600_000)["job"]["id"]
        b = submit(number=4, replace_key=k, delay_ms=600_000)
        assert b["superseded"] == [a] and b["notes"], b
        got = call("job_get", {"id": a})["job"]
        assert got["state"] == "cancelled" and got["superseded_by"] == b["job"]["id"], got
        assert state_of(h) == "held"
        for i in (h, other, b["job"]["id"]):
            call("job_cancel", {"id": i})

    def expiring() -> None:
        r = submit(number=4, hold=True, expires_in_ms=1500)["job"]["id"]
        until(r, {"expired"}, 15)
        refusal(401, lambda: call("job_cancel", {"id": r}), "cancel an expired one")

    # -- reading

    def listing() -> None:
        ids = [submit(hold=True, number=5)["job"]["id"] for _ in range(5)]
        got: list[dict[str, Any]] = []
        for page in main.pages("job_list", {"limit": 2}):
            assert len(page["jobs"]) <= 2
            assert all("body" not in j for j in page["jobs"])
            got += page["jobs"]
        all_ids = [j["id"] for j in got]
        assert set(ids) <= set(all_ids) and len(all_ids) == len(set(all_ids)), all_ids
        ended = ("posted", "failed", "cancelled", "expired")
        kinds = [j["state"] in ended for j in got]
        assert kinds == sorted(kinds), "unfinished ones come first"
        first = [j["id"] for j in got if j["state"] not in ended]
        assert first == sorted(first), "by id"
        times = [j["finished_at_ms"] for j in got if j["state"] in ended]
        assert times == sorted(times, reverse=True), "the newest first"
        page = call("job_list", {"limit": 1, "include_body": True})
        assert all("body" in j for j in page["jobs"]), page
        cursor = page["next_cursor"]
        history = call("job_list", {"limit": 1, "history": True})
        assert all(j["state"] in ended for j in history["jobs"])
        for bad in ({"cursor": "no cursor"}, {"cursor": ""}, {"cursor": cursor, "history": True},
                    {"cursor": history["next_cursor"]}):
            refusal(207, lambda: call("job_list", bad), str(bad))
        some = {"states": ["held"], "owner": "OCTO", "repo": "Demo", "account": "default", "mine": True, "since_ms": 1}
        held = [j for page in main.pages("job_list", some) for j in page["jobs"]]
        assert set(ids) <= {j["id"] for j in held} and {j["state"] for j in held} == {"held"}, held
        assert all((j["owner"], j["repo"], j["uid"]) == ("octo", "demo", os.getuid()) for j in held), held
        for none in ({"account": "nobody"}, {"owner": "nobody"}, {"since_ms": 2**62}, {"mine": True, "states": ["expired"], "owner": "x"}):
            assert [j for page in main.pages("job_list", none) for j in page["jobs"]] == [], none
        for bad in ({"states": ["eclipsed"]}, {"repo": "demo"}):
            refusal(209, lambda: call("job_list", bad), str(bad))
        for i in ids:
            call("job_cancel", {"id": i})

    def checking() -> None:
        counts = call("status")["counts"]
        one = call("job_check", {"jobs": [job(number=9, delay_ms=600_000, expires_in_ms=900_000)]})["jobs"][0]
        assert one["account"] == "default" and one["expires_at_ms"] - one["not_before_ms"] == 300_000, one
        assert one["expected_at_ms"] >= one["not_before_ms"] and "position" not in one and "duplicate_of" not in one, one
        k = new_key()
        twice = call("job_check", {"jobs": [job("x", 9, key=k), job("x", 9, key=k)]})["jobs"]
        assert [j.get("duplicate_of") for j in twice] == [None, 0], twice
        a = submit(body="x", number=9, key=k, hold=True, replace_key="r")["job"]["id"]
        known = call("job_check", {"jobs": [job("x", 9, key=k)]})["jobs"][0]
        assert known["duplicate_of"] == a, known
        refusal(205, lambda: call("job_check", {"jobs": [job("y", 9, key=k)]}), "a reused key")
        refusal(209, lambda: call("job_check", {"jobs": []}), "no jobs")
        refusal(201, lambda: call("job_check", {"jobs": [job() | {"owner": "-"}]}), "a target")
        refusal(200, lambda: call("job_check", {"jobs": [job(number=n + 1) for n in range(501)]}), "too many")
        call("job_cancel", {"id": a})
        after = call("status")["counts"]
        assert sum(after.values()) == sum(counts.values()) + 1, (counts, after)

    def forecasting() -> None:
        a = submit(number=10, delay_ms=3_600_000)["job"]["id"]
        whole = call("forecast")["lanes"]
        assert "default" in [lane["account"] for lane in whole], whole
        lane, = call("forecast", {"account": "default", "limit": 1000})["lanes"]
        assert lane["queued"] >= 1 and len(lane["posts"]) <= 100, lane
        post = next(p for p in lane["posts"] if p["job_id"] == a)
        assert post["uid"] == os.getuid() and post["target"] == "octo/demo#10", post
        shown = call("job_get", {"id": a})
        assert "position" not in shown and shown["expected_at_ms"] >= shown["job"]["not_before_ms"], shown
        refusal(210, lambda: call("forecast", {"account": "nobody"}), "no account")
        call("job_cancel", {"id": a})
        assert "expected_at_ms" not in call("job_get", {"id": a})

    def changes() -> None:
        a = submit(number=6, delay_ms=600_000)["job"]["id"]
        j = call("job_edit", {"id": a, "body": "new text é"})["job"]
        assert j["state"] == "queued" and "body" not in j
        assert call("job_get", {"id": a})["job"]["body"] == "new text é"
        for endpoint, want in (("job_bump", "queued"), ("job_retry", "queued"), ("job_release", "queued"), ("job_hold", "held"),
                               ("job_hold", "held"), ("job_edit", "held"), ("job_release", "queued"), ("job_release", "queued")):
            got = call(endpoint, {"id": a} | ({"body": "b"} if endpoint == "job_edit" else {}))
            assert got["job"]["state"] == want and got["job"]["id"] == a and "body" not in got["job"], (endpoint, got)
        call("job_hold", {"id": a})
        for endpoint in ("job_retry", "job_bump", "post_now", "job_purge"):
            refusal(401, lambda: call(endpoint, {"id": a}), f"{endpoint} of a held job")
        for _ in range(2):
            r = call("job_cancel", {"id": a})
            assert r["job"]["state"] == "cancelled" and not r["may_have_been_posted"] and "body" not in r["job"], r
        for endpoint in ("job_edit", "job_hold", "job_release", "job_retry", "job_bump", "post_now"):
            refusal(401, lambda: call(endpoint, {"id": a, "body": "x"}), f"{endpoint} of a cancelled job")
        assert call("job_purge", {"id": a})["id"] == a
        refusal(400, lambda: call("job_get", {"id": a}), "a purged job")
        assert call("job_purge", {"id": a})["notes"], "purged twice: no note"

    def purged_key() -> None:
        k = new_key()
        one = job("purged " + k, key=k, hold=True)
        i = call("job_submit", one)["job"]["id"]
        call("job_cancel", {"id": i})
        call("job_purge", {"id": i})
        d = call("job_submit", one)
        assert d["duplicate"] and d["job"]["id"] == i and d["job"]["state"] == "cancelled", d

    def missing_jobs() -> None:
        for endpoint in ("job_get", "job_cancel", "job_edit", "job_hold", "job_release", "job_retry", "job_bump", "post_now", "job_purge"):
            refusal(400, lambda: call(endpoint, {"id": 2**62, "body": "x"}), endpoint)
            refusal(208, lambda: call(endpoint, {"id": 0, "body": "x"}), endpoint)

    def failing() -> None:
        i = submit(number=99)["job"]["id"]
        j = until(i, {"failed", "posted"}, 20)["job"]
        assert j["state"] == "failed", f"a comment on an issue that is not there is {j['state']}"
        assert j["failure"] == "not_found" and j["last_error"] and j["finished_at_ms"], j
        for endpoint in ("job_edit", "job_hold", "job_release", "job_bump", "job_cancel"):
            refusal(401, lambda: call(endpoint, {"id": i, "body": "x"}), f"{endpoint} of a failed job")
        j = call("job_retry", {"id": i})["job"]
        assert j["state"] == "queued" and "failure" not in j, j
        until(i, {"failed"}, 20)
        r = [x for page in main.pages("job_retry_failed", {"reason": "not_found"}) for x in page["retried"]]
        assert i in r, r
        until(i, {"failed"}, 20)
        refusal(209, lambda: call("job_retry_failed", {"reason": "bad luck"}), "no reason")
        refusal(207, lambda: call("job_retry_failed", {"reason": "not_found", "cursor": "x"}), "no cursor")
        call("job_purge", {"id": i})

    def status() -> None:
        held = submit(hold=True)["job"]["id"]
        s = call("status")
        assert s["store"]["ok"] and s["counts"]["held"] >= 1 and s["own"]["queued_jobs"] >= 1, s
        assert s["own"]["queued_bytes"] > 0 and s["own"]["submits_last_minute"] >= 1 and s["lanes"], s
        call("job_cancel", {"id": held})

    def health() -> None:
        h = call("health")
        assert h["healthy"] == (not h["degraded"]) and h["store"]["writable"] and h["connections"] >= 1, h
        assert h["clock_confirmed"] and {p["part"] for p in h["parts"]} == {"accept", "commit", "worker"}, h
        assert h["store"]["commit_p50_us"] <= h["store"]["commit_p99_us"], h

    def metrics() -> None:
        text = call("metrics")["text"]
        assert text.rstrip("\n").endswith("# EOF") and "octo/" not in text, text[-200:]

    def export() -> None:
        lines = [line for page in main.pages("store_export") for line in page["lines"]]
        assert not any("\n" in line for line in lines)
        parsed = [json.loads(line) for line in lines]
        assert parsed[0]["comenq_export"] == 1 and "end" in parsed[-1], (lines[0], lines[-1])
        assert parsed[-1]["end"]["jobs"] == sum("job" in p for p in parsed), lines[-1]
        refusal(207, lambda: call("store_export", {"cursor": "x"}), "export")

    # -- events

    def events() -> None:
        with Connection(path) as c:
            stream = c.subscribe()
            assert stream.heartbeat_s == 30
            i = submit(number=7)["job"]["id"]
            mine: list[client.Event] = []
            seqs = [stream.position["seq"]]
            while not mine or mine[-1].kind != "posted":
                e = stream.next(20)
                assert e.position["epoch"] == stream.position["epoch"]
                assert e.position["seq"] > seqs[-1] or e.kind in ("heartbeat", "snapshot", "lagged"), (e, seqs)
                seqs.append(e.position["seq"])
                if e.job_id == i:
                    mine.append(e)
        assert [e.kind for e in mine] == ["queued", "claimed", "posted"], mine
        assert [e.state for e in mine] == ["queued", "posting", "posted"], mine
        assert all(e.fields["target"] == "octo/demo#7" and e.fields["uid"] == os.getuid() for e in mine), mine
        assert mine[-1].fields["comment_url"], mine
        with Connection(path) as c:
            stream = c.subscribe(ids=[i], after=mine[0].position)
            again = [stream.next(5), stream.next(5)]
            assert [e.fields for e in again] == [e.fields for e in mine[1:]], again
        with Connection(path) as c:
            stream = c.subscribe(mine=True, after={"epoch": 12345, "seq": 1})
            e = stream.next(5)
            assert e.kind == "snapshot" and e.job_id is None, e
            held = submit(number=7, hold=True)["job"]["id"]
            e = stream.next(5)
            assert (e.kind, e.job_id, e.state) == ("held", held, "held"), e
            call("job_edit", {"id": held, "body": "x"})
            call("job_release", {"id": held})
            call("job_bump", {"id": held}) if state_of(held) == "queued" else None
            kinds = []
            while "posted" not in kinds:
                e = stream.next(20)
                kinds += [e.kind] if e.job_id == held else []
            assert kinds[:2] == ["edited", "released"], kinds
        got = []
        for e in client.follow(path, after=mine[0].position, ids=[i]):
            got.append(e.kind)
            if len(got) == 2:
                break
        assert got == ["claimed", "posted"], got

    def events_only() -> None:
        with Connection(path) as c:
            stream = c.subscribe(ids=[2**60])
            c.send("ping")
            e = refusal(106, lambda: stream.connection.receive(c.next_id - 1, 5), "a request on a stream")
            assert closed(c, "106") == [], e
        with Connection(path) as c:
            sub = c.send("subscribe", {"ids": [2**60]})
            ping = c.send("ping")
            c.reply(sub, "subscribe")
            refusal(106, lambda: c.receive(ping, 5), "ahead of the reply")
            assert closed(c, "106") == []
        refusal(209, lambda: call("subscribe", {"ids": [1], "mine": True}), "ids and mine")
        assert call("ping") == {}, "a refused subscribe leaves the connection as it was"

    # -- refusals

    def targets() -> None:
        for bad in ({"owner": ""}, {"owner": "-a"}, {"owner": "a-"}, {"owner": "a" * 40}, {"owner": "a.b"}, {"owner": "ä"},
                    {"repo": ""}, {"repo": "."}, {"repo": ".."}, {"repo": "x.git"}, {"repo": "a/b"}, {"repo": "r" * 101}, {"number": 0}):
            refusal(201, lambda: call("job_submit", job(hold=True) | bad), str(bad))

    def bodies() -> None:
        held = submit(hold=True)["job"]["id"]
        for bad, code in (("", 202), (" \n\t", 202), ("a\0b", 202), ("x" * 65_537, 203), ("x" * 262_145, 203), ("é" * 65_537, 203)):
            refusal(code, lambda: call("job_submit", job(hold=True) | {"body": bad}), f"{len(bad)} characters")
            refusal(code, lambda: call("job_edit", {"id": held, "body": bad}), f"edit: {len(bad)} characters")
        call("job_edit", {"id": held, "body": "\U0001F600" * 65_000})
        call("job_cancel", {"id": held})

    def bad_keys() -> None:
        for bad in ("", "k" * 129, "a b", "ä", "a\n"):
            refusal(204, lambda: call("job_submit", job(hold=True, key=bad)), repr(bad)[:20])
            refusal(209, lambda: call("job_submit", job(hold=True, replace_key=bad)), "replace " + repr(bad)[:20])
        call("job_cancel", {"id": submit(hold=True, key=(RUN + "~" * 128)[:128])["job"]["id"]})

    def values() -> None:
        now, year = int(time.time() * 1000), 366 * 86_400_000
        for bad in ({"priority": 101}, {"priority": -101}, {"not_before_ms": now + 9000, "delay_ms": 5}, {"delay_ms": 0},
                    {"expires_at_ms": now - 9000}, {"expires_at_ms": now + 9000, "expires_in_ms": 9000}, {"expires_in_ms": 0},
                    {"not_before_ms": now + 60_000, "expires_at_ms": now + 50_000}, {"delay_ms": 9000, "expires_in_ms": 8000},
                    {"not_before_ms": now + 11 * year}, {"not_before_ms": now - 11 * year}, {"delay_ms": 11 * year}, {"expires_in_ms": 2**64 - 1}):
            refusal(209, lambda: call("job_submit", job(hold=True, **bad)), str(bad))
        for bad_reason in ("", "x" * 201, "two\nlines"):
            refusal(209, lambda: call("queue_pause", {"reason": bad_reason}), repr(bad_reason)[:20])
            refusal(209, lambda: call("queue_drain", {"reason": bad_reason}), repr(bad_reason)[:20])

    def wrong_host() -> None:
        met = False
        for p in filter(None, (path, path2)):
            with Connection(p) as c:
                try:
                    r = c.call("job_submit", job(hold=True, host="evil.example"))
                    c.call("job_cancel", {"id": r["job"]["id"]})
                except DaemonError as e:
                    met = e.code == 206 and not e.retryable
        seen.add(206)  # met or failed: `every_code` need not say it again
        assert met, f"the account posts to {host}, and a submission with the host evil.example was taken"

    def accounts() -> None:
        refusal(210, lambda: call("job_submit", job(hold=True, account="nobody-here")), "an account")
        refusal(210, lambda: call("queue_pause", {"account": "nobody-here"}), "pause")
        refusal(210, lambda: call("queue_resume", {"account": "nobody-here"}), "resume")
        refusal(210, lambda: call("account_resume", {"account": "nobody-here"}), "account_resume")

    def pausing() -> None:
        try:
            call("queue_pause", {"reason": "interop"})
            s = call("status")
            assert s["queue"]["paused"]["reason"] == "interop" and s["queue"]["paused"]["uid"] == os.getuid(), s
            assert s["lanes"][0]["phase"] == "paused", s["lanes"]
            assert "paused" in [d["code"] for d in call("health")["degraded"]]
            assert call("queue_pause", {"reason": "other"})["notes"], "paused already: no note"
            assert call("status")["queue"]["paused"]["reason"] == "interop", "as it was ordered first"
            i = submit(number=8)["job"]["id"]
            refusal(404, lambda: call("post_now", {"id": i}), "post_now in a pause")
            time.sleep(1.5)
            assert state_of(i) == "queued"
            call("job_cancel", {"id": i})
        finally:
            call("queue_resume")
        assert call("queue_resume")["notes"], "resumed already: no note"
        call("queue_pause", {"account": name})
        assert call("status")["lanes"][0]["paused"]["uid"] == os.getuid()
        call("account_resume", {"account": name})
        assert "paused" not in call("status")["lanes"][0], "account_resume ends its account's pause"

    def post_now() -> None:
        i = submit(number=8, delay_ms=600_000)["job"]["id"]
        refusal(404, lambda: call("post_now", {"id": i}), "a time of its own")
        call("job_cancel", {"id": i})
        ids = [submit(number=8)["job"]["id"] for _ in range(3)]
        got = call("post_now", {"id": ids[2]})
        assert got["job"]["id"] == ids[2], got
        until(ids[2], {"posted"}, 15)
        for i in ids:
            until(i, {"posted"}, 15)
        refusal(401, lambda: call("post_now", {"id": ids[0]}), "a posted job")
        call("job_purge", {"id": ids[0]})

    def busy() -> None:
        for _ in range(4):
            i = submit(number=9)["job"]["id"]
            try:
                while True:
                    call("job_bump", {"id": i})
            except DaemonError as e:
                if e.code == 402:
                    seen.add(402)
                    assert e.retryable, e
                    return
                assert e.code in (401, 104), e
        raise Skip(402, "the stand-in answers too fast to meet a job that is being posted")

    def draining() -> None:
        k = new_key()
        one = job("drain " + k, key=k, hold=True)
        i = call("job_submit", one)["job"]["id"]
        try:
            call("queue_drain", {"reason": "interop"})
            refusal(504, lambda: submit(hold=True), "drained")
            refusal(504, lambda: call("job_submit_batch", {"jobs": [job(hold=True)]}), "drained")
            assert call("job_submit", one)["duplicate"], "a known key is answered"
            assert call("status")["queue"]["draining"]["reason"] == "interop"
            assert call("queue_drain")["notes"], "drained already: no note"
        finally:
            call("queue_drain", {"off": True})
        assert call("queue_drain", {"off": True})["notes"], "not drained any more: no note"
        call("job_cancel", {"id": i})

    def operator() -> None:
        k = "rk-" + RUN
        theirs = submit(number=1, replace_key=k, delay_ms=600_000)["job"]["id"]

        def act() -> int:
            with Connection(path) as c:
                assert c.ack["authz"] == {"uid": 12001, "gid": 12001, "role": "operator"}, c.ack
                for endpoint in ("job_edit", "job_hold", "job_release", "job_cancel", "job_retry", "job_bump"):
                    refusal(300, lambda: c.call(endpoint, {"id": theirs, "body": "x"}), endpoint)
                for endpoint, body in (("post_now", {"id": theirs}), ("job_purge", {"id": theirs}), ("queue_pause", {}),
                                       ("queue_resume", {}), ("queue_drain", {}), ("account_resume", {"account": name}), ("store_export", {})):
                    refusal(300, lambda: c.call(endpoint, body), endpoint)
                got = c.call("job_get", {"id": theirs})
                hidden = {"body", "last_error", "replace_key"} & set(got["job"])
                assert not hidden and not got["attempt_log"] and got.get("waiting_for"), got
                assert all("replace_key" not in j and "body" not in j for page in c.pages("job_list", {"include_body": True})
                           for j in page["jobs"] if j["uid"] != 12001)
                own = c.call("job_submit", job(number=1, replace_key=k, hold=True, body="mine"))["job"]["id"]
                assert c.call("job_get", {"id": own})["job"]["body"] == "mine"
                assert c.call("status")["own"]["queued_jobs"] >= 1
                return own

        own = as_user(12001, act)
        assert call("job_edit", {"id": own, "body": "an admin may"})["job"]["uid"] == 12001
        for i in (theirs, own):
            call("job_cancel", {"id": i})

    def unmapped() -> None:
        as_user(65534, lambda: refusal(301, lambda: Connection(path), "65534").code)

    def quota() -> None:
        def act() -> list[int]:
            with Connection(path) as c:
                own = c.call("status")["own"]
                ids: list[int] = []
                while True:
                    try:
                        r = c.call("job_submit_batch", {"jobs": [job(hold=True) for _ in range(500)]})
                        ids += [j["job"]["id"] for j in r["jobs"]]
                        assert len(ids) <= own["max_queued_jobs"], "more jobs than may wait"
                        assert len(ids) <= own["max_submits_per_minute"], "more jobs than one may submit in a minute"
                    except DaemonError as e:
                        assert e.code == 302, e
                        assert e.retryable or e.retry_after_s is None, "not retryable, but a time when"
                        seen.add(302)
                        break
                got = c.pipeline([("job_cancel", {"id": i}) for i in ids])
                assert not [g for g in got if isinstance(g, DaemonError) and g.code != 104], "cancelling many"
                return ids
        as_user(stranger, act)

    def configured() -> None:
        """What only some configurations bring about: rules for repositories, accounts of others, several accounts."""
        skipped.update({303: "the configuration has no rules that forbid a repository", 304: "the configuration lets us use every account",
                        211: "the configuration gives us one account, or `default`"})
        for p in filter(None, (path, path2)):
            with Connection(p) as c:
                own, lanes = c.call("status")["own"]["accounts"], c.call("status")["lanes"]
                if len(own) > 1 and "default" not in own:
                    refusal(211, lambda: c.call("job_submit", job(hold=True)), "several accounts")
                for other in {lane["account"] for lane in lanes} - set(own):
                    refusal(304, lambda: c.call("job_submit", job(hold=True, account=other)), "another's account")
                try:
                    r = c.call("job_submit", job(hold=True, account=own[0]) | {"owner": "forbidden", "repo": "repo"})
                    c.call("job_cancel", {"id": r["job"]["id"]})
                except DaemonError as e:
                    assert e.code == 303 and not e.retryable, e
                    seen.add(303)

    def dangerous() -> None:
        if path2 is None:
            raise Skip(305, "needs --as-admin SOCKET2, a daemon without allow_dangerous")
        with Connection(path2) as c:
            assert c.ack["authz"]["role"] == "admin", c.ack
            for endpoint in ("post_now", "job_purge"):
                refusal(305, lambda: c.call(endpoint, {"id": 1}), endpoint)

    def unresolved() -> None:
        if unresolved_id is None:
            raise Skip(403, "needs a job of unknown outcome")
        assert state_of(unresolved_id) == "uncertain"
        for endpoint, more in (("job_edit", {"body": "other"}), ("job_hold", {}), ("job_release", {}), ("job_bump", {})):
            refusal(403, lambda: call(endpoint, {"id": unresolved_id} | more), endpoint)
        assert call("job_cancel", {"id": unresolved_id})["job"]["cancel_requested"] is True

    def unavailable() -> None:
        if broken is None:
            raise Skip(501, "needs a store that cannot be opened")
        with Connection(broken) as c:
            store = c.call("status")["store"]
            assert store["ok"] is False and store["reason"], store
            refusal(501, lambda: c.call("job_submit", job()), "submit")
            refusal(501, lambda: c.call("job_get", {"id": 1}), "get")

    def ill(code: int, sick: str | None, endpoint: str, body: Any) -> Callable[[], None]:
        """The daemon at `sick` refuses that with `code`."""
        def check() -> None:
            if sick is None:
                raise Skip(code, "needs a daemon in that state")
            with Connection(sick) as c:
                refusal(code, lambda: c.call(endpoint, body), endpoint)
        return check

    def too_many() -> None:
        def act() -> int:
            held: list[Connection] = []
            try:
                for _ in range(300):
                    held.append(Connection(path))
            except DaemonError as e:
                assert e.code == 102 and e.retryable, e
                seen.add(102)
            return len(held)
        n = as_user(stranger + 1, act)
        if 102 not in seen:
            raise Skip(102, f"{n} connections of one user are taken")
        assert n == 256, f"{n} connections of one user"

    def too_fast() -> None:
        def act() -> int:
            with Connection(path) as c:
                one = struct.pack(">I", len(envelope())) + envelope()
                for _ in range(2000):
                    c.send_raw(one * 16)
                    for _ in range(16):
                        try:
                            c.receive(77)
                        except DaemonError as e:
                            assert e.code == 104 and e.retryable and e.retry_after_s is not None, e
                            seen.add(104)
                            time.sleep(e.retry_after_s)
                            return 1
            return 0
        as_user(stranger + 2, act)
        if 104 not in seen:
            raise Skip(104, "this client is too slow to ask too fast")

    def breaker() -> None:
        def act() -> int:
            for n in range(40):
                try:
                    with Connection(path) as c:
                        c.send_raw(bytes(4))
                        closed(c, "a length of 0")
                except DaemonError as e:
                    assert e.code == 105 and e.retryable, e
                    seen.add(105)
                    return n
            return 40
        n = as_user(stranger + 3, act)
        if 105 not in seen:
            raise Skip(105, f"{n} broken rules were not refused")
        assert 20 <= n <= 21, f"refused after {n}"

    def beats() -> None:
        waiter.join(40)
        assert len(heartbeat) == 3, heartbeat
        span, e, took = heartbeat
        assert e.kind == "heartbeat" and e.job_id is None and took <= span + 1, heartbeat

    for name_, check in (
            ("handshake", handshake), ("versions", versions), ("hello_forms", hello_forms), ("not_hello", not_hello),
            ("late_hello", late_hello), ("lengths", lengths), ("bytewise", bytewise), ("tolerant", tolerant),
            ("null_priority", null_priority), ("unreadable", unreadable), ("three_unreadable", three),
            ("unknown_endpoint", unknown_endpoint), ("ahead", ahead), ("submit_minimal", minimal), ("submit_options", options),
            ("keys", keys), ("same_text", same_text), ("batch", batch), ("superseding", superseding), ("batch_supersedes", batch_supersedes), ("expiring", expiring),
            ("list", listing), ("checking", checking), ("forecasting", forecasting), ("changes", changes), ("purged_key", purged_key), ("missing_jobs", missing_jobs),
            ("failing", failing), ("status", status), ("health", health), ("metrics", metrics), ("export", export),
            ("events", events), ("events_only", events_only), ("targets", targets), ("bodies", bodies), ("bad_keys", bad_keys),
            ("values", values), ("wrong_host", wrong_host), ("accounts", accounts), ("pausing", pausing), ("post_now", post_now), ("busy", busy),
            ("draining", draining), ("operator", operator), ("unmapped", unmapped), ("quota", quota), ("configured", configured),
            ("dangerous", dangerous), ("unresolved", unresolved), ("unavailable", unavailable),
            ("damaged", ill(500, damaged, "job_get", {"id": 1})), ("failing_disk", ill(502, failing_disk, "job_submit", job())),
            ("full", ill(503, full, "job_submit", job())), ("too_many", too_many), ("too_fast", too_fast), ("breaker", breaker), ("heartbeat", beats)):
        run(name_, check)
    left = sorted({100, 101, 102, 103, 104, 105, 106, 107, *range(200, 212), *range(300, 306), *range(400, 405), *range(500, 505)}
                  - seen - set(skipped))
    run("every_code", lambda: (_ for _ in ()).throw(AssertionError(f"never met: {left}")) if left else None)


# ---- Offline

def notation(text: str) -> Any:
    """The text's notation, which is JSON with `<< >>` around what is embedded."""
    text = re.sub(r"<<\s*", '{"<<": ', re.sub(r"\s*>>", "}", text.replace("\n ", " ")))
    return json.loads(text)


def embedded(value: Any) -> Any:
    """The value with embedded CBOR encoded."""
    if isinstance(value, dict):
        return encode(embedded(value["<<"])) if set(value) == {"<<"} else {k: embedded(v) for k, v in value.items()}
    return [embedded(v) for v in value] if isinstance(value, list) else value


def rule(name: str) -> Any:
    """Which shape the vector `name` has, where the client has one."""
    for prefix, kind in (("hello_reply", client.HELLO_REPLY), ("hello", client.HELLO), ("request_envelope", client.REQUEST),
                         ("response_", client.RESPONSE), ("error_", client.ERROR), ("event_", client.EVENT),
                         ("job_change_reply", client.CHANGED), ("queue_change_reply", client.NOTED)):
        if name.startswith(prefix):
            return kind
    got = re.match(r"(.+)_reply(_|$)", name)
    return client.REPLIES.get(got[1]) if got else None


def offline(text: str) -> None:
    blocks = re.findall(r"^(?:([{][^`]*?)\n\n|a length[^\n]*\n\n)(\w+):\n((?:  [0-9a-f]+\n)+)", text, re.M)
    assert len(blocks) > 50, f"only {len(blocks)} examples found"

    def vector(words: str, name: str, data: bytes) -> None:
        if name == "frame":
            assert struct.unpack(">I", data[:4])[0] == len(data) - 4 == 44
            decode(data[4:])
            return
        value = embedded(notation(words))
        assert decode(data) == value, f"{decode(data)} is not {value}"
        assert encode(value) == data, f"encoded otherwise: {encode(value).hex()}"
        if kind := rule(name):
            fit(value, kind, name)

    for words, name, hexed in blocks:
        run(f"vector_{name}", lambda: vector(words, name, bytes.fromhex("".join(hexed.split()))))

    def fences() -> None:
        inside, bad = False, []
        lines = text.split("\n")
        for n, line in enumerate(lines, 1):
            vector = re.match(r"\w+:$", line) and re.match(r"  [0-9a-f]+$", lines[n])
            if line.startswith("```"):
                inside = not inside
            elif inside and line.startswith(("#", "|")) or not inside and vector:
                bad.append(f"{n}: {line}")
        assert not bad and not inside, f"fences are out of step near {bad[:3]}"

    run("text_fences", fences)

    ack = {"ack": {"protocol_version": 1, "daemon_version": "9", "features": ["events", "later"], "max_frame": 1_048_576,
                   "authz": {"uid": 0, "gid": 0, "role": "overlord", "new": 1}, "later": 1}}

    def answer(body: dict[str, Any], kind: str = "ok", request_id: int = 1, v: int = 1) -> dict[str, Any]:
        return {"v": v, "request_id": request_id, "kind": kind, "body": encode(body)}

    def against(replies: list[Any], act: Callable[[str], Any], uid: int | None = None) -> tuple[Any, bytes]:
        """What `act` does with a daemon that says `replies`, and what that daemon read."""
        with tempfile.TemporaryDirectory() as d:
            os.chmod(d, 0o777)
            path, got = d + "/s", bytearray()
            ready = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    if uid is not None:
                        os.setgid(uid)
                        os.setuid(uid)
                    s = socket.socket(socket.AF_UNIX)
                    s.bind(path)
                    s.listen()
                    os.write(ready[1], b"x")
                    c, _ = s.accept()
                    c.settimeout(2)
                    for r in replies:
                        n = c.recv(65536)
                        got += n
                        c.sendall(r if isinstance(r, bytes) else struct.pack(">I", len(encode(r))) + encode(r))
                    got += c.recv(65536)
                except OSError:
                    pass
                os.write(ready[1], bytes(got)[:4000])
                os._exit(0)
            os.close(ready[1])
            os.read(ready[0], 1)
            try:
                out = act(path)
            except Exception as e:
                out = e
            os.waitpid(pid, 0)
            with os.fdopen(ready[0], "rb") as f:
                return out, f.read()

    def ping(path: str) -> Any:
        with Connection(path, timeout=2) as c:
            return c.call("ping")

    def stream(path: str) -> Any:
        with Connection(path, timeout=2) as c:
            return [c2.next(1) for c2 in [c.subscribe()] for _ in range(2)]

    def client_reads() -> None:
        for what, replies, want in (
                ("a reply", [ack, answer({"later": 1})], {}),
                ("one of another kind first", [ack, b"".join(struct.pack(">I", len(encode(f))) + encode(f)
                                                             for f in (answer({}, "later"), answer({})))], {}),
                ("another version", [{"ack": ack["ack"] | {"protocol_version": 2}}], ProtocolError),
                ("ack and err", [ack | {"err": {"code": 1, "message": "", "retryable": False}}], ProtocolError),
                ("neither", [{}], ProtocolError),
                ("refused", [{"err": {"code": 102, "message": "full", "retryable": True}}], DaemonError),
                ("another id", [ack, answer({}, request_id=2)], ProtocolError),
                ("another v", [ack, answer({}, v=2)], ProtocolError),
                ("an unknown code", [ack, answer({"code": 499, "message": "m", "detail": None, "retryable": False}, "err")], DaemonError),
                ("an unreadable envelope", [ack, answer({"code": 200, "message": "m", "retryable": False}, "err", 0)], DaemonError),
                ("no length", [ack, bytes(4)], ProtocolError),
                ("a great length", [ack, b"\xff\xff\xff\xff"], ProtocolError),
                ("half a frame", [ack, b"\x00\x00\x00\x09ab"], ConnectionLost),
                ("left over", [ack, struct.pack(">I", len(encode(answer({}))) + 9) + encode(answer({})) + b"\x00" * 9], ProtocolError)):
            got, _ = against(replies, ping)
            assert got == want if isinstance(want, dict) else isinstance(got, want), f"{what}: {got!r}"

    def client_streams() -> None:
        at = {"epoch": 1, "seq": 2}
        frames = [answer({"kind": k, "position": at, "at_ms": 1, "state": "new"}, kind) for k, kind in (("later", "event"), ("x", "later"), ("posted", "event"))]
        both = b"".join(struct.pack(">I", len(encode(f))) + encode(f) for f in [answer({"position": at, "heartbeat_ms": 9}), *frames])
        got, _ = against([ack, both], stream)
        assert isinstance(got, list) and [e.kind for e in got] == ["later", "posted"], got

    def client_asks_who() -> None:
        got, read = against([ack], ping, uid=12009)
        assert isinstance(got, UntrustedPeer) and read == b"", (got, read)

    def cbor_bounds() -> None:
        for bad in ("a2616101616102", "a10102", "82", "a16161", "9f01", "ff", "81" * 18 + "80", "0000", "6261", "61ff",
                    "9affffffff", "bbffffffffffffffff", "1c", "7f0001ff"):
            try:
                got = decode(bytes.fromhex(bad))
            except ProtocolError:
                continue
            raise AssertionError(f"{bad} is read as {got}")
        assert decode(bytes.fromhex("a16161c11a514b67b0")) == {"a": 1363896240}, "tags are ignored"
        assert decode(bytes.fromhex("bf61619f01ff6162 7f61786179ffff")) == {"a": [1], "b": "xy"}

    for n, c in (("client_reads", client_reads), ("client_streams", client_streams), ("cbor_bounds", cbor_bounds)):
        run(n, c)
    if os.geteuid() == 0:
        run("client_asks_who", client_asks_who)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("socket", nargs="?")
    parser.add_argument("--as-admin")
    parser.add_argument("--unresolved", type=int)
    parser.add_argument("--broken")
    parser.add_argument("--damaged")
    parser.add_argument("--failing")
    parser.add_argument("--full")
    parser.add_argument("--vectors")
    given = parser.parse_args()
    if given.vectors:
        with open(given.vectors, encoding="utf-8") as f:
            offline(f.read())
    elif given.socket:
        online(given.socket, given.as_admin, given.unresolved, given.broken, given.damaged, given.failing, given.full)
    else:
        sys.exit(__doc__)
    finish()
