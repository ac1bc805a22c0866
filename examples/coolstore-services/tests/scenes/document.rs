//! Istio's documents, as the services find them in a file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where the documents that are written for a cluster have their Zipkin.
const ZIPKIN: &str = "zipkin.istio-system:9411";

/// A file of documents, for `--config`.
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Several documents become one file.
    pub fn new(dir: &Path, name: &str, documents: &[&str]) -> Document {
        let document = Document {
            path: dir.join(format!("{name}.yaml")),
            text: documents.join("---\n"),
        };
        document.write();
        document
    }

    /// The Zipkin of the documents is the one at this address.
    pub fn with_zipkin(self, addr: SocketAddr) -> Document {
        self.with(ZIPKIN, &addr.to_string())
    }

    /// As `edit`.
    pub fn with(mut self, from: &str, to: &str) -> Document {
        self.edit(from, to);
        self
    }

    /// Changes a text that must be there, and the file with it.
    pub fn edit(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "no {from:?} in:\n{}", self.text);
        self.text = self.text.replace(from, to);
        self.write();
    }

    /// In one step, as an editor or the kubelet does it: nobody reads half a file.
    fn write(&self) {
        let new = self.path.with_extension("new");
        fs::write(&new, &self.text).expect("the document is written");
        fs::rename(&new, &self.path).expect("the document is in its place");
    }

    pub fn path(&self) -> &str {
        self.path.to_str().expect("a path in UTF-8")
    }
}
