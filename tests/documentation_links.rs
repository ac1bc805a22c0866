//! The links of the README, the guide and the other Markdown files lead somewhere in a repository
//! view. Those of the guide are defined for rustdoc too, which checks where they lead there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const GUIDE: &str = "src/guide";
/// Definitions for rustdoc, which are not pages.
const FOR_RUSTDOC: [&str; 3] = ["links.md", "links_features.md", "links_docs_rs.md"];

struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn read(path: impl AsRef<Path>) -> Page {
        let path = Path::new(ROOT).join(path);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Page { path, text }
    }

    /// The lines outside of code blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut in_code = false;
        self.text.lines().filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            in_code ^= fence;
            !in_code && !fence
        })
    }

    /// Labels and destinations of the definitions `[label]: destination`.
    fn definitions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.prose()
            .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
    }

    /// Destinations of the links `[text](destination)`.
    fn inline_links(&self) -> impl Iterator<Item = &str> {
        self.prose()
            .flat_map(|line| line.split("](").skip(1))
            .filter_map(|rest| Some(rest.split_once(')')?.0))
    }

    /// The anchors of the headings, as repository views and rustdoc make them.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        let anchor = |heading: &str| {
            let text = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(anchor).collect()
    }

    /// What is wrong with a destination, if it is within the repository.
    fn flaw(&self, destination: &str) -> Option<String> {
        if destination.contains("://") {
            return None;
        }
        let (file, anchor) = destination.split_once('#').unwrap_or((destination, ""));
        let target = match file {
            "" => self.path.clone(),
            file => self.path.parent()?.join(file),
        };
        let flaw = match target.exists() {
            false => "is not there",
            true if anchor.is_empty() => return None,
            true if Page::read(&target).anchors().contains(anchor) => return None,
            true => "has no such heading",
        };
        Some(format!("{}: {destination} {flaw}", self.path.display()))
    }
}

fn guide() -> Vec<Page> {
    let files = fs::read_dir(Path::new(ROOT).join(GUIDE)).expect("the guide");
    let names = files.map(|file| file.expect("a file").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let pages = names.filter(|name| name.ends_with(".md") && !FOR_RUSTDOC.contains(&name.as_str()));
    let pages: Vec<Page> = pages
        .map(|name| Page::read(format!("{GUIDE}/{name}")))
        .collect();
    assert!(pages.len() > 10, "only {} pages", pages.len());
    pages
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let others = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "benches/README.md",
    ];
    let mut pages = guide();
    pages.extend(others.map(Page::read));
    pages.push(Page::read("benches/peers/README.md"));
    let flaws: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            let defined = page.definitions().map(|(_, destination)| destination);
            let links = defined.chain(page.inline_links());
            links.filter_map(|link| page.flaw(link)).collect::<Vec<_>>()
        })
        .collect();
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

#[test]
fn the_guide_defines_each_label_for_the_repository_and_for_rustdoc() {
    let for_rustdoc = ["links.md", "links_features.md"];
    let for_rustdoc = for_rustdoc.map(|name| Page::read(format!("{GUIDE}/{name}")));
    let known: BTreeSet<&str> = for_rustdoc
        .iter()
        .flat_map(|page| page.definitions().map(|(label, _)| label))
        .collect();
    let pages = guide();
    let used: BTreeSet<&str> = pages
        .iter()
        .flat_map(|page| page.definitions().map(|(label, _)| label))
        .collect();
    assert_eq!(used, known);
    for page in &pages {
        let defined: BTreeSet<&str> = page.definitions().map(|(label, _)| label).collect();
        let undefined = known.difference(&defined).find(|label| {
            let reference = format!("[{label}]");
            page.prose().any(|line| line.contains(&reference))
        });
        assert_eq!(undefined, None, "{}: not defined", page.path.display());
        let inline = page.inline_links().find(|link| !link.starts_with('#'));
        assert_eq!(
            inline,
            None,
            "{}: use a reference link",
            page.path.display()
        );
    }
}
