//! `Principals`: the identities of both ends of a TLS connection.

/// The URI names in the certificates of a connection with mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Principals {
    pub(super) own: Option<String>,
    pub(super) peer: Option<String>,
}

/// The principals of a connection. The default is a connection without certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrincipalsNumber(pub(super) u32);

/// The namespace in a URI name such as `spiffe://cluster.local/ns/shop/sa/webapp`. As in Istio, the scheme
/// does not matter.
pub(super) fn namespace(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("/ns/")?;
    let namespace = rest.split('/').next();
    namespace.filter(|namespace| !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_uris() {
        for (uri, expected) in [
            ("spiffe://cluster.local/ns/shop/sa/webapp", Some("shop")),
            ("https://td/ns/other/sa/y", Some("other")),
            ("https://cluster.local/ns/shop", Some("shop")),
            ("spiffe://td/ns/first/ns/second", Some("first")),
            ("spiffe://cluster.local/ns/", None),
            ("spiffe://td/ns//ns/second", None),
            ("spiffe://cluster.local/ns", None),
            ("spiffe://cluster.local/sa/webapp", None),
        ] {
            assert_eq!(namespace(uri), expected, "{uri}");
        }
    }
}
