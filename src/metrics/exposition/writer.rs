//! `Writer`: the text of all metrics, piece by piece.
//!
//! A full set of series takes more than a hundred megabytes as text, and a tenth of that as numbers and
//! labels. So the text is written while it is sent, and what has been written is freed.

use super::{
    family::{Family, Point},
    negotiate::Format,
    openmetrics, text,
};
use std::{fmt, vec};

pub(super) struct Writer {
    format: Format,
    families: vec::IntoIter<Family>,
    /// The family that is being written: its head, and the points that are left.
    current: Option<(Family, vec::IntoIter<Point>)>,
    ended: bool,
}

impl Writer {
    pub(super) fn new(format: Format, families: Vec<Family>) -> Writer {
        Writer {
            format,
            families: families.into_iter(),
            current: None,
            ended: false,
        }
    }

    /// The whole text.
    pub(super) fn all(mut self) -> String {
        let mut text = String::new();
        while self.write(&mut text, usize::MAX) {}
        text
    }

    /// Appends text until there are at least this many bytes. `false` at the end.
    pub(super) fn write(&mut self, to: &mut String, at_least: usize) -> bool {
        while !self.ended && to.len() < at_least {
            // Writing to a string does not fail.
            let _ = self.write_next(to);
        }
        !self.ended
    }

    fn write_next(&mut self, to: &mut String) -> fmt::Result {
        if let Some((family, points)) = &mut self.current {
            if let Some(point) = points.next() {
                return match self.format {
                    Format::Text => text::write_point(to, family, &point),
                    Format::OpenMetrics(_) => openmetrics::write_point(to, family, &point),
                };
            }
        }
        self.current = self.families.next().map(|mut family| {
            let points = std::mem::take(&mut family.points);
            (family, points.into_iter())
        });
        match (&self.current, self.format) {
            (Some((family, _)), Format::Text) => text::write_head(to, family),
            (Some((family, _)), Format::OpenMetrics(_)) => openmetrics::write_head(to, family),
            (None, format) => {
                self.ended = true;
                if let Format::OpenMetrics(_) = format {
                    to.push_str("# EOF\n");
                }
                Ok(())
            }
        }
    }
}
