# SPDX-License-Identifier: MIT
"""What follows with certainty shows in the very version that shows its cause, however long a re-read would take."""

import json
import signal
import time

import harness
from rows import Row

ROUTES = 5000


class AtOnce(Row):
    def watch(self, change, cause, gone):
        """The first version that shows `cause` (class, part of its JSON) shows the ends of all of `gone` too."""
        log = self.ns.start_netvane("-j", "watch", "default", "links", "addrs", "routes", "nexthops")
        time.sleep(0.3 * harness.SLOW)
        self.ns.ip(*change.split())
        self.rest()
        log.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in log.communicate()[0].splitlines()]
        caused = {line["version"] for line in lines if line.get("class") == cause[0] and cause[1] in json.dumps(line)}
        self.assertTrue(caused, f"{change}: {cause} was never shown")
        ends = {line["before"]["dst"]: line["version"] for line in lines
                if line["op"] == "remove" and line["class"] == "route"}
        late = {dst: ends.get(dst, 0) - min(caused) for dst in gone if ends.get(dst) != min(caused)}
        self.assertEqual(late, {}, f"{change}: so many versions after the cause")
        harness.says(f"`{change}`: {len(gone)} routes went in the version that shows it")

    def many(self, way):
        return [f"route add 11.{n >> 8}.{n & 255}.0/24 {way}" for n in range(ROUTES)]

    def destinations(self):
        return {f"11.{n >> 8}.{n & 255}.0/24" for n in range(ROUTES)}

    def test_a_link_that_goes_down_takes_its_ipv4_routes_along_in_the_same_version(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2", *self.many("via 10.0.0.2"))
        self.watch("link set v0 down", ("link", '"ifname": "v0"'), {"default"} | self.destinations())

    def test_the_last_ipv4_address_takes_the_links_routes_along_in_the_same_version(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "route add default via 10.0.0.2",
                   *self.many("via 10.0.0.2"),  # and others, so that a re-read takes its time
                   *(f"route add 12.{n >> 8}.{n & 255}.0/24 via 10.9.0.2" for n in range(30000)))
        self.watch("addr del 10.0.0.1/24 dev v0", ("addr", '"10.0.0.1"'), {"default"} | self.destinations())

    def test_a_deleted_link_takes_its_routes_along_in_the_same_version(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2", *self.many("via 10.0.0.2"))
        self.watch("link del v0", ("link", '"ifname": "v0"'), {"default"} | self.destinations())

    def test_a_deleted_nexthop_takes_its_routes_along_in_the_same_version(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 77 via 10.0.0.2 dev v0", "route add default nhid 77",
                   *self.many("nhid 77"))
        self.watch("nexthop del id 77", ("nexthop", '"id": 77'), {"default"} | self.destinations())

    def test_a_nexthop_that_goes_without_a_word_takes_its_routes_along_in_the_same_version(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 77 via 10.0.0.2 dev v0", "route add default nhid 77",
                   *self.many("nhid 77"))
        self.watch("link set v1 down", ("nexthop", '"id": 77'), {"default"} | self.destinations())


if __name__ == "__main__":
    harness.main()
