//! The page's files.

use super::reply::{Reply, empty, text, with_type};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
};
use std::{
    borrow::Cow,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Component, Path, PathBuf},
};

const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Where the page's files come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    /// Instead of the embedded files, for work on the page.
    pub(super) directory: Option<PathBuf>,
    /// The path at which the viewer is mounted, without a slash at the end.
    pub(super) prefix: String,
}

impl Page {
    /// The page. The URLs of its files get the prefix, so that they are right in every view.
    pub(super) fn index(&self, headers: &HeaderMap) -> Reply {
        let Some(index) = self.read("index.html") else {
            let sentence = "The page is missing. It is built into a release.";
            return text(StatusCode::NOT_FOUND, sentence);
        };
        let index = String::from_utf8_lossy(&index);
        let index = index.replace("=\"page/", &format!("=\"{}/page/", self.prefix));
        cached(
            headers,
            "text/html; charset=utf-8",
            Cow::Owned(index.into_bytes()),
        )
    }

    /// The file at this path below `/page/`.
    pub(super) fn file(&self, path: &str, headers: &HeaderMap) -> Option<Reply> {
        let content = self.read(path)?;
        Some(cached(headers, media_type(path), content))
    }

    fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        let Some(directory) = &self.directory else {
            let file = FILES.iter().find(|(name, _)| *name == path);
            return file.map(|(_, content)| Cow::Borrowed(*content));
        };
        let mut components = Path::new(path).components();
        let is_inside = components.all(|part| matches!(part, Component::Normal(_)));
        let content = is_inside.then(|| fs::read(directory.join(path)));
        content?.ok().map(Cow::Owned)
    }
}

/// Browsers keep the file, and ask whether it has changed.
fn cached(headers: &HeaderMap, kind: &'static str, content: Cow<'static, [u8]>) -> Reply {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()));
    let is_known = |tag: &HeaderValue| headers.get(IF_NONE_MATCH) == Some(tag);
    let mut reply = match &tag {
        Ok(tag) if is_known(tag) => empty(StatusCode::NOT_MODIFIED),
        _ => {
            let kind = HeaderValue::from_static(kind);
            match content {
                Cow::Borrowed(content) => with_type(StatusCode::OK, kind, content),
                Cow::Owned(content) => with_type(StatusCode::OK, kind, content),
            }
        }
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = tag {
        headers.insert(ETAG, tag);
    }
    reply
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
