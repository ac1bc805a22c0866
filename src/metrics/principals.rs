//! `Principals`: who the two ends of a TLS connection are.

/// The URI names in the certificates of a connection with mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Principals {
    pub(super) own: Option<String>,
    pub(super) peer: Option<String>,
}

/// The principals of a connection. The default is a connection without certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrincipalsNumber(pub(super) u32);

/// The namespace in a SPIFFE id: `spiffe://cluster.local/ns/shop/sa/webapp`.
pub(super) fn namespace(spiffe_id: &str) -> Option<&str> {
    let path = spiffe_id.strip_prefix("spiffe://")?;
    let mut parts = path.split('/').skip_while(|part| *part != "ns");
    parts.next()?;
    parts.next().filter(|namespace| !namespace.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_spiffe_ids() {
        for (id, expected) in [
            ("spiffe://cluster.local/ns/shop/sa/webapp", Some("shop")),
            ("spiffe://cluster.local/ns/", None),
            ("spiffe://cluster.local/sa/webapp", None),
            ("https://cluster.local/ns/shop", None),
        ] {
            assert_eq!(namespace(id), expected, "{id}");
        }
    }
}
