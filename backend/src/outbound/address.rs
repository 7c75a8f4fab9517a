//! Which addresses are on the public internet.
//!
//! Of IPv4 what is set apart is listed (IANA's registry of special purposes, RFC 6890); of IPv6 what is given out (2000::/3) is
//! let through but for what is set apart within it, so that whatever is defined later is not. An IPv4 address within an IPv6
//! address is one that a gateway may turn it into: all such ranges are refused, but `::ffff:a.b.c.d`, which is the IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Where an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// On the public internet.
    Public,
    /// On this machine, or in a private network.
    Private,
    /// In a range with a special purpose: nobody's server is there, or something that serves machines and not people.
    Special,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(address: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = address;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

const PRIVATE_V4: [Ipv4Net; 4] = [
    v4(10, 0, 0, 0, 8),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
];

const SPECIAL_V4: [Ipv4Net; 15] = [
    // This network (RFC 791); Linux takes 0.0.0.0 for this machine.
    v4(0, 0, 0, 0, 8),
    // Shared by carriers (RFC 6598), and the metadata of some clouds.
    v4(100, 64, 0, 0, 10),
    // Link-local (RFC 3927): the metadata of clouds, 169.254.169.254.
    v4(169, 254, 0, 0, 16),
    // What hosts in Azure ask of their cloud.
    v4(168, 63, 129, 16, 32),
    // IETF protocols (RFC 6890).
    v4(192, 0, 0, 0, 24),
    // Documentation (RFC 5737).
    v4(192, 0, 2, 0, 24),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // AS112 and AMT (RFC 7535, 7450, 7534).
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 175, 48, 0, 24),
    // Relays of 6to4 (RFC 7526).
    v4(192, 88, 99, 0, 24),
    // Benchmarks (RFC 2544).
    v4(198, 18, 0, 0, 15),
    // Multicast (RFC 5771).
    v4(224, 0, 0, 0, 4),
    // Reserved, and broadcast (RFC 1112, 919).
    v4(240, 0, 0, 0, 4),
];

const PRIVATE_V6: [Ipv6Net; 2] = [
    // Loopback.
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    // Unique local (RFC 4193).
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
];

/// The metadata of a cloud, within the unique local addresses.
const METADATA_V6: Ipv6Net = v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0], 32);

/// All that is given out to networks (RFC 4291 2.4).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Set apart within it.
const SPECIAL_V6: [Ipv6Net; 5] = [
    // IETF protocols (RFC 2928): Teredo 2001::/32, benchmarks, ORCHID.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation (RFC 3849, 9637).
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    // 6to4 (RFC 3056): an IPv4 address in bits 16 to 47.
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    // AS112 (RFC 7534).
    v6([0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0], 48),
];

/// Where `address` is.
#[must_use]
pub fn kind_of(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => kind_of_v4(mapped),
            None => kind_of_v6(address),
        },
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    let is_in = |nets: &[Ipv4Net]| nets.iter().any(|net| net.contains(&address));
    if is_in(&SPECIAL_V4) {
        AddressKind::Special
    } else if is_in(&PRIVATE_V4) {
        AddressKind::Private
    } else {
        AddressKind::Public
    }
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    let is_in = |nets: &[Ipv6Net]| nets.iter().any(|net| net.contains(&address));
    if METADATA_V6.contains(&address) {
        AddressKind::Special
    } else if is_in(&PRIVATE_V6) {
        AddressKind::Private
    } else if GLOBAL_V6.contains(&address) && !is_in(&SPECIAL_V6) && !is_isatap(address) {
        AddressKind::Public
    } else {
        AddressKind::Special
    }
}

/// ISATAP (RFC 5214 6.1): an IPv4 address in the last 32 bits of any prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, e, f, _, _] = address.segments();
    f == 0x5efe && matches!(e, 0 | 0x0200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_that_is_not_the_public_internet_is_known_by_name() {
        use AddressKind::{Private, Public, Special};
        for (address, kind, name) in [
            ("8.8.8.8", Public, "a public address"),
            ("9.255.255.255", Public, "the last before 10/8"),
            ("10.0.0.0", Private, "private, first of 10/8"),
            ("10.255.255.255", Private, "private, last of 10/8"),
            ("11.0.0.0", Public, "the first after 10/8"),
            ("172.15.255.255", Public, "the last before 172.16/12"),
            ("172.16.0.1", Private, "private, 172.16/12"),
            ("172.31.255.255", Private, "private, last of 172.16/12"),
            ("172.32.0.0", Public, "the first after 172.16/12"),
            ("192.168.1.1", Private, "private, 192.168/16"),
            ("127.0.0.1", Private, "loopback"),
            ("127.255.255.254", Private, "loopback, all of 127/8"),
            ("0.0.0.0", Special, "this host"),
            ("0.1.2.3", Special, "this network"),
            ("100.64.0.1", Special, "shared by carriers"),
            ("100.100.100.200", Special, "the metadata of a cloud"),
            ("100.127.255.255", Special, "the last of the carriers'"),
            ("100.128.0.0", Public, "the first after the carriers'"),
            ("169.254.0.1", Special, "link-local"),
            ("169.254.169.254", Special, "the metadata of clouds"),
            ("168.63.129.16", Special, "the wire server of a cloud"),
            ("192.0.0.8", Special, "IETF protocols"),
            ("192.0.2.1", Special, "documentation 1"),
            ("198.51.100.1", Special, "documentation 2"),
            ("203.0.113.1", Special, "documentation 3"),
            ("192.31.196.1", Special, "AS112"),
            ("192.52.193.1", Special, "AMT"),
            ("192.175.48.1", Special, "AS112, delegated directly"),
            ("192.88.99.1", Special, "relays of 6to4"),
            ("198.18.0.1", Special, "benchmarks"),
            ("198.19.255.255", Special, "benchmarks, last"),
            ("224.0.0.1", Special, "multicast"),
            ("239.255.255.255", Special, "multicast, last"),
            ("240.0.0.1", Special, "reserved"),
            ("255.255.255.255", Special, "broadcast"),
            ("2606:4700::1111", Public, "a public IPv6 address"),
            ("::", Special, "unspecified"),
            ("::1", Private, "loopback of IPv6"),
            ("::ffff:8.8.8.8", Public, "a public IPv4 address, mapped"),
            ("::ffff:127.0.0.1", Private, "loopback, mapped"),
            ("::ffff:10.0.0.1", Private, "private, mapped"),
            ("::ffff:169.254.169.254", Special, "metadata, mapped"),
            ("::127.0.0.1", Special, "loopback, IPv4-compatible"),
            ("::ffff:0:127.0.0.1", Special, "loopback, IPv4-translated"),
            ("64:ff9b::7f00:1", Special, "loopback, by NAT64"),
            ("64:ff9b::808:808", Special, "anything by NAT64"),
            ("64:ff9b:1::a00:1", Special, "private, by local NAT64"),
            ("2002:7f00:1::", Special, "loopback, by 6to4"),
            ("2002:a00:1::1", Special, "private, by 6to4"),
            ("2001:0:7f00:1::", Special, "Teredo"),
            ("2001:2::1", Special, "benchmarks of IPv6"),
            ("2001:20::1", Special, "ORCHID"),
            ("2001:200::1", Public, "the first after those of the IETF"),
            ("2001:db8::1", Special, "documentation of IPv6"),
            ("3fff::1", Special, "documentation of IPv6, new"),
            ("2620:4f:8000::1", Special, "AS112 of IPv6"),
            ("2606:4700::5efe:a00:1", Special, "private, by ISATAP"),
            (
                "2606:4700::200:5efe:a00:1",
                Special,
                "private, by ISATAP, universal",
            ),
            ("100::1", Special, "discarded"),
            ("5f00::1", Special, "segment routing"),
            ("fc00::1", Private, "unique local"),
            ("fd12:3456::1", Private, "unique local, made at random"),
            ("fd00:ec2::254", Special, "the metadata of a cloud, IPv6"),
            ("fe80::1", Special, "link-local of IPv6"),
            ("febf::1", Special, "link-local of IPv6, last"),
            ("fec0::1", Special, "site-local"),
            ("ff02::1", Special, "multicast of IPv6"),
            ("4000::1", Special, "not given out"),
        ] {
            assert_eq!(kind_of(address.parse().unwrap()), kind, "{address}: {name}");
        }
    }
}
