use super::DecodeError;
use crate::model::Span;

/// How much memory the spans of one message may take.
///
/// Spans repeat what a message says once: the attributes of their resource or process. So a message
/// within its limit could become spans without a limit.
#[derive(Default)]
pub(super) struct Budget(usize);

const MOST_BYTES: usize = 256 << 20;

impl Budget {
    pub(super) fn spend(&mut self, span: &Span) -> Result<(), DecodeError> {
        self.0 += span.bytes();
        if self.0 <= MOST_BYTES {
            return Ok(());
        }
        let most = MOST_BYTES >> 20;
        let reason = format!(
            "its spans take more than {most} MiB, with the attributes that they share; send fewer \
             spans at once"
        );
        Err(DecodeError::new(reason))
    }
}
