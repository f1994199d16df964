//! Tables that stay small: what is too wide or too long goes on as text, row by row.
//!
//! Rows of a table are filled up to the width of its head, so that few letters could make
//! hundreds of thousands of cells.

use pulldown_cmark::{Event, Tag, TagEnd};

/// Columns of a table at most.
const MAX_COLUMNS: usize = 20;
/// Cells of all tables of one text at most.
const MAX_CELLS: usize = 1000;

/// How the rows that come are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// As rows of so many cells.
    Table(usize),
    /// As paragraphs.
    Text,
}

/// Counts the cells of one text.
#[derive(Debug)]
pub(super) struct Tables {
    left: usize,
    shown: Shown,
    /// Whether a cell of this row came, in rows that are shown as text.
    began: bool,
    /// Whether what comes next in such a row is to be set apart.
    gap: bool,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            left: MAX_CELLS,
            shown: Shown::Table(0),
            began: false,
            gap: false,
        }
    }
}

impl Tables {
    /// What stands in the place of `event`, in this order.
    pub(super) fn pass<'a>(&mut self, event: Event<'a>) -> [Option<Event<'a>>; 2] {
        match (&event, self.shown) {
            (Event::Start(Tag::Table(columns)), _) => {
                let columns = columns.len();
                let fits = columns <= MAX_COLUMNS && columns <= self.left;
                self.left = self.left.saturating_sub(columns);
                self.shown = if fits {
                    Shown::Table(columns)
                } else {
                    Shown::Text
                };
                [fits.then_some(event), None]
            }
            (Event::Start(Tag::TableRow), Shown::Table(columns)) => {
                if columns <= self.left {
                    self.left -= columns;
                    return [Some(event), None];
                }
                self.shown = Shown::Text;
                self.began = false;
                [
                    Some(Event::End(TagEnd::Table)),
                    Some(Event::Start(Tag::Paragraph)),
                ]
            }
            (Event::End(TagEnd::Table), Shown::Text) => {
                self.shown = Shown::Table(0);
                [None, None]
            }
            (Event::Start(Tag::TableHead | Tag::TableRow), Shown::Text) => {
                (self.began, self.gap) = (false, false);
                [Some(Event::Start(Tag::Paragraph)), None]
            }
            (Event::End(TagEnd::TableHead | TagEnd::TableRow), Shown::Text) => {
                self.gap = false;
                [Some(Event::End(TagEnd::Paragraph)), None]
            }
            (Event::Start(Tag::TableCell), Shown::Text) => {
                self.gap = self.began;
                [None, None]
            }
            (Event::End(TagEnd::TableCell), Shown::Text) => [None, None],
            (_, Shown::Text) => {
                self.began = true;
                let gap = std::mem::take(&mut self.gap);
                let apart = gap.then(|| Event::Text(" ".into()));
                [apart, Some(event)]
            }
            _ => [Some(event), None],
        }
    }
}
