# SPDX-License-Identifier: MIT
"""Changes a namespace by rtnetlink, in batches: as fast as the kernel takes them, and without a process for each.

A route set is deterministic: the n-th route is the same each time. Requests are not acknowledged; the kernel answers
errors only, and any error ends the fill.
"""

import contextlib
import ctypes
import errno
import os
import socket
import struct

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE = 16, 20, 24, 32
NLM_F_REQUEST, NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x100, 0x200, 0x400
NLMSG_ERROR = 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6
IFLA_MTU, IFA_ADDRESS, IFA_LOCAL, FRA_PRIORITY, FR_ACT_TO_TBL = 4, 1, 2, 6, 1
RTPROT_BGP, RT_TABLE_MAIN, RTN_UNICAST = 186, 254, 1
CLONE_NEWNET = 0x40000000
CHUNK_BYTES = 65536
GATEWAYS = 24  # 10.99.0.2 and on, fe80::2 and on
METRIC = 20

LENGTHS = {
    socket.AF_INET: (24, 24, 24, 23, 24, 22, 24, 20),
    socket.AF_INET6: (48, 48, 48, 44, 48, 40, 48, 36),
}


@contextlib.contextmanager
def inside(pid):
    """This thread in the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as ours, open(f"/proc/{pid}/ns/net", "rb") as theirs:
        if libc.setns(theirs.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(ours.fileno(), CLONE_NEWNET):
                os.abort()  # nothing that follows would be where it belongs


def prefixes(family, count):
    """(address as bytes, length) of each route: of eight in a row four or more have the longest length, and the others
    one each of the shorter ones, around some of them. All are different."""
    bits, size = (32, 4) if family == socket.AF_INET else (64, 16)
    lengths = LENGTHS[family]
    longest = max(lengths)
    first = 20 << 24 if family == socket.AF_INET else 0x2400 << 48
    unit = bits - longest
    found = []
    for n in range(count):
        length = lengths[n % 8]
        # The longest follow each other with gaps; the shorter ones, each of its own length, without.
        step = n if length == longest else (n // 8) << (longest - length)
        found.append(((first + (step << unit)).to_bytes(bits // 8, "big").ljust(size, b"\0"), length))
    return found


def _attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data


def _message(kind, flags, *parts):
    body = b"".join(parts)
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body


def route_messages(family, ifindex, routes, flags=NLM_F_CREATE | NLM_F_EXCL, shift=0):
    """One request for each (address, length); shift moves every route to another gateway."""
    size = 4 if family == socket.AF_INET else 16
    prefix = b"\x0a\x63\x00" if family == socket.AF_INET else b"\xfe\x80" + bytes(13)
    rest = _attribute(RTA_PRIORITY, struct.pack("=I", METRIC)) + _attribute(RTA_OIF, struct.pack("=I", ifindex))
    length = 16 + 12 + (4 + size) * 2 + len(rest)
    header = struct.pack("=IHHII", length, RTM_NEWROUTE, NLM_F_REQUEST | flags, 0, 0)
    heads = {bits: header + struct.pack("=BBBBBBBBI", family, bits, 0, 0, RT_TABLE_MAIN, RTPROT_BGP, 0, RTN_UNICAST, 0) +
                   struct.pack("=HH", 4 + size, RTA_DST)
             for bits in set(LENGTHS[family])}
    tails = [_attribute(RTA_GATEWAY, prefix + bytes([2 + i])) + rest for i in range(GATEWAYS)]
    return [heads[bits] + address + tails[(n + shift) % GATEWAYS] for n, (address, bits) in enumerate(routes)]


def default_message(ifindex, last_byte):
    """Puts the IPv4 default route where it is not, or elsewhere: via 10.99.0.last_byte."""
    return _message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
                    struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BGP, 0, RTN_UNICAST, 0),
                    _attribute(RTA_GATEWAY, bytes((10, 99, 0, last_byte))), _attribute(RTA_OIF, struct.pack("=I", ifindex)))


def mtu_message(ifindex, mtu):
    return _message(RTM_NEWLINK, 0, struct.pack("=BxHiII", socket.AF_UNSPEC, 0, ifindex, 0, 0),
                    _attribute(IFLA_MTU, struct.pack("=I", mtu)))


def address_message(ifindex, address):
    """An IPv4 host address."""
    packed = socket.inet_aton(address)
    return _message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, ifindex),
                    _attribute(IFA_LOCAL, packed), _attribute(IFA_ADDRESS, packed))


def rule_message(priority, table):
    """An IPv4 rule for all packets."""
    return _message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
                    struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0),
                    _attribute(FRA_PRIORITY, struct.pack("=I", priority)))


def route_lines(verb, routes, shift=0):
    """The same for IPv4, as lines of `ip -batch`."""
    return [f"route {verb} {socket.inet_ntoa(address)}/{bits} via 10.99.0.{2 + (n + shift) % GATEWAYS} metric {METRIC} "
            "proto bgp" for n, (address, bits) in enumerate(routes)]


def _errors(sock):
    while True:
        try:
            answer = sock.recv(8192, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        kind, error = struct.unpack_from("=4xH10xi", answer)
        if kind == NLMSG_ERROR and error:
            raise OSError(-error, f"the kernel refused a request: {os.strerror(-error)}")


def send(messages):
    """Sends requests, in the namespace where this thread is; all have been carried out when it returns."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as sock:
        at = 0
        while at < len(messages):
            each = max(1, CHUNK_BYTES // len(messages[at]))
            sock.send(b"".join(messages[at:at + each]))
            _errors(sock)
            at += each
