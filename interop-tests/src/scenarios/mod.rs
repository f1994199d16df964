//! What is tried with every subject and every peer: one file per theme, and the list of all.

mod actors;
mod attachments;
mod changes;
mod collections;
mod conversations;
mod delivery;
mod discovery;
mod follows;
mod groups;
mod hostile;
mod messages;
mod moderation;
mod polls;
mod reactions;
mod signatures;

use futures_util::future::LocalBoxFuture;

use crate::case::Case;
use crate::outcome::Outcome;

/// Something that has to work, or must not.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name in results and on the command line.
    pub name: &'static str,
    /// What it shows when it passes.
    pub shows: &'static str,
    /// Where that is written down.
    pub source: &'static str,
    /// Whether it is part of the short form.
    pub short: bool,
    /// Whether it changes what others would notice, so that none may run beside it.
    pub alone: bool,
    /// Tries it.
    pub run: for<'a> fn(&'a Case<'a>) -> LocalBoxFuture<'a, Outcome>,
}

/// Scenarios that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Its heading.
    pub name: &'static str,
    /// Its scenarios, in the order in which they are run.
    pub scenarios: &'static [Scenario],
}

/// One entry of a theme: name, function, what it shows, source.
macro_rules! scenario {
    ($name:literal, $run:path, $shows:literal, $source:literal) => {
        $crate::scenarios::Scenario {
            name: $name,
            shows: $shows,
            source: $source,
            short: false,
            alone: false,
            run: |case| Box::pin($run(case)),
        }
    };
    (alone $name:literal, $run:path, $shows:literal, $source:literal) => {
        $crate::scenarios::Scenario {
            name: $name,
            shows: $shows,
            source: $source,
            short: false,
            alone: true,
            run: |case| Box::pin($run(case)),
        }
    };
    (short $name:literal, $run:path, $shows:literal, $source:literal) => {
        $crate::scenarios::Scenario {
            name: $name,
            shows: $shows,
            source: $source,
            short: true,
            alone: false,
            run: |case| Box::pin($run(case)),
        }
    };
}
pub(crate) use scenario;

/// All themes, in the order of the results.
pub const THEMES: &[Theme] = &[
    discovery::THEME,
    actors::THEME,
    follows::THEME,
    messages::THEME,
    conversations::THEME,
    reactions::THEME,
    changes::THEME,
    groups::THEME,
    moderation::THEME,
    polls::THEME,
    attachments::THEME,
    collections::THEME,
    signatures::THEME,
    delivery::THEME,
    hostile::REQUESTS,
    hostile::AUTHORITY,
];

/// All scenarios, in the order of the results.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    THEMES.iter().flat_map(|theme| theme.scenarios)
}

/// The scenario of a name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    all().find(|one| one.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_at_least_twenty_five_hostile_ones() {
        assert!(hostile::count() >= 25, "{}", hostile::count());
    }

    #[test]
    fn names_are_unique_and_make_account_names() {
        let mut seen = BTreeSet::new();
        for one in all() {
            // A name that begins another's would find its exchanges too.
            let begins =
                |other: &Scenario| other.name != one.name && other.name.starts_with(one.name);
            assert!(!all().any(begins), "{} begins another", one.name);
            assert!(seen.insert(one.name), "{} is there twice", one.name);
            assert!(one.name.len() <= 26, "{} is too long", one.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(one.name.chars().all(plain), "{}", one.name);
            assert!(
                !one.shows.is_empty() && !one.source.is_empty(),
                "{}",
                one.name
            );
        }
    }
}
