//! The address of an endpoint, as a person names it: parsed once, by the rules of browsers, so that odd spellings of a host are seen
//! for what they are.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

use super::Reach;
use crate::{Error, Result};

/// The most characters of an address.
pub const MAX_URL: usize = 2048;

/// The ports that an endpoint may listen on.
const PORTS: [u16; 2] = [443, 8443];

/// Names that lead to no server on the public internet (RFC 6761, 6762, 7686, 8375, 9476, and what ICANN keeps for private use).
const NO_PUBLIC_NAMES: [&str; 11] = [
    "alt",
    "arpa",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "onion",
    "test",
];

/// The address of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// `text`, where an endpoint may be there. `own` is the address of this installation, which tells itself nothing.
    ///
    /// # Errors
    /// `Invalid` on `url`; the message says what to write.
    pub fn parse(text: &str, reach: Reach, own: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refused(
                "Give the address that the events are to be sent to, such as https://example.org/hooks/mixlens.",
            ));
        }
        if text.chars().count() > MAX_URL {
            return Err(refused(format!(
                "Use an address of at most {MAX_URL} characters."
            )));
        }
        let mut url = Url::parse(text).map_err(|_| {
            refused("This is no address. Write it in full, such as https://example.org/hooks/mixlens.")
        })?;
        let is_http = url.scheme() == "http" && reach == Reach::PrivateToo;
        if url.scheme() != "https" && !is_http {
            return Err(refused(
                "Use an address that begins with https://, so that what is sent stays between us.",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "Leave name and password out of the address: each delivery is signed, which proves more.",
            ));
        }
        // Never sent.
        url.set_fragment(None);
        match url.host() {
            Some(Host::Domain(name)) => check_name(name, reach)?,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) if reach == Reach::PrivateToo => {}
            _ => {
                return Err(refused(
                    "Use the name of the host in place of its number: certificates are for names.",
                ));
            }
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if reach == Reach::Public && !PORTS.contains(&port) {
            return Err(refused("Use port 443, which goes without saying, or 8443."));
        }
        let is_own = Url::parse(own).is_ok_and(|own| own.host() == url.host());
        if is_own && reach == Reach::Public {
            return Err(refused(
                "This is the address of MixLens itself. Give one of yours.",
            ));
        }
        Ok(Self(url))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name of its host, for people.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Its host, where that is an address and no name.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }
}

/// The host as the parser spells it: in small letters, IDN as punycode.
fn check_name(name: &str, reach: Reach) -> Result<()> {
    if reach == Reach::PrivateToo {
        return Ok(());
    }
    if name.ends_with('.') {
        return Err(refused("Write the name of the host without a dot at its end."));
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last == name || NO_PUBLIC_NAMES.contains(&last) {
        return Err(refused(format!(
            "“{name}” is a name within a private network. The endpoint has to be on the public internet."
        )));
    }
    Ok(())
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid("url", message)
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As it was stored: it was checked when it was named, and whatever it leads to is checked when it is asked.
impl FromStr for EndpointUrl {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Url::parse(text).map(Self)
    }
}

crate::db::text! { EndpointUrl }

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://mixlens.example.org";

    fn public(text: &str) -> Result<EndpointUrl> {
        EndpointUrl::parse(text, Reach::Public, OWN)
    }

    #[test]
    fn an_address_on_the_public_internet_is_taken_as_the_parser_spells_it() {
        for (text, taken) in [
            (" https://Example.org/Hook?a=B#c ", "https://example.org/Hook?a=B"),
            ("https://example.org:443/", "https://example.org/"),
            ("https://example.org:8443", "https://example.org:8443/"),
            (
                "https://bücher.example.org/ä",
                "https://xn--bcher-kva.example.org/%C3%A4",
            ),
            ("https://ｅｘａｍｐｌｅ.org/", "https://example.org/"),
            ("https:example.org", "https://example.org/"),
        ] {
            assert_eq!(public(text).unwrap().as_str(), taken);
        }
    }

    #[test]
    fn whatever_leads_elsewhere_is_refused_however_it_is_spelled() {
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL));
        for (text, why) in [
            ("", "nothing"),
            ("example.org/hook", "no scheme"),
            ("//example.org", "no scheme"),
            (long.as_str(), "too long"),
            ("http://example.org/", "no TLS"),
            ("ftp://example.org/", "no HTTP"),
            ("file:///etc/passwd", "no host"),
            ("javascript:alert(1)", "no host"),
            ("https://", "no host"),
            ("https://ann@example.org/", "userinfo"),
            ("https://ann:secret@example.org/", "userinfo"),
            (
                "https://example.org@127.0.0.1/",
                "userinfo that looks like a host",
            ),
            ("https://example.org:8080/", "a port of something else"),
            ("https://example.org:22/", "a port of something else"),
            ("https://example.org:0/", "no port"),
            ("https://127.0.0.1/", "loopback"),
            ("https://8.8.8.8/", "a public address in place of a name"),
            ("https://127.1/", "loopback, short"),
            ("https://127.0.1/", "loopback, three parts"),
            ("https://2130706433/", "loopback, decimal"),
            ("https://0x7f000001/", "loopback, hexadecimal"),
            ("https://0x7f.0.0.1/", "loopback, a part hexadecimal"),
            ("https://0177.0.0.1/", "loopback, a part octal"),
            ("https://017700000001/", "loopback, octal"),
            ("https://127.0.0.1./", "loopback, with a dot at its end"),
            ("https://１２７.０.０.１/", "loopback, full width"),
            ("https://127。0。0。1/", "loopback, ideographic full stops"),
            ("https://①②⑦.0.0.1/", "loopback, circled"),
            ("https://%31%32%37.0.0.1/", "loopback, percent-encoded"),
            ("https://0/", "this host"),
            ("https://[::1]/", "loopback of IPv6"),
            ("https://[::ffff:127.0.0.1]/", "loopback, mapped"),
            ("https://[64:ff9b::7f00:1]/", "loopback, by NAT64"),
            ("https://[fe80::1%25eth0]/", "link-local with a zone"),
            (
                "https://169.254.169.254/latest/meta-data/",
                "the metadata of clouds",
            ),
            ("https://localhost/", "this machine"),
            ("https://LOCALHOST/", "this machine, in capitals"),
            ("https://localhost./", "this machine, with a dot at its end"),
            ("https://ⓛocalhost/", "this machine, circled"),
            ("https://a.localhost/", "under localhost"),
            (
                "https://metadata.google.internal/",
                "the metadata of a cloud, by name",
            ),
            ("https://printer.local/", "multicast DNS"),
            ("https://router.lan/", "a private name"),
            ("https://intranet/", "a name without a domain"),
            ("https://1.0.0.127.in-addr.arpa/", "infrastructure"),
            ("https://abc.onion/", "Tor"),
            ("https://example.org./", "a dot at its end"),
            ("https://exa mple.org/", "a space"),
            ("https://exa\u{0}mple.org/", "a NUL"),
            (
                "https://example.org\\@127.0.0.1:9/",
                "a backslash, which is a slash: the rest is its path",
            ),
            ("https://mixlens.example.org/signout", "MixLens itself"),
        ] {
            let parsed = public(text);
            if why.starts_with("a backslash") {
                assert_eq!(parsed.unwrap().host(), "example.org");
                continue;
            }
            let Err(Error::Problem(problem)) = parsed else {
                panic!("{text} is taken: {why}");
            };
            assert_eq!(problem.field.as_deref(), Some("url"), "{text}: {why}");
        }
    }

    #[test]
    fn where_private_networks_are_allowed_addresses_and_plain_http_are_too() {
        for text in [
            "http://127.0.0.1:9/hook",
            "https://[::1]:9/",
            "http://localhost/",
            "https://example.org/",
        ] {
            EndpointUrl::parse(text, Reach::PrivateToo, "http://127.0.0.1:3000").unwrap();
        }
        for text in ["ftp://127.0.0.1/", "http://a:b@127.0.0.1/", ""] {
            EndpointUrl::parse(text, Reach::PrivateToo, OWN).unwrap_err();
        }
    }
}
