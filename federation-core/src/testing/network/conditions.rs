//! What the way between two hosts does to what travels on it.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::chance::Chance;

const INSTANT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_millis(1);

/// The state of the way from one host to another; probabilities go from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Conditions {
    /// How probable it is that a request never arrives.
    pub request_lost: f64,
    /// How probable it is that a request has its effect, and its answer never arrives.
    pub answer_lost: f64,
    /// How probable it is that the sender of what was lost learns it only from its own deadline;
    /// otherwise the connection breaks.
    pub lost_in_silence: f64,
    /// How probable it is that a request arrives a second time, some time later.
    pub duplicated: f64,
    /// How long each way takes.
    pub delay: RangeInclusive<Duration>,
    /// How probable it is that a request is held up on its way, so that later ones overtake it.
    pub held_up: f64,
    /// For how long; it may be longer than its sender waits.
    pub held_up_for: RangeInclusive<Duration>,
}

impl Conditions {
    /// Nothing is lost, doubled or held up; each way takes a millisecond.
    pub fn calm() -> Self {
        Self {
            request_lost: 0.0,
            answer_lost: 0.0,
            lost_in_silence: 0.5,
            duplicated: 0.0,
            delay: INSTANT,
            held_up: 0.0,
            held_up_for: Duration::from_secs(1)..=Duration::from_secs(30),
        }
    }

    /// This share of the exchanges is lost, half of them after their effect; a tenth of that
    /// share is doubled and as much held up; each way takes 5 to 80 ms.
    pub fn stormy(lost: f64) -> Self {
        Self {
            request_lost: lost / 2.0,
            answer_lost: lost / 2.0,
            duplicated: lost / 10.0,
            held_up: lost / 10.0,
            delay: Duration::from_millis(5)..=Duration::from_millis(80),
            ..Self::calm()
        }
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::calm()
    }
}

/// What is decided about one exchange when it sets out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) request_lost: bool,
    pub(super) answer_lost: bool,
    pub(super) silent: bool,
    pub(super) there: Duration,
    pub(super) back: Duration,
    /// When the second copy arrives, if there is one.
    pub(super) again_after: Option<Duration>,
}

impl Fate {
    /// Draws the same count of numbers whatever they say, so that one changed probability leaves
    /// the others' outcomes as they were.
    pub(super) fn draw(chance: &mut Chance, conditions: &Conditions) -> Self {
        let request_lost = chance.happens(conditions.request_lost);
        // Of those that arrive, as many lose their answer as that probability says of all.
        let answer_lost = chance.happens(conditions.answer_lost / (1.0 - conditions.request_lost));
        let silent = chance.happens(conditions.lost_in_silence);
        let duplicated = chance.happens(conditions.duplicated);
        let held_up = chance.happens(conditions.held_up);
        let delay = chance.between(&conditions.delay);
        let back = chance.between(&conditions.delay);
        let hold = chance.between(&conditions.held_up_for);
        let again = chance.between(&conditions.held_up_for);
        Self {
            request_lost,
            answer_lost,
            silent,
            there: if held_up { delay + hold } else { delay },
            back,
            again_after: duplicated.then_some(delay + again),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_loses_the_share_it_says() {
        let mut chance = Chance::new(3);
        let storm = Conditions::stormy(0.2);
        let fates: Vec<Fate> = (0..20_000)
            .map(|_| Fate::draw(&mut chance, &storm))
            .collect();
        let count = |what: fn(&Fate) -> bool| fates.iter().filter(|fate| what(fate)).count();
        let lost = count(|fate| fate.request_lost || fate.answer_lost);
        assert!((3_700..4_300).contains(&lost), "{lost}");
        let after = count(|fate| !fate.request_lost && fate.answer_lost);
        assert!((1_800..2_200).contains(&after), "{after}");
        assert!((300..500).contains(&count(|fate| fate.again_after.is_some())));
    }
}
