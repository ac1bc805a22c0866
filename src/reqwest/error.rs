use std::{fmt, iter};

/// An error of reqwest.
///
/// It displays like reqwest's own. Its `Debug` text, which becomes the tag `error.reason`, consists of
/// the causes alone: reqwest's would contain the URL with its query, which may hold secrets.
pub struct Error(::reqwest::Error);

impl From<::reqwest::Error> for Error {
    fn from(error: ::reqwest::Error) -> Error {
        Error(error)
    }
}

impl From<Error> for ::reqwest::Error {
    fn from(error: Error) -> ::reqwest::Error {
        error.0
    }
}

impl AsRef<::reqwest::Error> for Error {
    fn as_ref(&self) -> &::reqwest::Error {
        &self.0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = std::error::Error::source(&self.0);
        let mut causes = iter::successors(source, |cause| cause.source());
        match causes.next() {
            Some(cause) => write!(f, "{cause}")?,
            None => f.write_str("the request failed")?,
        }
        causes.try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
