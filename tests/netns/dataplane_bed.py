# SPDX-License-Identifier: MIT
"""Two routers with the same configuration, and a hub that all their ports lead to.

In one namespace the kernel forwards; in the other it does not, and bench/dataplane does by the State of a netvaned there.
The hub sends each packet to both, by packet sockets, and notes which frames come back: by which port, with which bytes. The
MAC addresses of the routers and of the next hops are the same in both, so that frames can be compared as they are.
"""

import collections
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import harness

DATAPLANE = os.path.join(harness.BIN, "..", "bench", "dataplane", "dataplane")
PORTS = 4
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
MAGIC = b"nvdp"
KERNEL, NETVANE = "kernel", "netvane"
REDIRECTS = {4: 5, 6: 137}
SMALL_MTU = 1300  # of the last port


def router_mac(port):
    return bytes((2, 0, 0, 0, 1, port))


def hop_mac(port, host):
    return bytes((2, 0xaa, 0, 0, port, host))


def mac_text(mac):
    return mac.hex(":")


def require():
    harness.require()
    if not os.access(DATAPLANE, os.X_OK):
        harness.skip(f"the dataplane is not built ({DATAPLANE})")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        harness.skip("/dev/net/tun cannot be used")


def sockets_inside(ns, names):
    """Packet sockets on links of a namespace. This process only visits it."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    with open("/proc/self/ns/net", "rb") as home, open(f"/proc/{ns.pid}/ns/net", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            for name in names:
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                sock.setsockopt(263, PACKET_IGNORE_OUTGOING, 1)  # SOL_PACKET
                for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
                    try:
                        sock.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
                        break
                    except PermissionError:
                        continue
                sock.bind((name, ETH_P_ALL))
                found.append(sock)
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)
    return found


# ---- packets -------------------------------------------------------------------------------------------


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


Packet = collections.namedtuple("Packet", "number family port src dst ttl tos proto sport dport size")


def frame_of(p):
    """UDP, TCP or an echo request with the packet's number in it; IPv4 with "don't fragment"."""
    payload = MAGIC + struct.pack("!I", p.number) + b"x" * max(0, p.size - 60)
    af = socket.AF_INET if p.family == 4 else socket.AF_INET6
    src, dst = socket.inet_pton(af, p.src), socket.inet_pton(af, p.dst)
    if p.proto == "udp":
        number, upper, at = 17, struct.pack("!HHHH", p.sport, p.dport, 8 + len(payload), 0), 6
    elif p.proto == "tcp":
        number, upper, at = 6, struct.pack("!HHIIBBHHH", p.sport, p.dport, 1, 1, 0x50, 0x10, 100, 0, 0), 16
    else:
        number, upper, at = (1, struct.pack("!BBHHH", 8, 0, 0, 7, 7), 2) if p.family == 4 else \
                            (58, struct.pack("!BBHHH", 128, 0, 0, 7, 7), 2)
    body = upper + payload
    pseudo = b"" if number == 1 else src + dst + struct.pack("!II", len(body), number)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body) or 0xffff) + body[at + 2:]
    if p.family == 4:
        head = struct.pack("!BBHHHBBH", 0x45, p.tos, 20 + len(body), p.number & 0xffff, 0x4000, p.ttl, number, 0)
        head = head[:10] + struct.pack("!H", checksum(head + src + dst)) + src + dst
    else:
        head = struct.pack("!IHBB", 6 << 28 | p.tos << 20 | (p.number & 0xfffff), len(body), number, p.ttl) + src + dst
    kind = b"\x08\x00" if p.family == 4 else b"\x86\xdd"
    return router_mac(p.port) + hop_mac(p.port, 2) + kind + head + body


Seen = collections.namedtuple("Seen", "port frame")  # the frame without what the kernel draws by lot


def take_apart(frame):
    """(number of the packet, frame to compare), or None where it is none of ours."""
    at = frame.find(MAGIC)
    if at < 0 or len(frame) < at + 8:
        return None
    number = struct.unpack_from("!I", frame, at + 4)[0]
    if frame[12:14] == b"\x08\x00":
        if frame[23] == 1 and frame[34] == REDIRECTS[4]:
            return None
        if frame[26:28] == b"\x0a\x00" and frame[29] == 1:  # from a router: its identification is a random number
            frame = frame[:18] + b"\0\0" + frame[20:24] + b"\0\0" + frame[26:]
    elif frame[12:14] == b"\x86\xdd":
        if frame[20] == 58 and frame[54] == REDIRECTS[6]:
            return None
        if frame[22:28] == b"\x20\x01\x0d\xb8\0\0" and frame[30:38] == b"\0\0\0\0\0\0\0\x01":  # and here the flow label
            frame = frame[:15] + bytes((frame[15] & 0xf0, 0, 0)) + frame[18:]
    return number, frame


def kind_of(seen):
    """What happened to a packet, in short: ("out", port, MAC), ("icmp", type, code) or ("nothing",)."""
    if not seen:
        return ("nothing",)
    if len(seen) > 1:
        return ("several", *sorted(kind_of([one]) for one in seen))
    port, frame = seen[0]
    at, icmp = (34, 1) if frame[12:14] == b"\x08\x00" else (54, 58)
    proto = frame[23] if icmp == 1 else frame[20]
    error = {1: (3, 11), 58: (1, 2, 3)}[icmp]
    if proto == icmp and frame[at] in error:
        return ("icmp", frame[at], frame[at + 1])
    return ("out", port, mac_text(frame[:6]))


# ---- the bed -------------------------------------------------------------------------------------------


class Bed:
    """The hub, both routers, netvaned and the dataplane."""

    def __init__(self, *arguments):
        self.hub = harness.Namespace()
        self.routers = {KERNEL: harness.Namespace(), NETVANE: harness.Namespace()}
        self.sent = {}
        self.arrived = {KERNEL: collections.defaultdict(list), NETVANE: collections.defaultdict(list)}
        self.answers_arp = {}  # address: MAC
        self.changers = {}
        self.links()
        self.kernel, self.netvane = self.routers[KERNEL], self.routers[NETVANE]
        self.writer = self.netvane.start_writer()
        self.start_dataplane(*arguments)
        self.configure(self.addresses())
        self.sockets, self.by_socket = {}, {}
        for router, prefix in ((KERNEL, "k"), (NETVANE, "n")):
            for port, sock in enumerate(sockets_inside(self.hub, [f"{prefix}{n}" for n in range(PORTS)])):
                self.sockets[router, port] = sock
                self.by_socket[sock.fileno()] = (router, port, sock)
        self.ending = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def links(self):
        kernel, netvane = self.routers[KERNEL], self.routers[NETVANE]
        kernel.sysctl("ipv4/ip_forward", 1)
        kernel.sysctl("ipv6/conf/all/forwarding", 1)
        kernel.sysctl("ipv6/conf/default/forwarding", 1)
        for ns in (kernel, netvane):  # errors as often as there is a reason for one
            for key, value in (("ipv4/icmp_ratemask", 0), ("ipv4/icmp_ratelimit", 0), ("ipv6/icmp/ratelimit", 0),
                               ("ipv4/icmp_msgs_per_sec", 1000000), ("ipv4/icmp_msgs_burst", 100000)):
                ns.sysctl(key, value)
        self.hub.sysctl("ipv6/conf/default/disable_ipv6", 1)
        self.hub.ip_batch([line for n in range(PORTS) for line in (
            f"link add k{n} type veth peer name p{n} netns {kernel.pid}",
            f"link add n{n} type veth peer name w{n} netns {netvane.pid}",
            f"link set k{n} up arp off", f"link set n{n} up arp off")])
        for n in range(PORTS):
            netvane.sysctl(f"ipv6/conf/w{n}/disable_ipv6", 1)
        netvane.ip_batch([line for n in range(PORTS) for line in (
            f"link set w{n} up arp off", f"tuntap add dev p{n} mode tap")])
        self.configure([line for n in range(PORTS) for line in (
            f"link set p{n} address {mac_text(router_mac(n))} addrgenmode none",
            f"link set p{n} mtu {SMALL_MTU if n == PORTS - 1 else 1500}", f"link set p{n} up")])

    @staticmethod
    def addresses():
        """Of both routers: an address of each family, and static neighbours 2 to 5 in each network."""
        lines = []
        for n in range(PORTS):
            lines += [f"addr add 10.0.{n}.1/24 dev p{n}", f"-6 addr add 2001:db8:0:{n}::1/64 dev p{n} nodad"]
            for host in range(2, 6):
                mac = mac_text(hop_mac(n, host))
                lines += [f"neigh add 10.0.{n}.{host} lladdr {mac} nud permanent dev p{n}",
                          f"neigh add 2001:db8:0:{n}::{host} lladdr {mac} nud permanent dev p{n}",
                          f"neigh add fe80::{host} lladdr {mac} nud permanent dev p{n}"]
        # The ways back to the sources that packets have.
        return lines + ["route add 10.50.0.0/16 via 10.0.0.2", "route add 10.51.0.0/16 via 10.0.1.2",
                        "-6 route add 2001:db8:50::/48 via 2001:db8::2",
                        "-6 route add 2001:db8:51::/48 via 2001:db8:0:1::2"]

    def configure(self, lines):
        for ns in self.routers.values():
            ns.ip_batch(lines)

    # ---- processes ---------------------------------------------------------------------------------------

    def start_dataplane(self, *arguments):
        ports = [word for n in range(PORTS) for word in ("--port", f"p{n}=w{n}")]
        self.dataplane = self.netvane.start(
            DATAPLANE, "--dir", self.netvane.dir, *ports, "--json", "--icmp-rate", 0, *arguments,
            stdout=subprocess.PIPE)
        line = self.dataplane.stdout.readline()
        if line != "dataplane: ready\n":
            raise AssertionError(f"the dataplane said {line!r}")

    def counters(self):
        self.dataplane.send_signal(signal.SIGUSR1)
        return json.loads(self.dataplane.stdout.readline())

    def end_dataplane(self):
        self.dataplane.send_signal(signal.SIGTERM)
        last = json.loads(self.dataplane.stdout.readline())
        code = self.dataplane.wait(10 * harness.SLOW)
        self.netvane.forget(self.dataplane)
        return code, last

    def restart_writer(self):
        self.writer.kill()
        self.netvane.forget(self.writer)
        self.writer = self.netvane.start_writer()

    def start_changers(self):
        """One `ip -batch` for each router, that takes its lines as they come."""
        for router, ns in self.routers.items():
            self.changers[router] = ns.start("ip", "-force", "-batch", "-", stdin=subprocess.PIPE,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def change(self, line):
        for changer in self.changers.values():
            changer.stdin.write(line + "\n")
            changer.stdin.flush()

    def end_changers(self):
        """What they complained of."""
        said = []
        for router, changer in self.changers.items():
            changer.stdin.close()
            said.append(changer.stderr.read())
            self.routers[router].forget(changer)
        self.changers = {}
        return "".join(said)

    def settle(self):
        """Until netvaned has all that the kernel has, and the dataplane, which looks before each batch, as well."""
        wrong = harness.compare_all(self.netvane, 5)
        if wrong:
            raise AssertionError("the State is not the kernel's:\n" + "\n".join(wrong[:10]))

    def close(self):
        self.ending = True
        self.reader.join(5)
        for sock in self.sockets.values():
            sock.close()
        for ns in (*self.routers.values(), self.hub):
            ns.close()

    # ---- packets -----------------------------------------------------------------------------------------

    def read(self):
        poll = select.poll()
        for fd in self.by_socket:
            poll.register(fd, select.POLLIN)
        while not self.ending:
            for fd, _ in poll.poll(100):
                router, port, sock = self.by_socket[fd]
                for _ in range(64):
                    try:
                        frame = sock.recv(4096, socket.MSG_DONTWAIT)
                    except (BlockingIOError, OSError):
                        break
                    self.take(router, port, sock, frame)

    def take(self, router, port, sock, frame):
        if frame[12:14] == b"\x08\x06":
            mac = self.answers_arp.get(socket.inet_ntop(socket.AF_INET, frame[38:42]))
            if mac and frame[20:22] == b"\0\1":
                sock.send(frame[6:12] + mac + frame[12:20] + b"\0\2" + mac + frame[38:42] + frame[22:32])
            return
        ours = take_apart(frame)
        if ours:
            self.arrived[router][ours[0]].append(Seen(port, ours[1]))

    def send(self, packet):
        frame = frame_of(packet)
        self.sent[packet.number] = packet
        for router in (KERNEL, NETVANE):
            self.sockets[router, packet.port].send(frame)

    def send_all(self, packets, chunk=32):
        """All of them, not faster than they are forwarded; then waits for the last ones."""
        for n, packet in enumerate(packets):
            self.send(packet)
            if n % chunk == chunk - 1:
                time.sleep(0.002 * harness.SLOW)
        self.wait_quiet()

    def wait_quiet(self):
        count = -1
        while count != (count := sum(map(len, self.arrived[KERNEL].values())) + sum(
                map(len, self.arrived[NETVANE].values()))):
            time.sleep(0.15 * harness.SLOW)

    def seen(self, router, number):
        return sorted(self.arrived[router].get(number, ()))
