//! A parser of Prometheus' text format that shares nothing with the writer.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
    /// The labels and the value of an exemplar.
    pub exemplar: Option<(Vec<(String, String)>, f64)>,
}

/// Types by family, and all samples. Panics if the text is not valid.
pub fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Line>) {
    let mut types = BTreeMap::new();
    let mut lines: Vec<Line> = Vec::new();
    assert!(text.ends_with('\n'));
    for line in text.strip_suffix('\n').unwrap().split('\n') {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let earlier = types.insert(name.to_owned(), kind.to_owned());
            assert_eq!(earlier, None, "the family {name} comes twice");
        } else if !line.starts_with("# HELP ") && line != "# EOF" {
            lines.push(sample(line));
        }
    }
    for (at, line) in lines.iter().enumerate() {
        let mut others = lines[at + 1..].iter();
        let twice = others.find(|other| other.name == line.name && other.labels == line.labels);
        assert_eq!(twice, None);
    }
    (types, lines)
}

fn sample(line: &str) -> Line {
    let mut rest = line;
    let end = rest.find(['{', ' ']).unwrap_or_else(|| panic!("{line:?}"));
    let name = rest[..end].to_owned();
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte)),
        "{line:?}"
    );
    rest = &rest[end..];
    let labels = labels(&mut rest);
    rest = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line:?}"));
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, mut rest)) => {
            let labels = labels_of(&mut rest);
            let mut numbers = rest
                .split(' ')
                .skip(1)
                .map(|number| number.parse().unwrap());
            (value, Some((labels, numbers.next().unwrap())))
        }
        None => (rest, None),
    };
    Line {
        name,
        labels,
        value: value.parse().unwrap_or_else(|_| panic!("{line:?}")),
        exemplar,
    }
}

fn labels(rest: &mut &str) -> Vec<(String, String)> {
    match rest.starts_with('{') {
        true => labels_of(rest),
        false => Vec::new(),
    }
}

fn labels_of(rest: &mut &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut letters = rest.strip_prefix('{').unwrap().chars();
    loop {
        let mut name = String::new();
        let mut letter = letters.next().unwrap();
        if letter == '}' {
            break;
        }
        while letter != '=' {
            name.push(letter);
            letter = letters.next().unwrap();
        }
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            "{name:?}"
        );
        assert_eq!(letters.next(), Some('"'));
        labels.push((name, quoted(&mut letters)));
        match letters.next().unwrap() {
            ',' => {}
            '}' => break,
            other => panic!("{other:?} after a label"),
        }
    }
    *rest = letters.as_str();
    labels
}

fn quoted(letters: &mut std::str::Chars<'_>) -> String {
    let mut value = String::new();
    loop {
        match letters.next().unwrap() {
            '"' => return value,
            '\\' => value.push(match letters.next().unwrap() {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                other => panic!("escaped {other:?}"),
            }),
            letter => value.push(letter),
        }
    }
}
