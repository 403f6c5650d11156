# SPDX-License-Identifier: MIT
"""netvane -j link equals ip -j -d link for each kind of link that the kernel here has."""

import harness

KINDS = {
    "dummy": ["link add k0 type dummy"],
    "bridge": ["link add k1 type bridge", "link set v1 master k1"],
    "vlan": ["link add link v0 name k2 type vlan id 5", "link add link v0 name k3 type vlan protocol 802.1ad id 7 gvrp on"],
    "macvlan": ["link add link v0 name k4 type macvlan mode bridge", "link add link v0 name k5 type macvtap mode vepa"],
    "vxlan": ["link add k6 type vxlan id 500 dstport 4789 local 10.0.0.1 dev v0"],
    "vrf": ["link add k7 type vrf table 77", "link set k7 up", "link set v1 nomaster", "link set v1 master k7"],
    "bond": ["link add k10 type bond"],
    "tun": ["tuntap add k11 mode tun", "tuntap add k12 mode tap"],
    "tunnels": ["link add k13 type gre local 10.0.0.1 remote 10.0.0.2", "link add k14 type ipip local 10.0.0.1 remote 10.0.0.3",
                "link add k15 type sit local 10.0.0.1 remote 10.0.0.4", "link add k16 type ip6tnl local ::1 remote 2001:db8::9"],
    "wireguard": ["link add k17 type wireguard"],
    "names": ["link property add dev v0 altname a-longer-name-than-fifteen altname another", "link set v0 alias with_\"quotes\"_\\_ünïcode",
              "link set v0 group 7", "link set v1 txqueuelen 0"],
    "addressing": ["link set v0 addrgenmode none", "link set v1 addrgenmode eui64", "link set v0 address 02:00:00:00:00:01",
                   "link set v0 mode dormant", "link set v0 mtu 1280"],
    "protodown": ["link set k4 up", "link set k4 protodown on"],
}


class LinkKinds(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0"])
        self.ns.start_writer()

    def test_kinds(self):
        for name, commands in KINDS.items():
            with self.subTest(name):
                taken = [line for line in commands if self.ns.try_ip(line)]
                for line in commands:
                    if line not in taken:
                        print(f"this kernel or ip refuses: ip {line}", flush=True)
                self.assert_equals_ip(name)
                if taken:
                    harness.says(f"{name}: as ip has it")
        self.assertEqual(self.ns.netvane("-j", "link", "show", "v0").stdout.count('"ifname"'), 1)

    def test_alternative_name_finds_a_link(self):
        if not self.ns.try_ip("link property add dev v0 altname a-longer-name-than-fifteen"):
            self.skipTest("no alternative names")
        self.assert_equals_ip("an alternative name")
        found = self.ns.netvane_json("link", "show", "a-longer-name-than-fifteen")
        self.assertEqual([link["ifname"] for link in found], ["v0"])
        harness.says("an alternative name finds its link")

    def test_veth_made_while_the_writer_runs(self):
        """The kernel announces the first end before it knows the other, and then says no more of it."""
        self.ns.ip("link", "add", "w0", "type", "veth", "peer", "name", "w1")
        self.assert_equals_ip("a new veth pair")
        harness.says("both ends of a new veth pair name each other")

    def test_peer_in_another_namespace(self):
        with harness.Namespace() as other:
            self.ns.ip("link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", other.pid)
            self.assert_equals_ip("a veth into another namespace")
            self.ns.ip("link", "set", "w0", "up")
            other.ip("link", "set", "w1", "up")
            self.assert_equals_ip("its peer is up")
            self.ns.ip("link", "set", "v1", "netns", other.pid)
            self.assert_equals_ip("a link moved away")
        self.assert_equals_ip("the other namespace is gone", patience=20)
        harness.says("links whose peer lies in another namespace, come, go and move as ip sees it")


if __name__ == "__main__":
    harness.main()
