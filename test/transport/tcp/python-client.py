"""A client of the wire, version 2, made from docs/PROTOCOL.md alone: Python's standard library, nothing of logd's.

    python-client.py PORT TOKEN HOST STREAM HOUR FILE...

Sends each file as a pack of the hour, the last one with `done`, and prints the answers as JSON.
"""
import hashlib
import json
import socket
import struct
import sys
import time
import zlib

TYPES = {1: "HELLO", 2: "WELCOME", 3: "REFUSE", 4: "PACK", 5: "ACK", 6: "NACK", 7: "WANT", 8: "PING", 9: "PONG", 10: "BYE"}
NUMBERS = {name: number for number, name in TYPES.items()}
MASK = (1 << 64) - 1


def frame(kind, header, body=b""):
    text = json.dumps(header, separators=(",", ":")).encode()
    head = struct.pack(">BBHII", NUMBERS[kind], 0, 0, len(text), len(body))
    return head + struct.pack(">I", zlib.crc32(text, zlib.crc32(head))) + text + body


def checksum(raw):
    if not raw:
        return 0
    words = struct.iter_unpack("<Q", raw + b"\0" * (-len(raw) % 64))
    a, b = [0] * 8, [0] * 8
    for n, (word,) in enumerate(words):
        lane = n % 8
        a[lane] = (a[lane] + word) & MASK
        a[lane] = ((a[lane] << 23) | (a[lane] >> 41)) & MASK
        b[lane] = (b[lane] + a[lane]) & MASK
    return zlib.crc32(struct.pack("<16Q", *a, *b))


class Server:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(b"LOGD\x02\x00\r\n")

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError("the server closed the connection")
            data += more
        return data

    def send(self, kind, header, body=b""):
        self.socket.sendall(frame(kind, header, body))

    def receive(self):
        while True:
            head = self.exactly(16)
            number, flags, reserved, length, body, crc = struct.unpack(">BBHIII", head)
            text = self.exactly(length)
            assert flags == reserved == body == 0, "flags, reserved and body are 0"
            assert crc == zlib.crc32(text, zlib.crc32(head[:12])), "the crc of a frame"
            if TYPES[number] != "PING":
                return TYPES[number], json.loads(text)
            self.send("PONG", {})


def packs(host, stream, hour, parts):
    offset, lines, digest = 0, 0, hashlib.sha256()
    for number, raw in enumerate(parts, 1):
        digest.update(raw)
        header = {
            "host": host, "stream": stream, "hour": hour, "id": number, "generation": 1,
            "offset": offset, "bytes": len(raw), "lines": raw.count(b"\n"), "checksum": checksum(raw),
            "sha256": digest.hexdigest(), "codec": "none", "time": int(time.time() * 1000),
        }
        offset += len(raw)
        lines += header["lines"]
        if number == len(parts):
            totals = {"packs": number, "lines": lines, "bytes": offset, "sha256": digest.hexdigest()}
            header["done"] = {**totals, "hoursInDay": 1 if len(hour) == 8 else 24}
        yield header, raw


def main(port, token, host, stream, hour, *files):
    server = Server(int(port))
    hello = {"versions": [2], "node": host, "software": "python-client.py", "time": int(time.time() * 1000)}
    server.send("HELLO", {**hello, "token": token})
    kind, welcome = server.receive()
    answers = []
    if kind == "WELCOME":
        parts = [open(path, "rb").read() for path in files]
        for seq, (header, raw) in enumerate(packs(host, stream, hour, parts), 1):
            server.send("PACK", {"seq": seq, **header}, raw)
        server.send("BYE", {})
        due = set(range(1, len(parts) + 1))
        while due:
            answer, said = server.receive()
            seqs = said["seqs"] if answer == "ACK" else [said["seq"]]
            due -= set(seqs)
            answers += [[seq, answer, said.get("code")] for seq in seqs]
        assert server.socket.recv(1) == b"", "the server closes once all is answered"
    print(json.dumps({"first": kind, "code": welcome.get("code"), "answers": sorted(answers)}))


main(*sys.argv[1:])
