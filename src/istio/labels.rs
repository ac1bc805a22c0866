use crate::{file, printable::place};
use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

/// Reads a file of labels as Kubernetes' downward API writes it: a line `name="value"` each.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, LabelsError> {
    let failed = |flaw| LabelsError {
        path: path.to_owned(),
        flaw,
    };
    let text = file::read_text(path).map_err(|error| failed(Flaw::Io(error)))?;
    parse(&text).map_err(|line| failed(Flaw::Line(line)))
}

/// The labels, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let lines = text.lines().enumerate();
    let labels = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| label(line).ok_or(at + 1));
    labels.collect()
}

fn label(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    // What would be escaped cannot be in a label.
    let plain = !name.is_empty() && !value.contains(['"', '\\']);
    plain.then(|| (name.to_owned(), value.to_owned()))
}

/// A file of pod labels cannot be used: which, and why.
#[derive(Debug)]
pub struct LabelsError {
    path: PathBuf,
    flaw: Flaw,
}

#[derive(Debug)]
enum Flaw {
    Io(io::Error),
    /// With its number, from 1.
    Line(usize),
}

impl LabelsError {
    pub(super) fn is_absence(&self) -> bool {
        matches!(&self.flaw, Flaw::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for LabelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        write!(f, "pod labels {}: ", place(&path))?;
        match &self.flaw {
            Flaw::Io(error) => error.fmt(f),
            Flaw::Line(line) => write!(f, "line {line} is not of the form name=\"value\""),
        }
    }
}

impl Error for LabelsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.flaw {
            Flaw::Io(error) => Some(error),
            Flaw::Line(_) => None,
        }
    }
}
