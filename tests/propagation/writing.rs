//! Injection over headers that are already there.

use crate::table::headers_of;
use http::HeaderName;
use tower_b3::{
    Sampling, TraceContext,
    propagation::{Format, Propagation},
};

#[test]
fn b3_headers_that_are_not_written_are_removed() {
    let stale = headers_of(
        "b3: T-S-1|b3: 0|x-b3-traceid: T|x-b3-traceid: t|x-b3-spanid: S|x-b3-parentspanid: P|x-b3-sampled: 0|x-b3-flags: 1",
    );
    let root = TraceContext::root(Sampling::Accept);
    for (formats, left) in [
        (vec![], vec![]),
        (vec![Format::B3Single], vec!["b3"]),
        (vec![Format::W3c], vec!["traceparent"]),
        (
            vec![Format::B3Multi],
            vec!["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"],
        ),
    ] {
        let propagation = Propagation::default().formats(formats);
        let mut out = stale.clone();
        propagation.inject(&root, &Default::default(), &mut out);
        let mut names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, left);
        assert!(
            names
                .iter()
                .all(|name| out.get_all(*name).iter().count() == 1)
        );
    }
}
