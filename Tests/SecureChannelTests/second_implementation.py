"""A second implementation of the mesh's layouts and cryptography, written from the documents and not from the Swift
sources, on libsodium by ctypes and the standard library alone.

It reads one JSON object per line on standard input, each with a "topic", and answers one per line. Bytes travel as
hexadecimal text in fields whose names say so by being what they are. A new layout is a function `topic_NAME(request)`
in TOPICS; everything above them is shared.
"""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import struct
import sys

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
if sodium.sodium_init() < 0:
    raise SystemExit("libsodium does not start")


# Primitives


class Refused(Exception):
    """A tag, signature or layout is wrong."""


def call(function, size, *arguments):
    """`size` bytes that a libsodium function with the output first fills."""
    output = ctypes.create_string_buffer(size)
    if getattr(sodium, function)(output, *arguments) != 0:
        raise Refused(function)
    return output.raw


def length(value):
    return ctypes.c_ulonglong(len(value))


def blake2b(data, size=32, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def exchange_public(private):
    return call("crypto_scalarmult_base", 32, private)


def exchange_shared(private, public):
    return call("crypto_scalarmult", 32, private, public)


def signing_pair(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    sodium.crypto_sign_seed_keypair(public, secret, seed)
    return public.raw, secret.raw


def sign(seed, message):
    return call("crypto_sign_detached", 64, None, message, length(message), signing_pair(seed)[1])


def is_signed(public, message, signature):
    return sodium.crypto_sign_verify_detached(signature, message, length(message), public) == 0


def seal(key, counter, header, plaintext):
    """ChaCha20-Poly1305 with Noise's nonce."""
    return call(
        "crypto_aead_chacha20poly1305_ietf_encrypt", len(plaintext) + 16, None, plaintext, length(plaintext), header,
        length(header), None, struct.pack("<IQ", 0, counter), key)


def open_sealed(key, counter, header, sealed):
    if len(sealed) < 16:
        raise Refused("too short")
    return call(
        "crypto_aead_chacha20poly1305_ietf_decrypt", len(sealed) - 16, None, None, sealed, length(sealed), header,
        length(header), struct.pack("<IQ", 0, counter), key)


def extended_seal(key, nonce, header, plaintext):
    """XChaCha20-Poly1305."""
    return call(
        "crypto_aead_xchacha20poly1305_ietf_encrypt", len(plaintext) + 16, None, plaintext, length(plaintext), header,
        length(header), None, nonce, key)


def noise_hkdf(chaining_key, data, outputs):
    temporary = hmac.new(chaining_key, data, hashlib.blake2b).digest()
    results, last = [], b""
    for index in range(1, outputs + 1):
        last = hmac.new(temporary, last + bytes([index]), hashlib.blake2b).digest()
        results.append(last)
    return results


# Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b, spelled out


class Handshake:
    """Both sides; `write_1`/`read_2` are the initiator's, `read_1`/`write_2` the responder's."""

    def __init__(self, prologue, responder_public, psk, static, ephemeral):
        self.hash = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b".ljust(64, b"\0")
        self.chain, self.key, self.counter = self.hash, None, 0
        self.psk, self.static, self.ephemeral, self.remote_static = psk, static, ephemeral, responder_public
        self.mix_hash(prologue)
        self.mix_hash(responder_public)

    def mix_hash(self, data):
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def mix_key(self, data):
        self.chain, key = noise_hkdf(self.chain, data, 2)
        self.key, self.counter = key[:32], 0

    def mix_psk(self):
        self.chain, mixed, key = noise_hkdf(self.chain, self.psk, 3)
        self.mix_hash(mixed)
        self.key, self.counter = key[:32], 0

    def encrypt(self, plaintext):
        sealed = seal(self.key, self.counter, self.hash, plaintext)
        self.counter += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt(self, sealed):
        plaintext = open_sealed(self.key, self.counter, self.hash, sealed)
        self.counter += 1
        self.mix_hash(sealed)
        return plaintext

    def mix_ephemeral(self, public):
        self.mix_hash(public)
        self.mix_key(public)

    def write_1(self, payload):
        public = exchange_public(self.ephemeral)
        self.mix_ephemeral(public)
        self.mix_key(exchange_shared(self.ephemeral, self.remote_static))
        static = self.encrypt(exchange_public(self.static))
        self.mix_key(exchange_shared(self.static, self.remote_static))
        return public + static + self.encrypt(payload)

    def read_1(self, message):
        self.remote_ephemeral = message[:32]
        self.mix_ephemeral(self.remote_ephemeral)
        self.mix_key(exchange_shared(self.static, self.remote_ephemeral))
        self.remote_static = self.decrypt(message[32:80])
        self.mix_key(exchange_shared(self.static, self.remote_static))
        return self.decrypt(message[80:])

    def write_2(self, payload):
        public = exchange_public(self.ephemeral)
        self.mix_ephemeral(public)
        self.mix_key(exchange_shared(self.ephemeral, self.remote_ephemeral))
        self.mix_key(exchange_shared(self.ephemeral, self.remote_static))
        self.mix_psk()
        return public + self.encrypt(payload)

    def read_2(self, message):
        self.remote_ephemeral = message[:32]
        self.mix_ephemeral(self.remote_ephemeral)
        self.mix_key(exchange_shared(self.ephemeral, self.remote_ephemeral))
        self.mix_key(exchange_shared(self.static, self.remote_ephemeral))
        self.mix_psk()
        return self.decrypt(message[32:])

    def split(self):
        """Initiator to responder, responder to initiator, exporter."""
        return [output[:32] for output in noise_hkdf(self.chain, b"", 3)]


# Identities, certificates, revocations, facts


def host_id(exchange, signing):
    """Read big-endian from the hash; little-endian on the wire like every number."""
    return struct.unpack(">Q", blake2b(b"mesh-id/1" + exchange + signing)[:8])[0]


def network_id(founder, name):
    return struct.unpack("<Q", blake2b(founder + name.encode())[:8])[0]


def operator_key_id(operator):
    return struct.unpack("<I", blake2b(b"mesh-operator/1" + operator)[:4])[0]


def prologue(network):
    return b"mesh/1" + struct.pack("<Q", network)


def address_bytes(address):
    ip = bytes.fromhex(address["ip"])
    return struct.pack("<BBH16sH", address["family"], address["prefix"], address["port"], ip, 0)


CERTIFICATE = struct.Struct("<4sQQIQQBBHI16s32s32sB31sB3x88s4x")


def build_certificate(fields, operator_seed):
    operator = signing_pair(operator_seed)[0]
    name = fields["name"].encode()
    addresses = b"".join(address_bytes(address) for address in fields["addresses"])
    statement = CERTIFICATE.pack(
        b"MC1\0", fields["network"], fields["serial"], operator_key_id(operator), fields["not_before"],
        fields["not_after"], fields["roles"], fields["class"], fields["capacity"], fields["contributor"],
        bytes.fromhex(fields["ring_seed"]), bytes.fromhex(fields["exchange"]), bytes.fromhex(fields["signing"]),
        len(name), name, len(fields["addresses"]), addresses)
    assert len(statement) == 256
    return statement + sign(operator_seed, b"mesh-cert/1" + statement)


def read_certificate(certificate, operator):
    if len(certificate) != 320 or not is_signed(operator, b"mesh-cert/1" + certificate[:256], certificate[256:]):
        raise Refused("certificate")
    (magic, network, serial, key_id, not_before, not_after, roles, trust, capacity, contributor, seed, exchange,
     signing, name_size, name, count, addresses) = CERTIFICATE.unpack(certificate[:256])
    if magic != b"MC1\0" or key_id != operator_key_id(operator):
        raise Refused("certificate")
    listed = []
    for index in range(count):
        family, prefix, port, ip, _ = struct.unpack_from("<BBH16sH", addresses, index * 22)
        listed.append({"family": family, "prefix": prefix, "port": port, "ip": ip.hex()})
    return {
        "network": network, "serial": serial, "not_before": not_before, "not_after": not_after, "roles": roles,
        "class": trust, "capacity": capacity, "contributor": contributor, "ring_seed": seed.hex(),
        "exchange": exchange.hex(), "signing": signing.hex(), "name": name[:name_size].decode(), "addresses": listed}


def build_revocation(exchange, signing, network, issued, reason, operator_seed):
    statement = struct.pack(
        "<4sIQQ32sQB7x", b"MR1\0", operator_key_id(signing_pair(operator_seed)[0]), network,
        host_id(exchange, signing), exchange, issued, reason)
    return statement + sign(operator_seed, b"mesh-revoke/1" + statement)


def build_metadata(certificate, facts, network, version, signing_seed):
    text = b"mesh-facts/1" + struct.pack("<QQ", network, version) + blake2b(certificate) + facts
    return certificate + facts + sign(signing_seed, text)


# Admission lines

REQUEST, WELCOME = "mesh-request-1:", "mesh-welcome-1:"


def paste(prefix, body):
    content = struct.pack("<H", len(body) + 4) + body
    content += blake2b(prefix.encode() + content)[:4]
    return prefix + base64.urlsafe_b64encode(content).decode().rstrip("=")


def unpaste(prefix, line):
    line = "".join(line.split())
    if not line.startswith(prefix):
        raise Refused("prefix")
    text = line[len(prefix):]
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if struct.unpack("<H", content[:2])[0] != len(content) - 2:
        raise Refused("length")
    if blake2b(prefix.encode() + content[:-4])[:4] != content[-4:]:
        raise Refused("checksum")
    return content[2:-4]


def build_request(exchange_private, signing_seed, name):
    body = exchange_public(exchange_private) + signing_pair(signing_seed)[0] + bytes([len(name)]) + name.encode()
    return paste(REQUEST, body + sign(signing_seed, b"mesh-request/1" + body))


def read_request(line):
    body = unpaste(REQUEST, line)
    exchange, signing, size = body[:32], body[32:64], body[64]
    if len(body) != 65 + size + 64 or not is_signed(signing, b"mesh-request/1" + body[:-64], body[-64:]):
        raise Refused("proof")
    return {"exchange": exchange.hex(), "signing": signing.hex(), "name": body[65:65 + size].decode()}


def endpoint_bytes(ip, port):
    """IPv4 as 4 and four bytes, IPv6 as 6 and sixteen; then the port."""
    return bytes([4 if len(ip) == 4 else 6]) + ip + struct.pack("<H", port)


def build_welcome(certificate, founder, name, secret, peers, operator_seed):
    exchange = certificate[64:96]
    body = struct.pack("<Q", host_id(exchange, certificate[96:128])) + certificate[:64] + certificate[128:]
    body += b"\1" + founder + bytes([len(name)]) + name.encode()
    body += call("crypto_box_seal", 80, secret, length(secret), exchange)
    body += bytes([len(peers)])
    for peer in peers:
        body += endpoint_bytes(bytes.fromhex(peer["ip"]), peer["port"]) + bytes.fromhex(peer["key"])
        body += bytes([len(peer["name"])]) + peer["name"].encode()
    return paste(WELCOME, body + sign(operator_seed, b"mesh-welcome/1" + body))


def read_welcome(line, exchange_private, signing_public):
    body = unpaste(WELCOME, line)
    exchange = exchange_public(exchange_private)
    if struct.unpack("<Q", body[:8])[0] != host_id(exchange, signing_public) or body[264] != 1:
        raise Refused("host")
    certificate = body[8:72] + exchange + signing_public + body[72:264]
    founder, size = body[265:297], body[297]
    place = 298 + size
    name = body[298:place].decode()
    if not is_signed(founder, b"mesh-welcome/1" + body[:-64], body[-64:]):
        raise Refused("signature")
    secret = call("crypto_box_seal_open", 32, body[place:place + 80], ctypes.c_ulonglong(80), exchange,
                  exchange_private)
    peers, place = [], place + 81
    for _ in range(body[place - 1]):
        end = place + (5 if body[place] == 4 else 17)
        size = body[end + 66]
        peers.append({
            "ip": body[place + 1:end].hex(), "port": struct.unpack("<H", body[end:end + 2])[0],
            "key": body[end + 2:end + 66].hex(), "name": body[end + 67:end + 67 + size].decode()})
        place = end + 67 + size
    if place != len(body) - 64:
        raise Refused("trailing")
    fields = read_certificate(certificate, founder)
    if fields["network"] != network_id(founder, name):
        raise Refused("network")
    return {"certificate": certificate.hex(), "founder": founder.hex(), "name": name, "secret": secret.hex(),
            "peers": peers}


# Topics


def octets(request, name):
    return bytes.fromhex(request[name])


def topic_noise(request):
    """A whole handshake from both private keys and both ephemerals."""
    responder = exchange_public(octets(request, "responder_static"))
    shared = octets(request, "prologue"), responder, octets(request, "psk")
    first = Handshake(*shared, octets(request, "initiator_static"), octets(request, "initiator_ephemeral"))
    second = Handshake(*shared, octets(request, "responder_static"), octets(request, "responder_ephemeral"))
    message_1 = first.write_1(octets(request, "payload_1"))
    second.read_1(message_1)
    message_2 = second.write_2(octets(request, "payload_2"))
    first.read_2(message_2)
    keys = first.split()
    assert first.hash == second.hash and keys == second.split()
    return {"message_1": message_1.hex(), "message_2": message_2.hex(), "hash": first.hash.hex(),
            "keys": [key.hex() for key in keys]}


def topic_noise_read(request):
    """The responder's view of somebody else's first message, and its answer."""
    side = Handshake(octets(request, "prologue"), exchange_public(octets(request, "responder_static")),
                     octets(request, "psk"), octets(request, "responder_static"),
                     octets(request, "responder_ephemeral"))
    payload = side.read_1(octets(request, "message_1"))
    answer = side.write_2(octets(request, "payload_2"))
    return {"payload_1": payload.hex(), "remote_static": side.remote_static.hex(), "message_2": answer.hex(),
            "keys": [key.hex() for key in side.split()]}


def topic_identity(request):
    exchange, signing = octets(request, "exchange"), octets(request, "signing")
    return {"host_id": host_id(exchange, signing),
            "text": base64.urlsafe_b64encode(exchange + signing).decode().rstrip("="),
            "network_id": network_id(octets(request, "founder"), request["name"]),
            "operator_key_id": operator_key_id(octets(request, "founder"))}


def topic_certificate(request):
    return {"certificate": build_certificate(request["fields"], octets(request, "operator_seed")).hex()}


def topic_certificate_read(request):
    return {"fields": read_certificate(octets(request, "certificate"), octets(request, "operator"))}


def topic_revocation(request):
    return {"revocation": build_revocation(
        octets(request, "exchange"), octets(request, "signing"), request["network"], request["issued"],
        request["reason"], octets(request, "operator_seed")).hex()}


def topic_metadata(request):
    return {"metadata": build_metadata(
        octets(request, "certificate"), octets(request, "facts"), request["network"], request["version"],
        octets(request, "signing_seed")).hex()}


def topic_record(request):
    """A signature over a gossip record: domain, network id, body."""
    text = request["domain"].encode() + struct.pack("<Q", request["network"]) + octets(request, "body")
    return {"signature": sign(octets(request, "signing_seed"), text).hex()}


def topic_request_line(request):
    return {"line": build_request(octets(request, "exchange_private"), octets(request, "signing_seed"),
                                  request["name"])}


def topic_request_line_read(request):
    return read_request(request["line"])


def topic_welcome_line(request):
    return {"line": build_welcome(octets(request, "certificate"), octets(request, "founder"), request["name"],
                                  octets(request, "secret"), request["peers"], octets(request, "operator_seed"))}


def topic_welcome_line_read(request):
    return read_welcome(request["line"], octets(request, "exchange_private"), octets(request, "signing"))


# The channel's datagrams


def datagram_word(kind, network):
    """Type, version, network tag."""
    return struct.pack("<BBH", kind, 1, network & 0xffff)


def mac1_of(message, receiver, network, secret):
    return blake2b(message, 16, blake2b(b"mac1" + receiver + struct.pack("<Q", network), 32, secret))


def time_label(wall):
    """External TAI64N, cut to 2^24 ns."""
    seconds, fraction = divmod(wall, 10**9)
    return struct.pack(">QI", 2**62 + 10 + seconds, fraction & ~(2**24 - 1))


def cookie_of(request):
    source = bytes.fromhex(request["source_ip"]) + struct.pack(">HH", request["source_port"], request["local_port"])
    return blake2b(source, 16, octets(request, "cookie_secret"))


def build_hello(request, handshake, cookie):
    payload = time_label(request["wall"]) + struct.pack("<QHH8x", request["initiator_boot"], 1, 0)
    message = datagram_word(1, request["network"]) + struct.pack("<I", request["initiator_index"])
    message += handshake.write_1(payload + octets(request, "certificate"))
    message += mac1_of(message, handshake.remote_static, request["network"], octets(request, "secret"))
    return message + (blake2b(message, 16, cookie) if cookie else bytes(16))


def build_response(request, handshake, initiator):
    payload = struct.pack("<QII", request["responder_boot"], 0, request["responder_serial"] & 0xffffffff)
    message = datagram_word(2, request["network"])
    message += struct.pack("<II", request["responder_index"], request["initiator_index"])
    message += handshake.write_2(payload)
    return message + mac1_of(message, initiator, request["network"], octets(request, "secret")) + bytes(16)


def build_cookie(request, hello, responder):
    return (datagram_word(3, request["network"]) + hello[4:8] + octets(request, "nonce")
            + extended_seal(blake2b(b"cookie" + responder), octets(request, "nonce"), hello[456:472],
                            cookie_of(request)))


def build_data(network, index, counter, key, time, echo, frames):
    """`echo` is None while the peer's time is not known."""
    plain = struct.pack("<BBHHH", 5, 0 if echo is None else 1, 4, time, echo or 0)
    for kind, body in frames:
        plain += struct.pack("<BBH", kind, 0, len(body)) + body
    plain += bytes(-len(plain) % 16)
    header = datagram_word(4, network) + struct.pack("<IQ", index, counter)
    return header + seal(key, counter, header, plain)


def read_data(datagram, key):
    counter = struct.unpack_from("<Q", datagram, 8)[0]
    plain = open_sealed(key, counter, datagram[:16], datagram[16:])
    frames, place = [], 0
    while place < len(plain) and plain[place] != 0:
        kind, flags, size = struct.unpack_from("<BBH", plain, place)
        frames.append({"kind": kind, "flags": flags, "body": plain[place + 4:place + 4 + size].hex()})
        place += 4 + size
    if any(plain[place:]) or len(plain) - place >= 16:
        raise Refused("padding")
    return {"counter": counter, "index": struct.unpack_from("<I", datagram, 4)[0], "frames": frames}


def channel_sides(request):
    responder = exchange_public(octets(request, "responder_static"))
    shared = prologue(request["network"]), responder, octets(request, "secret")
    return (Handshake(*shared, octets(request, "initiator_static"), octets(request, "initiator_ephemeral")),
            Handshake(*shared, octets(request, "responder_static"), octets(request, "responder_ephemeral")), responder)


def topic_channel(request):
    """All datagrams of a handshake under load, and the first ones of both sides after it."""
    first, second, responder = channel_sides(request)
    plain, _, _ = channel_sides({**request, "initiator_ephemeral": request["plain_ephemeral"]})
    plain_hello = build_hello(
        {**request, "initiator_index": request["plain_index"], "wall": request["plain_wall"]}, plain, None)
    cookie = build_cookie(request, plain_hello, responder)
    hello = build_hello(request, first, cookie_of(request))
    second.read_1(hello[8:456])
    response = build_response(request, second, second.remote_static)
    first.read_2(response[12:76])
    sending, receiving, _ = first.split()
    body, answer = octets(request, "body"), octets(request, "answer")
    data = build_data(request["network"], request["responder_index"], 0, sending, request["time"], None, [(1, body)])
    reply = build_data(request["network"], request["initiator_index"], 1, receiving, request["reply_time"],
                       request["reply_echo"], [(1, answer)])
    return {"plain_hello": plain_hello.hex(), "cookie": cookie.hex(), "hello": hello.hex(),
            "response": response.hex(), "data": data.hex(), "reply": reply.hex()}


def topic_channel_hello(request):
    """A HELLO without cookie, for the other implementation to answer."""
    first, _, _ = channel_sides(request)
    return {"hello": build_hello(request, first, None).hex()}


def topic_channel_session(request):
    """What the initiator makes of the other implementation's RESPONSE and DATA, and its own next DATA."""
    first, _, _ = channel_sides(request)
    build_hello(request, first, None)
    response = octets(request, "response")
    if response[:4] != datagram_word(2, request["network"]) or response[92:] != bytes(16):
        raise Refused("response")
    payload = first.read_2(response[12:76])
    sending, receiving, exporter = first.split()
    boot, flags, serial = struct.unpack("<QII", payload)
    index = struct.unpack_from("<I", response, 4)[0]
    data = build_data(request["network"], index, 0, sending, 77, None, [(1, octets(request, "body")), (4, b"beat")])
    answer = {"boot": boot, "flags": flags, "serial": serial, "data": data.hex(), "read": []}
    answer["read"] = [read_data(bytes.fromhex(item), receiving) for item in request["datagrams"]]
    return answer


def stream_keys(exporter, name, opener):
    """Opener to acceptor, acceptor to opener, preface."""
    info, block, output = b"mesh-stream/1" + name + struct.pack("<Q", opener), b"", b""
    for counter in (1, 2):
        block = hmac.new(exporter, block + info + bytes([counter]), hashlib.blake2b).digest()
        output += block
    return output[:32], output[32:64], output[64:96]


class SealedStream:
    """secretstream: header, then chunks {length, ciphertext} with length and number authenticated."""

    def __init__(self, key):
        self.state, header = ctypes.create_string_buffer(52), ctypes.create_string_buffer(24)
        sodium.crypto_secretstream_xchacha20poly1305_init_push(self.state, header, key)
        self.bytes, self.count = header.raw, 0

    def chunk(self, plain, final=False):
        name = struct.pack("<IQ", len(plain) + 17, self.count)
        output = ctypes.create_string_buffer(len(plain) + 17)
        sodium.crypto_secretstream_xchacha20poly1305_push(
            self.state, output, None, plain, length(plain), name, length(name), ctypes.c_ubyte(3 if final else 0))
        self.bytes += name[:4] + output.raw
        self.count += 1


def open_stream(key, data):
    """The chunks of a whole stream, and whether the last is marked as last."""
    state, place, chunks, final = ctypes.create_string_buffer(52), 24, [], False
    if sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, data[:24], key) != 0:
        raise Refused("stream")
    while place < len(data):
        size = struct.unpack_from("<I", data, place)[0]
        name, sealed = struct.pack("<IQ", size, len(chunks)), data[place + 4:place + 4 + size]
        output, tag = ctypes.create_string_buffer(size - 17), ctypes.c_ubyte()
        if sodium.crypto_secretstream_xchacha20poly1305_pull(
                state, output, None, ctypes.byref(tag), sealed, length(sealed), name, length(name)) != 0:
            raise Refused("chunk")
        chunks.append(output.raw.hex())
        final = tag.value == 3
        place += 4 + size
    return {"chunks": chunks, "final": int(final)}


def topic_channel_stream(request):
    """Announces a stream on the session of `topic_channel_session` and says whatever chunks it is told to."""
    first, _, _ = channel_sides(request)
    build_hello(request, first, None)
    response = octets(request, "response")
    first.read_2(response[12:76])
    sending, _, exporter = first.split()
    name = struct.pack("<QQ", request["sequence"], 0x1234)
    opener = host_id(exchange_public(octets(request, "initiator_static")), octets(request, "certificate")[96:128])
    outward, inward, preface = stream_keys(exporter, name, opener)
    body = struct.pack("<BBH", 1, request["purpose"], 0) + name + struct.pack("<Q", request["size"])
    body += octets(request, "content_hash")
    index = struct.unpack_from("<I", response, 4)[0]
    announcement = build_data(request["network"], index, request["counter"], sending, 5, None, [(2, body)])
    stream = SealedStream(outward)
    for chunk in request["chunks"]:
        stream.chunk(bytes.fromhex(chunk), chunk == request["chunks"][-1] and request["final"] == 1)
    answer = {"announcement": announcement.hex(), "stream": (name + blake2b(name, 32, preface) + stream.bytes).hex()}
    if "said" in request:
        answer["said"] = open_stream(inward, octets(request, "said"))
    return answer


TOPICS = {name[len("topic_"):]: function for name, function in list(globals().items()) if name.startswith("topic_")}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = TOPICS[request["topic"]](request)
        except Refused as reason:
            answer = {"refused": str(reason)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
