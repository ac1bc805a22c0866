//! The modules of the crate, and which imports go against the dependency order.

use crate::{
    imports::imports,
    tokens::{Token, tokens, without_tests},
};
use std::collections::{BTreeMap, BTreeSet};

/// A source file by its path below `src`.
pub struct File {
    pub path: String,
    pub text: String,
}

/// An import from a later module.
#[derive(Debug, PartialEq)]
pub struct Upward {
    pub from: String,
    pub to: String,
    /// File and line.
    pub place: String,
}

/// What is wrong with these imports, if those between the known pairs of modules are allowed: imports
/// between other modules, and pairs that no import needs any longer.
pub fn violations(upward: &[Upward], known: &[(&str, &str)]) -> Vec<String> {
    let is_pair = |one: &Upward, pair: &(&str, &str)| (one.from.as_str(), one.to.as_str()) == *pair;
    let new = upward
        .iter()
        .filter(|one| !known.iter().any(|pair| is_pair(one, pair)))
        .map(|one| format!("{}: {} imports from {}", one.place, one.from, one.to));
    let gone = known
        .iter()
        .filter(|pair| !upward.iter().any(|one| is_pair(one, pair)))
        .map(|(from, to)| format!("{from} no longer imports from {to}: remove the exception"));
    let all: BTreeSet<String> = new.chain(gone).collect();
    all.into_iter().collect()
}

pub struct Crate<'a> {
    modules: Vec<Module<'a>>,
    /// What the root re-exports, and the module that it comes from.
    reexports: BTreeMap<String, Vec<String>>,
}

struct Module<'a> {
    path: Vec<String>,
    file: &'a str,
    tokens: Vec<Token<'a>>,
}

impl<'a> Crate<'a> {
    pub fn read(files: &'a [File]) -> Crate<'a> {
        let mut modules = Vec::new();
        let mut tests = BTreeSet::new();
        for file in files {
            let path = module_path(&file.path);
            let (tokens, test_modules) = without_tests(&tokens(&file.text));
            tests.extend(test_modules.into_iter().map(|name| child(&path, name)));
            modules.push(Module {
                path,
                file: &file.path,
                tokens,
            });
        }
        modules.retain(|module| !tests.contains(&module.path));
        let mut read = Crate {
            modules,
            reexports: BTreeMap::new(),
        };
        read.reexports = read.read_reexports();
        read
    }

    fn read_reexports(&self) -> BTreeMap<String, Vec<String>> {
        let root = self.modules.iter().find(|module| module.path.is_empty());
        let imports = root
            .map(|root| imports(&root.tokens, &[]))
            .unwrap_or_default();
        let named = imports.into_iter().filter_map(|import| {
            let name = import.path.last()?.clone();
            Some((name, self.module_of(&import.path)?))
        });
        named.collect()
    }

    /// The deepest module on a path, or the module of what the root re-exports by this name.
    fn module_of(&self, path: &[String]) -> Option<Vec<String>> {
        let depth = (1..=path.len()).rev().find(|depth| {
            self.modules
                .iter()
                .any(|module| module.path == path[..*depth])
        });
        match depth {
            Some(depth) => Some(path[..depth].to_vec()),
            None => self.reexports.get(path.first()?).cloned(),
        }
    }

    /// The modules directly inside of this one.
    pub fn children(&self, parent: &[String]) -> BTreeSet<String> {
        let inside = |module: &&Module<'_>| {
            module.path.len() == parent.len() + 1 && module.path.starts_with(parent)
        };
        let children = self.modules.iter().filter(inside);
        children
            .map(|module| module.path[parent.len()].clone())
            .collect()
    }

    /// The imports among the modules inside of this one from a later module. The module itself comes
    /// after all of them.
    pub fn upward_imports(&self, parent: &[String], order: &[String]) -> Vec<Upward> {
        let facade = order.len();
        let position = |module: &[String]| {
            let inside = module.strip_prefix(parent)?;
            let listed = |name: &String| order.iter().position(|other| other == name);
            inside.first().map_or(Some(facade), listed)
        };
        let name = |position: usize| match order.get(position) {
            Some(module) => module.clone(),
            None => "the module around them".to_owned(),
        };
        let mut upward = Vec::new();
        for module in &self.modules {
            let Some(from) = position(&module.path) else {
                continue;
            };
            for import in imports(&module.tokens, &module.path) {
                let Some(to) = self.module_of(&import.path).and_then(|to| position(&to)) else {
                    continue;
                };
                if to > from {
                    upward.push(Upward {
                        from: name(from),
                        to: name(to),
                        place: format!("{}:{}", module.file, import.line),
                    });
                }
            }
        }
        upward
    }
}

fn child(parent: &[String], name: &str) -> Vec<String> {
    let name = name.to_owned();
    parent.iter().cloned().chain([name]).collect()
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`, and `lib.rs` is the root.
fn module_path(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}
