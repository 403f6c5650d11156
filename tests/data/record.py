#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records the rtnetlink datagrams that tests/unit/test_rtnl_decode.c reads.

Each scenario gets two fresh network namespaces, which are deleted afterwards. `before` runs unrecorded;
then either `events` run while a subscribed socket listens, or `ask` is sent as a dump (or a get). What
the kernel sends is written to rtnl/<name>.bin as it came: netlink messages one behind the other, in the
host's byte order (recorded on little-endian machines; the tests skip them on others).
rtnl/README gets one line for each file: where it comes from.

The kernel at hand had no dummy, vlan or vrf: links are veth, the others are built by hand in the test.

    sudo tests/data/record.py [name ...]        (root; iproute2; the kernel modules of the scenarios)
"""

import ctypes
import os
import platform
import re
import select
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rtnl")
NS = f"nvrec{os.getpid()}"
PEER = NS + "p"

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWRULE, DELRULE, GETRULE = 32, 33, 34
NEWNSID = 88
NEWNETCONF = 80
NEWNEXTHOP, DELNEXTHOP, GETNEXTHOP = 104, 105, 106
REQUEST, ACK, DUMP, CREATE = 1, 4, 0x300, 0x400
GROUPS = [1, 5, 9, 7, 11, 8, 19, 32, 24, 25, 12, 28]


def attr(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind, flags, body):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def get_dump(kind, body):
    return message(kind, REQUEST | DUMP, body)


def route_get(family, dst):
    body = struct.pack("=BBBBBBBBI", family, 8 * len(dst), 0, 0, 0, 0, 0, 0, 0x1000 if family == 2 else 0)
    return message(GETROUTE, REQUEST, body + attr(1, dst))


def rule_with_dscp():
    """ip rule add dscp 46 table 100 pref 900: iproute2 6.1 does not know FRA_DSCP"""
    body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 100, 0, 0, 1, 0)
    return message(NEWRULE, REQUEST | ACK | CREATE, body + attr(6, struct.pack("=I", 900)) + attr(25, b"\x2e"))


def heavy_group():
    """ip nexthop add id 30 group 1,1000/2,65535: iproute2 6.1 stops at 255"""
    members = b"".join(
        struct.pack("=IBBH", i, (w - 1) & 255, (w - 1) >> 8, 0) for i, w in ((1, 1000), (2, 65535))
    )
    body = struct.pack("=BBBBI", 0, 0, 0, 0, 0) + attr(1, struct.pack("=I", 30)) + attr(2, members)
    return message(NEWNEXTHOP, REQUEST | ACK | CREATE, body)


TWO_LINKS = [
    "ip link set lo up",
    "ip link add d0 type veth peer name e0",
    "ip link add d1 type veth peer name e1",
    "ip link set e0 up",
    "ip link set e1 up",
    "ip link set d0 up",
    "ip link set d1 up",
    "ip addr add 192.0.2.1/24 dev d0",
    "ip addr add 198.51.100.1/24 dev d1",
    "ip addr add 2001:db8::1/64 dev d0 nodad",
    "ip addr add 2001:db8:1::1/64 dev d1 nodad",
]

SCENARIOS = {
    "links_dump": dict(
        before=[
            "ip link add d0 address 02:00:00:00:00:01 numtxqueues 2 numrxqueues 3 type veth peer name e0",
            "ip link set d0 mtu 1400 group 7 alias office txqueuelen 77",
            "ip link property add dev d0 altname an-alternative-name-longer-than-15 altname second",
            "ip link add vx0 type vxlan id 42 dstport 4789 dev d0",
            "ip link add link d0 name mv0 type macvlan mode bridge",
            "ip link add br0 type bridge",
            "ip link set e0 master br0",
            f"ip link add ve0 type veth peer name ve1 netns {PEER}",
            "ip link set d0 addrgenmode random",
            "ip link set d0 up",
        ],
        ask=[get_dump(GETLINK, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + attr(29, struct.pack("=I", 8)))],
    ),
    "link_added": dict(events=["ip link add d0 type veth peer name e0"]),
    "link_moved": dict(before=["ip link add d0 type veth peer name e0"], events=[f"ip link set d0 netns {PEER}"]),
    "link_leaves_bridge": dict(
        before=["ip link add br0 type bridge", "ip link add d0 type veth peer name e0", "ip link set d0 master br0"],
        events=["ip link set d0 nomaster"],
    ),
    "link_token": dict(
        before=TWO_LINKS + ["ip link set d0 addrgenmode none", "sysctl -qw net.ipv6.conf.d0.accept_ra=2"],
        events=["ip token set ::7 dev d0"],
        keep=[NEWLINK],
    ),
    "addrs": dict(
        before=["ip link add d0 type veth peer name e0", "ip link set d0 up"],
        events=[
            "ip addr add 192.0.2.1/24 brd 192.0.2.255 dev d0 label d0:1 metric 5 noprefixroute",
            "ip addr add 192.0.2.5 peer 203.0.113.9/32 dev d0 valid_lft 600 preferred_lft 300",
            "ip addr add 2001:db8::1/64 dev d0 nodad valid_lft 6000 preferred_lft 3000",
            "ip addr add 2001:db8::2 peer 2001:db8::3/128 dev d0 nodad",
            "ip addr del 192.0.2.1/24 dev d0",
        ],
        keep=[NEWADDR, DELADDR],
    ),
    "addrs_dump": dict(
        before=TWO_LINKS,
        ask=[get_dump(GETADDR, struct.pack("=BBBBI", family, 0, 0, 0, 0)) for family in (2, 10)],
    ),
    "routes4_dump": dict(
        before=TWO_LINKS
        + [
            "ip route add default via 192.0.2.254 metric 100",
            "ip route add 10.1.0.0/16 nexthop via 192.0.2.2 weight 3 nexthop via 198.51.100.2 weight 256",
            "ip route add 10.2.0.0/16 via inet6 2001:db8::2 dev d0",
            "ip route add 10.3.0.0/16 via 192.0.2.2 mtu lock 1300 congctl cubic initcwnd 20 realm 5",
            "ip route add blackhole 10.4.0.0/16",
            "ip route add unreachable 10.5.0.0/16 metric 4278198272",
            "ip route add prohibit 10.6.0.0/16 table 1000",
            "ip route add 10.7.0.0/16 via 203.0.113.1 dev d0 onlink src 192.0.2.1",
            "ip route add 10.8.0.0/16 tos 0x10 dev d1 proto static scope link",
            "ip route add 10.9.0.0/16 encap ip id 9 dst 192.0.2.7 via 192.0.2.2 dev d0",
            "ip nexthop add id 7 via 192.0.2.2 dev d0",
            "ip route add 10.10.0.0/16 nhid 7",
            "ip route add 10.11.0.0/17 nexthop via 192.0.2.2 realm 8 nexthop via inet6 2001:db8:1::9 dev d1",
        ],
        ask=[get_dump(GETROUTE, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 0, 0, 0, 0, 0))],
    ),
    "routes6_dump": dict(
        before=TWO_LINKS
        + [
            "ip -6 route add default via 2001:db8::fe pref high",
            "ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8::2 weight 3 nexthop via 2001:db8:1::2 weight 256",
            "ip -6 route add 2001:db8:b::/48 via 2001:db8::2 expires 600 metric 77 hoplimit 9",
            "ip -6 route add blackhole 2001:db8:c::/48",
            "ip -6 route add unreachable 2001:db8:d::/48",
            "ip -6 route add 2001:db8:e::/48 from 2001:db8:e0::/44 via 2001:db8::2",
            "ip -6 route add 2001:db8:f::/48 encap seg6 mode encap segs 2001:db8::5 dev d0",
            "ip nexthop add id 8 via 2001:db8::2 dev d0",
            "ip -6 route add 2001:db8:10::/48 nhid 8",
            "ip -6 route add 2001:db8:11::/49 dev d1 src 2001:db8:1::1",
        ],
        ask=[get_dump(GETROUTE, struct.pack("=BBBBBBBBI", 10, 0, 0, 0, 0, 0, 0, 0, 0))],
    ),
    "routes4_dead": dict(
        before=TWO_LINKS
        + [
            "ip route add 10.1.0.0/16 nexthop via 192.0.2.2 nexthop via 198.51.100.2",
            "ip link set d0 down",
        ],
        ask=[get_dump(GETROUTE, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 0, 0, 0, 0, 0))],
    ),
    "route_events": dict(
        before=TWO_LINKS,
        events=[
            "ip route add 10.1.0.0/16 via 192.0.2.2",
            "ip route replace 10.1.0.0/16 via 192.0.2.3",
            "ip route append 10.1.0.0/16 via 192.0.2.4",
            "ip route del 10.1.0.0/16",
            "ip -6 route add 2001:db8:a::/48 via 2001:db8::2",
            "ip -6 route append 2001:db8:a::/48 via 2001:db8:1::2",
        ],
        keep=[NEWROUTE, DELROUTE],
    ),
    "rules_dump": dict(
        before=TWO_LINKS
        + [
            "ip rule add pref 100 from 10.0.0.0/8 to 192.0.2.0/25 table 100",
            "ip rule add pref 110 not fwmark 0x10/0xff lookup 70000 proto 99",
            "ip rule add pref 120 iif d0 oif d1 lookup 200 realms 3/4",
            "ip rule add pref 130 iif gone0 goto 140",
            "ip rule add pref 140 unreachable uidrange 1000-2000 ipproto tcp sport 80 dport 1000-2000",
            "ip rule add pref 150 lookup main suppress_prefixlength 0 suppress_ifgroup 7",
            "ip rule add pref 160 tun_id 77 lookup 100",
            "ip rule add pref 170 tos 0x10 lookup 100",
            "ip rule add pref 180 goto 30000",
            rule_with_dscp(),
            "ip -6 rule add pref 100 from 2001:db8::/33 prohibit",
        ],
        ask=[get_dump(GETRULE, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)) for family in (2, 10)],
    ),
    "rule_events": dict(
        events=["ip rule add pref 100 lookup 100", "ip rule del pref 100"], keep=[NEWRULE, DELRULE]
    ),
    "nexthops_dump": dict(
        before=TWO_LINKS
        + [
            "ip nexthop add id 1 via 192.0.2.2 dev d0 proto static",
            "ip nexthop add id 2 via 198.51.100.2 dev d1 onlink",
            "ip nexthop add id 3 via 2001:db8::2 dev d0",
            "ip nexthop add id 4 blackhole",
            "ip nexthop add id 5 dev d1",
            "ip nexthop add id 6 via 192.0.2.7 fdb",
            "ip nexthop add id 7 encap ip id 9 dst 192.0.2.7 via 192.0.2.2 dev d0",
            "ip nexthop add id 10 group 1,3/2,200",
            "ip nexthop add id 20 group 1/2 type resilient buckets 32 idle_timer 60 unbalanced_timer 300",
            heavy_group(),
        ],
        ask=[get_dump(GETNEXTHOP, struct.pack("=BBBBI", 0, 0, 0, 0, 0))],
    ),
    "nexthop_events": dict(
        before=TWO_LINKS,
        events=["ip nexthop add id 1 via 192.0.2.2 dev d0", "ip nexthop del id 1"],
        keep=[NEWNEXTHOP, DELNEXTHOP],
    ),
    "netconf": dict(
        before=["ip link add d0 type veth peer name e0"],
        events=["sysctl -qw net.ipv4.conf.d0.rp_filter=2", "sysctl -qw net.ipv4.conf.all.forwarding=1"],
        keep=[NEWNETCONF],
    ),
    "nsid": dict(events=[f"ip netns set {PEER} 33"], keep=[NEWNSID]),
    "answer4": dict(
        before=TWO_LINKS + ["ip route add default via 192.0.2.254 table 77", "ip rule add lookup 77 pref 10"],
        ask=[route_get(2, bytes([8, 8, 8, 8]))],
    ),
    "answer6": dict(
        before=TWO_LINKS + ["ip -6 route add default via 2001:db8::fe"],
        ask=[route_get(10, socket.inet_pton(socket.AF_INET6, "2001:4860::1"))],
    ),
    "answer4_unreachable": dict(
        before=TWO_LINKS + ["ip route add unreachable default"],
        ask=[route_get(2, bytes([8, 8, 8, 8]))],
    ),
}


def open_socket(groups=()):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.bind((0, 0))
    for group in groups:
        s.setsockopt(270, 1, group)
    s.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK
    return s


def read_until_quiet(s, seconds):
    got = b""
    while select.select([s], [], [], seconds)[0]:
        got += s.recv(1 << 20)
    return got


def split(data):
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        size = (size + 3) & ~3
        yield kind, data[:size]
        data = data[size:]


def run(command):
    if isinstance(command, bytes):
        s = open_socket()
        s.send(command)
        code = struct.unpack_from("=i", s.recv(65536), 16)[0]
        if code:
            raise OSError(-code, f"raw request: {os.strerror(-code)}")
        return
    result = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise OSError(f"{command}: {result.stderr.strip()}")


def enter(name):
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def record(scenario):
    enter(NS)
    for command in scenario.get("before", []):
        run(command)
    if "ask" in scenario:
        s = open_socket()
        got = b""
        for question in scenario["ask"]:
            s.send(question)
            got += read_until_quiet(s, 0.2)
        return got
    s = open_socket(GROUPS)
    time.sleep(0.1)
    read_until_quiet(s, 0.2)
    for command in scenario["events"]:
        run(command)
    got = read_until_quiet(s, 0.3)
    keep = scenario.get("keep")
    return b"".join(m for kind, m in split(got) if not keep or kind in keep)


def describe(scenario):
    def words(command):
        return command if isinstance(command, str) else "raw request, see record.py"

    what = scenario.get("events") or scenario.get("before", [])[-1:] or ["-"]
    how = "events of" if "events" in scenario else "dump or get after"
    more = "" if "events" in scenario else f" and {max(len(scenario.get('before', [])) - 1, 0)} more"
    text = "; ".join(words(c) for c in what)
    return re.sub(rf"{NS}p?", "PEER", f"{how}: {text}{more}")


def record_one(name):
    for ns in (NS, PEER):
        subprocess.run(["ip", "netns", "add", ns], check=True)
    try:
        child = os.fork()
        if not child:
            code = 1
            try:
                data = record(SCENARIOS[name])
                with open(os.path.join(HERE, name + ".bin"), "wb") as f:
                    f.write(data)
                print(f"{name}: {len(data)} bytes, {len(list(split(data)))} messages")
                code = 0 if data else 1
            except OSError as error:
                print(f"{name}: {error}")
            finally:
                sys.stdout.flush()
                os._exit(code)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"{name}: failed")
    finally:
        for ns in (NS, PEER):
            subprocess.run(["ip", "netns", "del", ns], check=False)


def main():
    os.makedirs(HERE, exist_ok=True)
    for name in sys.argv[1:] or SCENARIOS:
        record_one(name)
    tool = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(HERE, "README"), "w", encoding="utf-8") as f:
        f.write(f"Recorded by ../record.py on Linux {platform.release().split('-')[0]} with {tool}.\n\n")
        for name, scenario in SCENARIOS.items():
            f.write(f"{name}.bin\n    {describe(scenario)}\n")


if __name__ == "__main__":
    main()
