/// How spans are encoded for Zipkin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// [`JsonEncoder`](super::JsonEncoder): readable.
    #[default]
    Json,
    /// [`Proto3Encoder`](super::Proto3Encoder): about half the size, and faster.
    Proto3,
}
