//! Reads a JSON object of names and lists of numbers.

/// The entries; `None` if the text is something else. Names with escapes are not read: no statistic has
/// such a name.
pub(super) fn read(json: &str) -> Option<Vec<(String, Vec<f64>)>> {
    let mut rest = json;
    let mut entries = Vec::new();
    take(&mut rest, "{")?;
    if take(&mut rest, "}").is_none() {
        loop {
            take(&mut rest, "\"")?;
            let (name, after) = rest.split_once('"')?;
            rest = after;
            take(&mut rest, ":")?;
            entries.push((plain(name)?, numbers(&mut rest)?));
            if take(&mut rest, ",").is_none() {
                break;
            }
        }
        take(&mut rest, "}")?;
    }
    rest.trim().is_empty().then_some(entries)
}

fn numbers(rest: &mut &str) -> Option<Vec<f64>> {
    take(rest, "[")?;
    let (list, after) = rest.split_once(']')?;
    *rest = after;
    if list.trim().is_empty() {
        return Some(Vec::new());
    }
    list.split(',').map(number).collect()
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust reads words such as `inf`, too.
    let digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|_| digits)
}

fn plain(name: &str) -> Option<String> {
    (!name.contains('\\')).then(|| name.to_owned())
}

fn take(rest: &mut &str, token: &str) -> Option<()> {
    *rest = rest.trim_start().strip_prefix(token)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_lists() {
        let read = |json| read(json).map(|entries| format!("{entries:?}"));
        assert_eq!(read("{}").as_deref(), Some("[]"));
        assert_eq!(
            read(" {\"a\" : [1, 2.5,1e3 ] ,\n\"b\":[]} ").as_deref(),
            Some(r#"[("a", [1.0, 2.5, 1000.0]), ("b", [])]"#)
        );
        for json in [
            "",
            "{",
            "[]",
            "{\"a\":1}",
            "{\"a\":[1}",
            "{\"a\":[x]}",
            "{\"a\":[inf]}",
            "{} x",
            "{\"a\":[1],}",
            "{\"a\":[1,]}",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
