//! Properties of any file of labels.

use std::{fs, path::PathBuf, process, sync::LazyLock, thread};
use tower_b3::istio::Identity;

thread_local! {
    static FILE: LazyLock<PathBuf> = const { LazyLock::new(|| {
        let id = format!("{}-{:?}", process::id(), thread::current().id());
        std::env::temp_dir().join(format!("tower-b3-labels-{id}"))
    }) };
}

/// Input: the content of a file. It is read completely, or the error names the file and the line.
pub fn labels(input: &[u8]) {
    let path = FILE.with(|path| (*path).clone());
    fs::write(&path, input).unwrap();
    let read = Identity::from_vars(|_| None).labels_file(&path);
    let text = std::str::from_utf8(input).ok();
    let lines = text.map(|text| text.lines().collect::<Vec<_>>());
    let first_bad = lines.as_ref().map(|lines| {
        let bad = lines
            .iter()
            .position(|line| !line.is_empty() && !is_label(line));
        bad.map(|at| at + 1)
    });
    match (read, first_bad) {
        (Ok(_), Some(None)) => {}
        (Err(error), bad) => {
            let error = error.to_string();
            let expected = match bad {
                None => "not UTF-8".to_owned(),
                Some(Some(line)) => format!("line {line} is not of the form name=\"value\""),
                Some(None) => panic!("{error}"),
            };
            assert!(error.ends_with(&expected), "{error}");
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        (Ok(_), bad) => panic!("{bad:?} was read"),
    }
}

fn is_label(line: &str) -> bool {
    let inner = line
        .split_once("=\"")
        .filter(|(name, _)| !name.contains('='));
    inner.is_some_and(|(name, rest)| {
        let value = rest.strip_suffix('"');
        !name.is_empty() && value.is_some_and(|value| !value.contains(['"', '\\']))
    })
}
