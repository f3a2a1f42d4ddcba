"""A client of comenqd's protocol, version 1, written from PROTOCOL.md and comenq.cddl alone.

Standard library and cbor2 only.

    with Connection("/run/comenq/comenq.sock") as c:
        reply = c.call("job_submit", {"owner": "o", "repo": "r", "number": 1, "body": "Hi", "key": new_key()})
    with Connection(path) as c:
        for event in c.subscribe(mine=True):
            print(event.kind, event.job_id, event.position)
"""
from __future__ import annotations

import os
import pwd
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Iterator

import cbor2

VERSION = 1
MAX_FRAME = 1_048_576
MAX_AHEAD = 16
MAX_DEPTH, MAX_ITEMS, MAX_KEY = 16, 65_536, 4096


class ProtocolError(Exception):
    """The other side broke the protocol; the connection is of no use any more."""


class ConnectionLost(Exception):
    """The connection ended or a deadline passed: whether the last request took effect is unknown."""


class UntrustedPeer(Exception):
    """Somebody listens who is neither root, nor `comenq`, nor ourselves."""


class DaemonError(Exception):
    """A request, or the connection, was refused with an `Error`."""

    def __init__(self, err: dict[str, Any], request_id: int | None = None) -> None:
        self.code: int = err["code"]
        self.message: str = err["message"]
        self.detail: str | None = err.get("detail")
        self.retryable: bool = err["retryable"]
        self.retry_after_s: int | None = err.get("retry_after_s")
        self.request_id = request_id
        super().__init__(f"{self.code}: {self.message}" + (f" ({self.detail})" if self.detail else ""))

    @property
    def hundred(self) -> int:
        """Whose trouble it is, also for a code that this client does not know."""
        return self.code // 100


# ---- What messages look like. `name?` is optional; a range is an integer; [T, n] a list of at most n.

U16, U32, U64 = range(2**16), range(2**32), range(2**64)
I8, I64 = range(-128, 128), range(-(2**63), 2**63)
NOTES, COUNTS = [str, 256], "map of text to u64"
ERROR = {"code": U16, "message": str, "detail?": str, "retryable": bool, "retry_after_s?": U64}
POSITION = {"epoch": U64, "seq": U64}
AUTHZ = {"uid": U32, "gid": U32, "role": str}
HELLO = {"protocol_version": U16, "min_protocol_version": U16, "client_name": str, "client_version": str,
         "supports?": [str, 256]}
ACK = {"protocol_version": U16, "daemon_version": str, "features?": [str, 256], "max_frame": U32, "authz": AUTHZ}
HELLO_REPLY = {"ack?": ACK, "err?": ERROR}
REQUEST = {"v": U16, "request_id": U64, "endpoint": str, "body": bytes}
RESPONSE = {"v": U16, "request_id": U64, "kind": str, "body": bytes}
JOB = {"id": U64, "state": str, "owner": str, "repo": str, "number": U64, "body?": str, "account": str, "uid": U32,
       "priority": I8, "created_at_ms": I64, "not_before_ms?": I64, "attempts": U32, "next_attempt_at_ms?": I64,
       "finished_at_ms?": I64, "comment_id?": U64, "comment_url?": str, "last_error?": str, "cancel_requested": bool,
       "expires_at_ms?": I64, "replace_key?": str, "if_open?": bool, "superseded_by?": U64, "moved_to?": str,
       "failure?": str, "next_look_at_ms?": I64, "may_have_been_posted?": bool}
SUBMITTED = {"job": JOB, "duplicate": bool, "position?": U64, "expected_at_ms?": I64, "notes?": NOTES,
             "same_text_as?": U64, "superseded?": [U64, 256]}
LOG = {"at_ms": I64, "kind": str, "number": U32, "outcome": str, "status?": U16, "github_request_id?": str,
       "wait_ms?": U64, "detail?": str}
CHANGED, NOTED = {"job": JOB, "notes?": NOTES}, {"notes?": NOTES}
HALT = {"at_ms": I64, "uid": U32, "reason?": str}
LANE = {"account": str, "host": str, "login?": str, "token_source?": str, "cooldown_ms": U64, "phase": str,
        "reason?": str, "next_post_at_ms?": I64, "jitter_ms?": U64, "remedy?": str, "warnings?": NOTES,
        "owners?": [{"owner": str, "reason": str, "url?": str, "next_try_at_ms?": I64}, 256], "paused?": HALT,
        "token_expires_at_ms?": I64}
OWN = {"queued_jobs": U64, "max_queued_jobs": U64, "queued_bytes": U64, "max_queued_bytes": U64,
       "submits_last_minute": U32, "max_submits_per_minute": U32, "posts_last_day": U64, "max_posts_per_day?": U64,
       "accounts?": [str, 256]}
STATUS = {"daemon_version": str, "started_at_ms": I64,
          "store": {"ok": bool, "reason?": str, "free_bytes?": U64, "file_bytes?": U64, "low_space?": bool},
          "counts?": COUNTS, "lanes?": [LANE, 256], "degraded?": NOTES, "own?": OWN,
          "config?": {"loaded_at_ms": I64, "error?": str}, "queue?": {"paused?": HALT, "draining?": HALT}}
HEALTH = {"healthy": bool, "degraded?": [{"code": str, "account?": str, "message": str}, 256],
          "store": {"writable": bool, "commits": U64, "commit_p50_us?": U64, "commit_p99_us?": U64,
                    "free_bytes?": U64, "file_bytes?": U64},
          "parts?": [{"part": str, "account?": str, "alive": bool}, 256],
          "lanes?": [{"account": str, "phase": str, "reason?": str, "next_post_at_ms?": I64}, 256],
          "clock_confirmed": bool, "oldest?": {"id": U64, "state": str, "age_ms": U64},
          "connections": U64, "subscribers": U64, "uptime_ms": U64, "clock_offset_ms?": I64}
CHECKED = {"account": str, "duplicate_of?": U64, "position?": U64, "expected_at_ms?": I64, "not_before_ms?": I64,
           "expires_at_ms?": I64, "same_text_as?": U64, "superseded?": [U64, 256], "notes?": NOTES}
AHEAD = {"account": str, "phase": str, "reason?": str, "cooldown_ms": U64, "next_post_at_ms?": I64, "queued": U64,
         "posts?": [{"job_id": U64, "uid": U32, "target": str, "expected_at_ms?": I64}, 100]}
EVENT = {"kind": str, "position": POSITION, "at_ms": I64, "job_id?": U64, "state?": str, "target?": str,
         "account?": str, "uid?": U32, "comment_url?": str, "next_attempt_at_ms?": I64, "reason?": str,
         "failure?": str, "superseded_by?": U64, "missed?": U64}
REPLIES: dict[str, Any] = {
    "ping": {}, "status": STATUS, "health": HEALTH, "metrics": {"text": str},
    "subscribe": {"position": POSITION, "heartbeat_ms": U64}, "job_submit": SUBMITTED,
    "job_submit_batch": {"jobs": [SUBMITTED, 500], "notes?": NOTES},
    "job_check": {"jobs": [CHECKED, 500], "notes?": NOTES}, "forecast": {"lanes?": [AHEAD, 256]},
    "job_get": {"job": JOB, "waiting_for?": str, "attempt_log?": [LOG, 256], "position?": U64, "expected_at_ms?": I64},
    "job_list": {"jobs": [JOB, 500], "next_cursor?": str},
    "job_cancel": {"job": JOB, "may_have_been_posted": bool}, "job_purge": {"id": U64, "notes?": NOTES},
    "job_retry_failed": {"retried": [U64, 500], "next_cursor?": str},
    "store_export": {"lines": [str, 500], "next_cursor?": str},
    **dict.fromkeys(("job_edit", "job_hold", "job_release", "job_retry", "job_bump", "post_now"), CHANGED),
    **dict.fromkeys(("queue_pause", "queue_resume", "queue_drain", "account_resume"), NOTED),
}


def fit(value: Any, kind: Any, where: str) -> Any:
    """`value` as `kind`: unknown fields left out, nulls that mean absence too, absent lists and bools filled in."""
    if isinstance(kind, range):
        good = type(value) is int and value in kind
    elif isinstance(kind, type):
        good = type(value) is kind
    elif isinstance(kind, list):
        if type(value) is not list or len(value) > kind[1]:
            raise ProtocolError(f"{where} is no list of at most {kind[1]}")
        return [fit(one, kind[0], f"{where}[{i}]") for i, one in enumerate(value)]
    elif kind == COUNTS:
        good = type(value) is dict and len(value) <= 256 and all(type(n) is int and n in U64 for n in value.values())
    else:
        if type(value) is not dict:
            raise ProtocolError(f"{where} is no map")
        known: dict[str, Any] = {}
        for name, of in kind.items():
            bare = name.rstrip("?")
            one = value.get(bare)
            nullable = isinstance(of, range) or of is str
            if bare not in value or (one is None and nullable):
                if not name.endswith("?"):
                    raise ProtocolError(f"{where} lacks {bare}")
                if isinstance(of, list) or of == COUNTS or of is bool:
                    known[bare] = [] if isinstance(of, list) else False if of is bool else {}
                continue
            known[bare] = fit(one, of, f"{where}.{bare}")
        return known
    if not good:
        raise ProtocolError(f"{where} is {value!r:.60}, not {kind}")
    return value


# ---- CBOR: one item, checked against the protocol's bounds before cbor2 builds anything of it

def _scan(data: bytes, at: int, depth: int, left: list[int], tags: list[tuple[int, int]]) -> int:
    """Walks one item from `at`, returns where it ends. Bounds nesting, items and keys; finds keys twice and tags."""
    if depth > MAX_DEPTH:
        raise ProtocolError("nested too deep")
    left[0] -= 1
    if left[0] < 0:
        raise ProtocolError("too many items")
    try:
        major, low = data[at] >> 5, data[at] & 31
        size = 0 if low < 24 else {24: 1, 25: 2, 26: 4, 27: 8}.get(low, -1)
        n: int | None = low if low < 24 else None
        if size > 0:
            if at + 1 + size > len(data):
                raise IndexError
            n = int.from_bytes(data[at + 1:at + 1 + size], "big")
        elif size < 0 and not (low == 31 and 2 <= major <= 5):
            raise ProtocolError("malformed CBOR")
        begin, at = at, at + 1 + max(size, 0)
        if major == 6:
            tags.append((begin, at))
            left[0] += 1
            return _scan(data, at, depth + 1, left, tags)
        if major in (0, 1, 7):
            return at
        if major in (2, 3) and n is not None:
            if at + n > len(data):
                raise IndexError
            return at + n
        seen: set[bytes] = set()
        while (n > 0) if n is not None else (data[at] != 0xFF):
            n = n - 1 if n is not None else None
            start, at = at, _scan(data, at, depth + 1, left, tags)
            if major == 5:
                if data[start] >> 5 != 3 or at - start > MAX_KEY + 5 or data[start:at] in seen:
                    raise ProtocolError("a key is no text, too long or there twice")
                seen.add(data[start:at])
                at = _scan(data, at, depth + 1, left, tags)
        return at if n is not None else at + 1
    except IndexError:
        raise ProtocolError("CBOR ends too early") from None


def decode(data: bytes) -> Any:
    """The one CBOR item that is `data`, its tags ignored (cbor2 would make dates and numbers of them)."""
    tags: list[tuple[int, int]] = []
    if _scan(data, 0, 0, [MAX_ITEMS], tags) != len(data):
        raise ProtocolError("bytes are left over")
    for begin, end in reversed(tags):
        data = data[:begin] + data[end:]
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError) as e:
        raise ProtocolError(f"unreadable: {e}") from e


encode = cbor2.dumps


def new_key() -> str:
    """A UUID of version 7, which begins with the time."""
    n = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    h = f"{n:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


@dataclass(frozen=True)
class Event:
    """One event. `position` is where to go on; `fields` holds all known fields that are there."""

    kind: str
    position: dict[str, int]
    at_ms: int
    job_id: int | None = None
    state: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


class Connection:
    """One connection, its handshake done. Not for several threads at once."""

    def __init__(self, path: str, *, timeout: float = 30.0, trust_anyone: bool = False, versions: tuple[int, int] = (1, 1),
                 name: str = "interop", version: str = "0.1.0", hello: bool = True) -> None:
        self.timeout, self.versions, self.next_id, self.v = timeout, versions, 1, VERSION
        self.events_only = False
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A blocking connect with the kernel's timeout: with Python's own it would fail with EAGAIN at a full queue.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", max(1, int(timeout)), 0))
            self.sock.connect(path)
            self.peer_uid = struct.unpack("3i", self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
            if not trust_anyone and self.peer_uid not in trusted_uids():
                raise UntrustedPeer(f"user {self.peer_uid} listens on {path}")
            if hello:
                self.ack = self.handshake({"protocol_version": versions[1], "min_protocol_version": versions[0],
                                           "client_name": name, "client_version": version, "supports": []})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # -- frames

    def send_frame(self, payload: bytes) -> None:
        """Sends one frame."""
        if not 1 <= len(payload) <= MAX_FRAME:
            raise ValueError(f"a frame of {len(payload)} bytes")
        self.send_raw(struct.pack(">I", len(payload)) + payload)

    def send_raw(self, data: bytes) -> None:
        try:
            self.sock.settimeout(self.timeout)
            self.sock.sendall(data)
        except OSError as e:
            raise ConnectionLost(f"sending: {e}") from e

    def recv_frame(self, timeout: float | None = None) -> bytes:
        """Reads one frame; its length is checked before anything is allocated for it."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        (length,) = struct.unpack(">I", self._recv(4, end))
        if not 1 <= length <= MAX_FRAME:
            self.close()
            raise ProtocolError(f"a frame of {length} bytes")
        return self._recv(length, end)

    def _recv(self, n: int, end: float) -> bytes:
        got = bytearray()
        while len(got) < n:
            left = end - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError("no answer in time")
                self.sock.settimeout(left)
                some = self.sock.recv(min(n - len(got), 65536))
            except OSError as e:
                raise ConnectionLost(f"reading: {e}") from e
            if not some:
                raise ConnectionLost("the daemon closed the connection" + (" inside a frame" if got else ""))
            got += some
        return bytes(got)

    # -- handshake

    def handshake(self, hello: dict[str, Any]) -> dict[str, Any]:
        """Sends a `Hello`, returns the `HelloAck` or raises what it is refused with."""
        broken: ConnectionLost | None = None
        try:
            self.send_frame(encode(hello))
        except ConnectionLost as e:
            broken = e  # a refusal may have been sent before anything was read
        try:
            reply = fit(decode(self.recv_frame()), HELLO_REPLY, "HelloReply")
        except ConnectionLost as e:
            raise broken or e
        if ("ack" in reply) == ("err" in reply):
            raise ProtocolError("a HelloReply needs exactly one of ack and err")
        if "err" in reply:
            self.close()
            raise DaemonError(reply["err"])
        self.v = reply["ack"]["protocol_version"]
        if not self.versions[0] <= self.v <= self.versions[1]:
            raise ProtocolError(f"the daemon chose version {self.v}")
        return reply["ack"]

    # -- requests

    def send(self, endpoint: str, body: dict[str, Any] | None = None) -> int:
        """Sends a request and returns its id; at most 16 may be ahead of their responses."""
        request_id, self.next_id = self.next_id, self.next_id + 1
        self.send_frame(encode({"v": self.v, "request_id": request_id, "endpoint": endpoint, "body": encode(body or {})}))
        return request_id

    def receive(self, request_id: int, timeout: float | None = None) -> tuple[str, bytes]:
        """The next response's kind and body, which must be the one to `request_id`."""
        got = fit(decode(self.recv_frame(timeout)), RESPONSE, "ResponseEnvelope")
        while got["kind"] not in ("ok", "err", "event"):
            got = fit(decode(self.recv_frame(timeout)), RESPONSE, "ResponseEnvelope")
        if got["v"] != self.v:
            raise ProtocolError(f"a response of version {got['v']}")
        if got["kind"] == "err" and got["request_id"] in (request_id, 0):
            raise DaemonError(fit(decode(got["body"]), ERROR, "Error"), got["request_id"])
        if got["request_id"] != request_id:
            raise ProtocolError(f"a response to request {got['request_id']} instead of {request_id}")
        return got["kind"], got["body"]

    def reply(self, request_id: int, endpoint: str) -> dict[str, Any]:
        """The reply to a request sent before; raises `DaemonError` where it is refused."""
        kind, body = self.receive(request_id)
        if kind != "ok":
            raise ProtocolError(f"a response of the kind {kind!r} to a request")
        return fit(decode(body), REPLIES.get(endpoint, {}), f"the reply to {endpoint}")

    def call(self, endpoint: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request and its reply."""
        if self.events_only:
            raise ValueError("this connection carries events: ask on another one")
        return self.reply(self.send(endpoint, body), endpoint)

    def pipeline(self, requests: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any] | DaemonError]:
        """Many requests, up to 16 ahead; their replies or errors in order."""
        out: list[dict[str, Any] | DaemonError] = []
        for at in range(0, len(requests), MAX_AHEAD):
            sent = [(self.send(name, body), name) for name, body in requests[at:at + MAX_AHEAD]]
            for request_id, name in sent:
                try:
                    out.append(self.reply(request_id, name))
                except DaemonError as e:
                    out.append(e)
        return out

    def pages(self, endpoint: str, body: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every page of a list: only the absence of `next_cursor` ends it."""
        body = dict(body or {})
        while True:
            page = self.call(endpoint, body)
            yield page
            if "next_cursor" not in page:
                return
            body["cursor"] = page["next_cursor"]

    # -- events

    def subscribe(self, ids: list[int] | None = None, mine: bool = False,
                  after: dict[str, int] | None = None) -> Subscription:
        """Turns this connection into a stream of events, which begins behind `after`."""
        if "events" not in self.ack["features"]:
            raise ValueError("this daemon has no events")
        body: dict[str, Any] = {"ids": ids} if ids else {}
        body |= {"mine": True} if mine else {}
        body |= {"after": after} if after else {}
        request_id = self.send("subscribe", body)
        reply = self.reply(request_id, "subscribe")
        self.events_only = True
        return Subscription(self, request_id, reply["position"], reply["heartbeat_ms"] / 1000)


class Subscription:
    """An iterator of events. `position` is what to subscribe `after` when the connection breaks."""

    def __init__(self, connection: Connection, request_id: int, position: dict[str, int], heartbeat_s: float) -> None:
        self.connection, self.request_id, self.position, self.heartbeat_s = connection, request_id, position, heartbeat_s

    def __iter__(self) -> Iterator[Event]:
        while True:
            yield self.next()

    def next(self, timeout: float | None = None) -> Event:
        """The next event; without one for two heartbeats the daemon is taken for gone (`ConnectionLost`)."""
        while True:
            kind, body = self.connection.receive(self.request_id, timeout or 2 * self.heartbeat_s)
            if kind == "event":
                break
            if kind == "ok":
                raise ProtocolError("a second reply to subscribe")
        got = fit(decode(body), EVENT, "Event")
        self.position = got["position"]
        return Event(got["kind"], got["position"], got["at_ms"], got.get("job_id"), got.get("state"), got)


def follow(path: str, after: dict[str, int] | None = None, **select: Any) -> Iterator[Event]:
    """Events for ever: connects again where it broke. `snapshot` and `lagged` mean: ask for the jobs."""
    pause = 0.1
    while True:
        try:
            with Connection(path) as c:
                stream = c.subscribe(after=after, **select)
                after = stream.position
                for event in stream:
                    after, pause = event.position, 0.1
                    yield event
        except (ConnectionLost, OSError):
            pass
        except DaemonError as e:
            if not e.retryable:
                raise
            pause = max(pause, e.retry_after_s or 0)
        time.sleep(pause)
        pause = min(pause * 2, 30)


def call_repeating(path: str, endpoint: str, body: dict[str, Any], deadline_s: float = 60) -> dict[str, Any]:
    """`call`, repeated on new connections until the deadline. A submission gets a key if it has none."""
    for one in [body] if endpoint == "job_submit" else body.get("jobs", []):
        one.setdefault("key", new_key())
    end, pause = time.monotonic() + deadline_s, 0.1
    while True:
        try:
            with Connection(path) as c:
                return c.call(endpoint, body)
        except DaemonError as e:
            if not e.retryable or time.monotonic() + max(pause, e.retry_after_s or 0) > end:
                raise
            pause = max(pause, e.retry_after_s or 0)
        except (ConnectionLost, OSError):
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 10)


def trusted_uids() -> set[int]:
    """Who may listen: root, `comenq`, ourselves."""
    uids = {0, os.geteuid()}
    try:
        uids.add(pwd.getpwnam("comenq").pw_uid)
    except KeyError:
        pass
    return uids
