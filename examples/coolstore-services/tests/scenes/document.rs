//! Istio documents in a file, as the services read them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The address of Zipkin in documents written for a cluster.
const ZIPKIN: &str = "zipkin.istio-system:9411";

/// A file of documents, for `--config`.
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Joins several documents in one file.
    pub fn new(dir: &Path, name: &str, documents: &[&str]) -> Document {
        let document = Document {
            path: dir.join(format!("{name}.yaml")),
            text: documents.join("---\n"),
        };
        document.write();
        document
    }

    /// Replaces the address of Zipkin.
    pub fn with_zipkin(self, addr: SocketAddr) -> Document {
        self.with(ZIPKIN, &addr.to_string())
    }

    /// Like `edit`, for use while building.
    pub fn with(mut self, from: &str, to: &str) -> Document {
        self.edit(from, to);
        self
    }

    /// Replaces a text, which must occur, and rewrites the file.
    pub fn edit(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "no {from:?} in:\n{}", self.text);
        self.text = self.text.replace(from, to);
        self.write();
    }

    /// Replaced in one step, as an editor or the kubelet does it, so nobody reads half a file.
    fn write(&self) {
        let new = self.path.with_extension("new");
        fs::write(&new, &self.text).expect("the document is written");
        fs::rename(&new, &self.path).expect("the document is in its place");
    }

    pub fn path(&self) -> &str {
        self.path.to_str().expect("a path in UTF-8")
    }
}
