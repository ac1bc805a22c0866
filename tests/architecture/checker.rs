//! The checker itself, on a small crate.

use crate::modules::{Crate, File, Upward, violations};

const ORDER: [&str; 3] = ["low", "middle", "high"];

/// The upward imports of a crate in which one file has this text, as `from -> to`.
fn upward(path: &str, text: &str) -> Vec<String> {
    let mut files: Vec<(&str, &str)> = vec![
        (
            "lib.rs",
            "mod low;\nmod middle;\nmod high;\npub use high::{Top, top};",
        ),
        ("low.rs", ""),
        ("middle/mod.rs", "mod inner;"),
        ("middle/inner.rs", ""),
        ("high/mod.rs", "mod inner;"),
        ("high/inner.rs", ""),
    ];
    files.retain(|(other, _)| *other != path);
    files.push((path, text));
    let files: Vec<File> = files
        .into_iter()
        .map(|(path, text)| File {
            path: path.to_owned(),
            text: text.to_owned(),
        })
        .collect();
    let order = ORDER.map(str::to_owned);
    let upward = Crate::read(&files).upward_imports(&[], &order);
    upward
        .into_iter()
        .map(|one| format!("{} -> {}", one.from, one.to))
        .collect()
}

#[track_caller]
fn assert_upward(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(upward(path, text), expected, "{path}: {text}");
}

#[test]
fn an_import_from_a_later_module_is_found_in_every_form() {
    for text in [
        "use crate::high::Top;",
        "use crate::{low::Low, high::{self, Top}};",
        "use crate::high::*;",
        "use crate::high::inner::Deep as Other;",
        "use crate::high;",
        "use super::high::Top;",
        "pub(crate) use crate::high::Top;",
        "fn f() { crate::high::top(); }",
        "fn f() -> super::high::Top { todo() }",
        "impl<T: crate::high::Trait> X for T {}",
        "mod local { use super::super::high::Top; }",
        "macro_rules! m { () => { $crate::high::top() } }",
        "/// A comment.\n#[derive(Debug)]\nstruct S(crate::high::Top);",
        "#[cfg(not(test))]\nuse crate::high::Top;",
        "const QUOTE: char = '\\''; use crate::high::Top;",
        "fn f<'a>(_: &'a str) { crate::high::top() }",
        // By the root's re-exports.
        "use crate::Top;",
        "fn f() { crate::top(); }",
    ] {
        let found = upward("low.rs", text);
        assert!(!found.is_empty(), "{text}");
        assert!(found.iter().all(|one| one == "low -> high"), "{found:?}");
    }
    assert_upward(
        "middle/inner.rs",
        "use crate::high::Top;",
        &["middle -> high"],
    );
    assert_upward(
        "middle/mod.rs",
        "mod inner; use super::high::Top;",
        &["middle -> high"],
    );
}

#[test]
fn imports_from_earlier_modules_and_the_same_one_are_allowed() {
    for text in [
        "use crate::low::Low;",
        "use crate::{low::{self, Low}, middle::inner::Deep};",
        "use super::{inner::Deep, Low};",
        "use super::inner::Deep; pub(in crate::high) fn f() {}",
        "use std::high::Top; use serde::high;",
        "fn f() { high::top(); }",
        "fn f() -> impl Sized + use<> {}",
    ] {
        assert_upward("middle/mod.rs", text, &[]);
    }
    assert_upward(
        "high/inner.rs",
        "use crate::{middle::inner, low}; use crate::Top;",
        &[],
    );
    assert_upward(
        "lib.rs",
        "mod low; mod middle; mod high; pub use high::Top;",
        &[],
    );
}

#[test]
fn comments_text_and_tests_do_not_count() {
    for text in [
        "//! [`Top`](crate::high::Top)",
        "/// ```\n/// use crate::high::Top;\n/// ```\nstruct S;",
        "/* use crate::high::Top; /* nested */ use crate::high::Top; */",
        "const A: &str = \"crate::high::top\"; const B: &str = r#\"\" crate::high::top\"#;",
        "#[doc = \"crate::high::Top\"]\nstruct S;",
        "#[cfg(test)]\nmod tests { use crate::high::Top; fn f() { super::f() } }",
        "#[cfg(test)]\nuse crate::high::{Top, top};",
        "#[cfg(all(test, feature = \"a\"))]\n#[derive(Debug)]\nstruct S { top: crate::high::Top }",
        "#[test]\nfn f() { crate::high::top(); }",
    ] {
        assert_upward("low.rs", text, &[]);
    }
    let files = ["low/mod.rs", "low/tests.rs"].map(|path| File {
        path: path.to_owned(),
        text: match path {
            "low/mod.rs" => "#[cfg(test)]\nmod tests;".to_owned(),
            _ => "use crate::high::Top;".to_owned(),
        },
    });
    let order = ORDER.map(str::to_owned);
    assert_eq!(Crate::read(&files).upward_imports(&[], &order), []);
}

#[test]
fn what_follows_a_test_item_counts() {
    assert_upward(
        "low.rs",
        "#[cfg(test)]\nmod tests { }\nuse crate::high::Top;\nmod local { }\nfn f() { crate::middle::f() }",
        &["low -> high", "low -> middle"],
    );
}

#[test]
fn a_module_may_not_import_from_the_facade_around_it() {
    let files = [
        ("parent/mod.rs", "mod a; mod b; pub use b::B;"),
        ("parent/a.rs", "use super::B;"),
        ("parent/b.rs", "use super::a::A; use crate::parent::a;"),
    ];
    let files = files.map(|(path, text)| File {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    let parent = ["parent".to_owned()];
    let order = ["a".to_owned(), "b".to_owned()];
    let upward = Crate::read(&files).upward_imports(&parent, &order);
    let places: Vec<&str> = upward.iter().map(|one| one.place.as_str()).collect();
    assert_eq!(places, ["parent/a.rs:1"]);
}

#[test]
fn an_exception_is_allowed_until_no_import_needs_it() {
    let upward = |from: &str, to: &str| Upward {
        from: from.to_owned(),
        to: to.to_owned(),
        place: format!("{from}.rs:1"),
    };
    let imports = [upward("low", "high"), upward("low", "middle")];
    assert_eq!(
        violations(&imports, &[("low", "high")]),
        ["low.rs:1: low imports from middle"]
    );
    assert_eq!(
        violations(&imports, &[("low", "high"), ("low", "middle")]),
        [""; 0]
    );
    assert_eq!(
        violations(&[], &[("low", "high")]),
        ["low no longer imports from high: remove the exception"]
    );
}
