use crate::{file, printable::place};
use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

/// Reads a file of labels as Kubernetes' downward API writes it: `name="value"` on each line.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, LabelsError> {
    let error = |reason| LabelsError {
        path: path.to_owned(),
        reason,
    };
    let text = file::read_text(path).map_err(|io_error| error(Reason::Io(io_error)))?;
    parse(&text).map_err(|line| error(Reason::Malformed { line }))
}

/// The labels, or the number of the first line that is malformed.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let lines = text.lines().enumerate();
    let labels = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| parse_line(line).ok_or(index + 1));
    labels.collect()
}

fn parse_line(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    // Labels cannot contain characters that would have to be escaped.
    let valid = !name.is_empty() && !value.contains(['"', '\\']);
    valid.then(|| (name.to_owned(), value.to_owned()))
}

/// A file of pod labels cannot be read. The error names the file and the reason.
#[derive(Debug)]
pub struct LabelsError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Io(io::Error),
    Malformed { line: usize },
}

impl LabelsError {
    pub(super) fn is_not_found(&self) -> bool {
        matches!(&self.reason, Reason::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for LabelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        write!(f, "pod labels {}: ", place(&path))?;
        match &self.reason {
            Reason::Io(error) => error.fmt(f),
            Reason::Malformed { line } => {
                write!(f, "line {line} is not of the form name=\"value\"")
            }
        }
    }
}

impl Error for LabelsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            Reason::Io(error) => Some(error),
            Reason::Malformed { .. } => None,
        }
    }
}
